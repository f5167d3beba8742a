import type { Pod } from "@triarch/api";
import type { Rng } from "@triarch/base";
import { filtersFor, type Refusal } from "./filters.ts";
import { scoreNodes, type Scores } from "./scores.ts";
import type { NodeInfo, Snapshot } from "./snapshot.ts";

export type Decision =
  | {
      readonly kind: "node";
      readonly nodeName: string;
      /** Weighted; empty where only one node was feasible. */
      readonly pluginScores: ReadonlyMap<string, Scores>;
      readonly totalScores: Scores;
    }
  /** `message` as the FailedScheduling event and the PodScheduled condition carry it. */
  | { readonly kind: "unschedulable"; readonly message: string };

/**
 * Picks a node for the pod: filters, then the highest total of the scores; among equals one at random.
 * Preemption is absent: a pod that would need it waits, and the message says so.
 */
export function schedule(pod: Pod, snapshot: Snapshot, rng: Rng): Decision {
  if (snapshot.nodes.length === 0) return { kind: "unschedulable", message: "no nodes available to schedule pods" };
  const filters = filtersFor(pod, snapshot);
  const refusals: Refusal[] = [];
  const feasible: NodeInfo[] = [];
  for (const info of snapshot.nodes) {
    let refusal: Refusal | undefined;
    for (const filter of filters) {
      refusal = filter(info);
      if (refusal !== undefined) break;
    }
    if (refusal === undefined) feasible.push(info);
    else refusals.push(refusal);
  }
  const [only] = feasible;
  if (only === undefined) return { kind: "unschedulable", message: unschedulableMessage(pod, refusals) };
  if (feasible.length === 1)
    return { kind: "node", nodeName: only.name, pluginScores: new Map(), totalScores: new Map() };
  const pluginScores = scoreNodes(pod, snapshot, feasible);
  const totalScores = new Map(
    feasible.map((info) => [
      info.name,
      [...pluginScores.values()].reduce((sum, scores) => sum + (scores.get(info.name) ?? 0), 0),
    ]),
  );
  const most = Math.max(...totalScores.values());
  const best = feasible.filter((info) => totalScores.get(info.name) === most);
  const chosen = best[rng.int(best.length)] ?? only;
  return { kind: "node", nodeName: chosen.name, pluginScores, totalScores };
}

function unschedulableMessage(pod: Pod, refusals: readonly Refusal[]): string {
  const reasons = counted(refusals.flatMap((one) => one.reasons));
  const head = `0/${refusals.length} nodes are available: ${reasons}. no new claims to deallocate, preemption: `;
  if (pod.spec?.preemptionPolicy === "Never") return `${head}not eligible due to preemptionPolicy=Never.`;
  const prospects = refusals.map((one) =>
    one.resolvable ? "No preemption victims found for incoming pod" : "Preemption is not helpful for scheduling",
  );
  return `${head}0/${refusals.length} nodes are available: ${counted(prospects)}.`;
}

/** `2 Insufficient cpu, 1 ...`, sorted as text. */
function counted(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(", ");
}
