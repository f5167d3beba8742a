// NoExecute taints send pods off their node: at once, after the time that the pod bears the taint, or never.
import type { Node, Pod, PodCondition, Taint } from "@triarch/api";
import { tolerates } from "@triarch/scheduling";
import type { Now } from "./deployment.ts";
import { isBeingDeleted, timeMs } from "./objects.ts";

export type TaintEvictionPlan =
  { readonly kind: "stay" } | { readonly kind: "wait"; readonly forMs: number } | { readonly kind: "evict" };

/** @param firstSeenMs wall time when the caller first saw the pod under the node's taints; counts where a taint has no time */
export function planTaintEviction(
  pod: Pod,
  node: Node | undefined,
  firstSeenMs: number,
  nowMs: number,
): TaintEvictionPlan {
  const taints = noExecuteTaints(node);
  if (taints.length === 0 || isBeingDeleted(pod)) return { kind: "stay" };
  const tolerations = pod.spec?.tolerations ?? [];
  let untilMs = Infinity;
  for (const taint of taints) {
    const bearing = tolerations.filter((one) => tolerates([one], taint));
    if (bearing.length === 0) return { kind: "evict" };
    for (const { tolerationSeconds } of bearing) {
      if (tolerationSeconds === undefined) continue;
      const sinceMs = taint.timeAdded === undefined ? firstSeenMs : timeMs(taint.timeAdded);
      untilMs = Math.min(untilMs, sinceMs + Math.max(0, tolerationSeconds) * 1_000);
    }
  }
  if (untilMs === Infinity) return { kind: "stay" };
  return untilMs <= nowMs ? { kind: "evict" } : { kind: "wait", forMs: untilMs - nowMs };
}

export function noExecuteTaints(node: Node | undefined): readonly Taint[] {
  return (node?.spec?.taints ?? []).filter((one) => one.effect === "NoExecute");
}

/** The pod's conditions with the reason why it goes. */
export function disruptionConditions(
  pod: Pod,
  why: { readonly reason: string; readonly message: string },
  now: Now,
): readonly PodCondition[] {
  const others = (pod.status?.conditions ?? []).filter((one) => one.type !== "DisruptionTarget");
  return [...others, { type: "DisruptionTarget", status: "True", ...why, lastTransitionTime: now.text }];
}
