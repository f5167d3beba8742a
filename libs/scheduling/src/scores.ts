// The ranking: each plugin gives every feasible node 0 to 100, times its weight.
import type { Pod } from "@triarch/api";
import { interPodScores } from "./inter-pod-affinity.ts";
import { matchesTerm, tolerates } from "./node-matching.ts";
import { normalizedImage, podRequests, spreadingRequests, type NodeInfo, type Snapshot } from "./snapshot.ts";
import { topologyScores } from "./topology-spread.ts";

export type Scores = ReadonlyMap<string, number>;
type Plugin = (pod: Pod, snapshot: Snapshot, feasible: readonly NodeInfo[]) => Scores | undefined;

/** Upstream's default plugins and weights. One that has nothing to say is left out. */
const plugins: readonly { readonly name: string; readonly weight: number; readonly score: Plugin }[] = [
  { name: "TaintToleration", weight: 3, score: taintScores },
  { name: "NodeAffinity", weight: 2, score: nodeAffinityScores },
  { name: "NodeResourcesFit", weight: 1, score: leastAllocatedScores },
  { name: "PodTopologySpread", weight: 2, score: topologyScores },
  { name: "InterPodAffinity", weight: 2, score: interPodScores },
  { name: "NodeResourcesBalancedAllocation", weight: 1, score: balancedScores },
  { name: "ImageLocality", weight: 1, score: imageScores },
];

/** Weighted scores by plugin, then by node. */
export function scoreNodes(pod: Pod, snapshot: Snapshot, feasible: readonly NodeInfo[]): ReadonlyMap<string, Scores> {
  const byPlugin = new Map<string, Scores>();
  for (const { name, weight, score } of plugins) {
    const scores = score(pod, snapshot, feasible);
    if (scores !== undefined) byPlugin.set(name, new Map([...scores].map(([node, value]) => [node, value * weight])));
  }
  return byPlugin;
}

function taintScores(pod: Pod, _snapshot: Snapshot, feasible: readonly NodeInfo[]): Scores {
  const tolerations = (pod.spec?.tolerations ?? []).filter(
    (one) => (one.effect ?? "") === "" || one.effect === "PreferNoSchedule",
  );
  const counts = new Map(
    feasible.map((info) => {
      const avoided = (info.node.spec?.taints ?? []).filter(
        (taint) => taint.effect === "PreferNoSchedule" && !tolerates(tolerations, taint),
      );
      return [info.name, avoided.length];
    }),
  );
  return normalized(counts, true);
}

function nodeAffinityScores(pod: Pod, _snapshot: Snapshot, feasible: readonly NodeInfo[]): Scores | undefined {
  const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  if (preferred.length === 0) return undefined;
  const sums = new Map(
    feasible.map((info) => [
      info.name,
      preferred.reduce((sum, one) => sum + (matchesTerm(one.preference, info) ? one.weight : 0), 0),
    ]),
  );
  return normalized(sums, false);
}

/** The emptier the better, cpu and memory alike. */
function leastAllocatedScores(pod: Pod, _snapshot: Snapshot, feasible: readonly NodeInfo[]): Scores {
  const wanted = spreadingRequests(pod);
  return new Map(
    feasible.map((info) => {
      let sum = 0;
      let resources = 0;
      for (const name of ["cpu", "memory"]) {
        const allocatable = info.allocatable.get(name) ?? 0;
        if (allocatable === 0) continue;
        const requested = (info.requestedForSpreading.get(name) ?? 0) + (wanted.get(name) ?? 0);
        sum += requested > allocatable ? 0 : Math.trunc(((allocatable - requested) * 100) / allocatable);
        resources += 1;
      }
      return [info.name, resources === 0 ? 0 : Math.trunc(sum / resources)];
    }),
  );
}

/** Cpu and memory used to the same degree: what counts is whether the pod makes the node more even or less. */
function balancedScores(pod: Pod, _snapshot: Snapshot, feasible: readonly NodeInfo[]): Scores | undefined {
  const wanted = podRequests(pod);
  if (!["cpu", "memory"].some((name) => (wanted.get(name) ?? 0) > 0)) return undefined;
  return new Map(
    feasible.map((info) => {
      const before = Math.trunc((1 - unevenness(info, undefined)) * 100);
      const after = Math.trunc((1 - unevenness(info, wanted)) * 100);
      return [info.name, 50 + Math.trunc((50 + after - before) / 2)];
    }),
  );
}

/** Standard deviation of the used shares of cpu and memory: 0 to 0.5. */
function unevenness(info: NodeInfo, more: ReadonlyMap<string, number> | undefined): number {
  const fractions = ["cpu", "memory"].flatMap((name) => {
    const allocatable = info.allocatable.get(name) ?? 0;
    if (allocatable === 0) return [];
    return [Math.min(1, ((info.requested.get(name) ?? 0) + (more?.get(name) ?? 0)) / allocatable)];
  });
  const [first = 0, second = first] = fractions;
  return Math.abs(first - second) / 2;
}

const imageThresholdBytes = 23 * 1024 * 1024;
const imagePerContainerMaxBytes = 1000 * 1024 * 1024;

/** Nodes that have the images, weighed by how many nodes have them. */
function imageScores(pod: Pod, snapshot: Snapshot, feasible: readonly NodeInfo[]): Scores {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const images = containers.map((one) => normalizedImage(one.image ?? ""));
  const holders = new Map(images.map((image) => [image, snapshot.nodes.filter((info) => info.imageBytes.has(image))]));
  const most = imagePerContainerMaxBytes * images.length;
  return new Map(
    feasible.map((info) => {
      const sum = images.reduce((total, image) => {
        if (!info.imageBytes.has(image)) return total;
        // One size counts for an image: the first that was reported.
        const have = holders.get(image) ?? [];
        const bytes = have[0]?.imageBytes.get(image) ?? 0;
        return total + Math.trunc(bytes * (have.length / snapshot.nodes.length));
      }, 0);
      const bounded = Math.min(most, Math.max(imageThresholdBytes, sum));
      return [info.name, Math.trunc((100 * (bounded - imageThresholdBytes)) / (most - imageThresholdBytes))];
    }),
  );
}

/** To 0 to 100 by the largest; `reversed` where less is better. */
function normalized(scores: Scores, reversed: boolean): Scores {
  const most = Math.max(0, ...scores.values());
  return new Map(
    [...scores].map(([name, score]) => {
      if (most === 0) return [name, reversed ? 100 : 0];
      const scaled = Math.trunc((100 * score) / most);
      return [name, reversed ? 100 - scaled : scaled];
    }),
  );
}
