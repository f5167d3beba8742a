// Pods that nobody will ever look after again.
import type { Node, Pod } from "@triarch/api";
import { isBeingDeleted, timeMs } from "./objects.ts";

/** Ended pods that are kept for people to read; past it the oldest go. */
export const terminatedPodsMax = 12_500;

export interface PodGarbagePlan {
  /** Ended, and too many. */
  readonly terminated: readonly Pod[];
  /** Deleted before they were placed: no kubelet will confirm. */
  readonly unplaced: readonly Pod[];
  /** On nodes that are not there, by the node's name. The caller makes sure that the node is gone. */
  readonly orphaned: ReadonlyMap<string, readonly Pod[]>;
}

export function planPodGarbage(
  pods: readonly Pod[],
  nodes: ReadonlyMap<string, Node>,
  terminatedMax: number = terminatedPodsMax,
): PodGarbagePlan {
  const ended = pods.filter((pod) => hasEnded(pod) && !isBeingDeleted(pod));
  const age = (pod: Pod): number => timeMs(pod.metadata?.creationTimestamp);
  const orphaned = new Map<string, Pod[]>();
  for (const pod of pods) {
    const nodeName = pod.spec?.nodeName ?? "";
    if (nodeName === "" || nodes.has(nodeName)) continue;
    const known = orphaned.get(nodeName);
    if (known === undefined) orphaned.set(nodeName, [pod]);
    else known.push(pod);
  }
  return {
    terminated: ended.sort((left, right) => age(left) - age(right)).slice(0, Math.max(0, ended.length - terminatedMax)),
    unplaced: pods.filter((pod) => isBeingDeleted(pod) && (pod.spec?.nodeName ?? "") === ""),
    orphaned,
  };
}

export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}
