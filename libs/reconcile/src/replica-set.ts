// ReplicaSet: as many active pods as asked for. Level-based: what is wanted minus what is there.
import { labelSelectorMatcher, type Pod, type ReplicaSet, type ReplicaSetStatus } from "@triarch/api";
import {
  controllerOf,
  isActive,
  isAvailable,
  isBeingDeleted,
  isReady,
  isTerminating,
  readySinceMs,
  timeMs,
} from "./objects.ts";

/** Pods made or removed in one round; the rest follows in the next. */
export const burstReplicasMax = 500;

export interface ReplicaSetPlan {
  readonly adopt: readonly Pod[];
  readonly release: readonly Pod[];
  readonly createCount: number;
  readonly remove: readonly Pod[];
  readonly status: ReplicaSetStatus;
  /** Look again after this time: a pod becomes available by waiting. */
  readonly againAfterMs: number | undefined;
}

/**
 * @param pods all pods of the set's namespace
 * @param failure what the last round could not do, for the ReplicaFailure condition
 */
export function planReplicaSet(
  set: ReplicaSet,
  pods: readonly Pod[],
  now: { readonly ms: number; readonly text: string },
  failure?: { readonly reason: string; readonly message: string },
): ReplicaSetPlan {
  const uid = set.metadata?.uid;
  const selector = labelSelectorMatcher(set.spec?.selector);
  const deleting = isBeingDeleted(set);
  const mine: Pod[] = [];
  const adopt: Pod[] = [];
  const release: Pod[] = [];
  for (const pod of pods) {
    const controller = controllerOf(pod);
    const matches = selector.matches(pod.metadata?.labels);
    if (controller?.uid === uid && controller !== undefined) {
      if (matches) mine.push(pod);
      else if (!deleting) release.push(pod);
    } else if (controller === undefined && matches && !deleting && isActive(pod)) {
      adopt.push(pod);
      mine.push(pod);
    }
  }
  const active = mine.filter(isActive);
  const wanted = set.spec?.replicas ?? 1;
  const missing = deleting ? 0 : wanted - active.length;
  const remove = missing < 0 ? rankForDeletion(active, pods).slice(0, Math.min(-missing, burstReplicasMax)) : [];
  const minReady = set.spec?.minReadySeconds ?? 0;
  const waiting = active.filter((pod) => isReady(pod) && !isAvailable(pod, minReady, now.ms));
  const soonest = Math.min(...waiting.map((pod) => (readySinceMs(pod) ?? now.ms) + minReady * 1_000 - now.ms));
  return {
    adopt,
    release,
    createCount: Math.min(Math.max(0, missing), burstReplicasMax),
    remove,
    status: statusOf(set, active, mine, now, failure),
    againAfterMs: waiting.length > 0 ? Math.max(100, soonest) : undefined,
  };
}

function statusOf(
  set: ReplicaSet,
  active: readonly Pod[],
  mine: readonly Pod[],
  now: { readonly ms: number; readonly text: string },
  failure: { readonly reason: string; readonly message: string } | undefined,
): ReplicaSetStatus {
  const templateLabels = Object.entries(set.spec?.template?.metadata?.labels ?? {});
  const minReady = set.spec?.minReadySeconds ?? 0;
  const count = (test: (pod: Pod) => boolean): number => active.filter(test).length;
  const known = (set.status?.conditions ?? []).filter((one) => one.type !== "ReplicaFailure");
  const failed = set.status?.conditions?.find((one) => one.type === "ReplicaFailure");
  const conditions =
    failure === undefined
      ? known
      : [
          ...known,
          failed?.reason === failure.reason
            ? failed
            : {
                type: "ReplicaFailure",
                status: "True",
                reason: failure.reason,
                message: failure.message,
                lastTransitionTime: now.text,
              },
        ];
  const availableReplicas = count((pod) => isAvailable(pod, minReady, now.ms));
  const readyReplicas = count(isReady);
  const fullyLabeledReplicas = count((pod) =>
    templateLabels.every(([key, value]) => pod.metadata?.labels?.[key] === value),
  );
  return {
    replicas: active.length,
    terminatingReplicas: mine.filter(isTerminating).length,
    ...(set.metadata?.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    ...(fullyLabeledReplicas === 0 ? {} : { fullyLabeledReplicas }),
    ...(readyReplicas === 0 ? {} : { readyReplicas }),
    ...(availableReplicas === 0 ? {} : { availableReplicas }),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

const phaseRank: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** Those to go first are first: not placed, not running, not ready, cheap, crowded, young. */
function rankForDeletion(candidates: readonly Pod[], all: readonly Pod[]): readonly Pod[] {
  const crowd = new Map<string, number>();
  const owner = controllerOf(candidates[0] ?? {})?.uid;
  for (const pod of all) {
    const node = pod.spec?.nodeName ?? "";
    if (isActive(pod) && controllerOf(pod)?.uid === owner) crowd.set(node, (crowd.get(node) ?? 0) + 1);
  }
  const keys = new Map(
    candidates.map((pod) => [
      pod,
      [
        (pod.spec?.nodeName ?? "") === "" ? 0 : 1,
        phaseRank[pod.status?.phase ?? "Pending"] ?? 1,
        isReady(pod) ? 1 : 0,
        Number(pod.metadata?.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? 0) || 0,
        -(crowd.get(pod.spec?.nodeName ?? "") ?? 0),
        -(readySinceMs(pod) ?? 0),
        -Math.max(0, ...(pod.status?.containerStatuses ?? []).map((one) => one.restartCount)),
        -timeMs(pod.metadata?.creationTimestamp),
      ] as const,
    ]),
  );
  return [...candidates].sort((left, right) => {
    const [a, b] = [keys.get(left) ?? [], keys.get(right) ?? []];
    for (const [i, value] of a.entries()) if (value !== b[i]) return value - (b[i] ?? 0);
    return (left.metadata?.name ?? "") < (right.metadata?.name ?? "") ? -1 : 1;
  });
}
