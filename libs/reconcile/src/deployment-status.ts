// What a Deployment's status says: counts, and the conditions Available, Progressing and ReplicaFailure.
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from "@triarch/api";
import { rolloutBounds, totalOf, totalReplicas } from "./deployment-parts.ts";
import type { DeploymentAction, Now } from "./deployment.ts";
import { timeMs } from "./objects.ts";

interface Wanted {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

export function deploymentStatus(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
  now: Now,
  actions: readonly DeploymentAction[],
): { readonly status: DeploymentStatus; readonly againAfterMs: number | undefined } {
  const all = [...old, ...(newSet === undefined ? [] : [newSet])];
  const availableReplicas = totalOf(all, "availableReplicas");
  const readyReplicas = totalOf(all, "readyReplicas");
  const updatedReplicas = newSet?.status?.replicas ?? 0;
  const unavailableReplicas = Math.max(0, totalReplicas(all) - availableReplicas);
  const { observedGeneration: _seen, conditions = [], collisionCount } = deployment.status ?? {};
  const counts = {
    ...(deployment.metadata?.generation === undefined ? {} : { observedGeneration: deployment.metadata.generation }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...nonZero({
      replicas: totalOf(all, "replicas"),
      updatedReplicas,
      readyReplicas,
      availableReplicas,
      unavailableReplicas,
    }),
    terminatingReplicas: totalOf(all, "terminatingReplicas"),
  };
  const progress = progressing(deployment, newSet, old, now, actions);
  const failure = newSet?.status?.conditions?.find((one) => one.type === "ReplicaFailure");
  const wanted: Wanted[] = [
    available(deployment, availableReplicas),
    ...(progress.condition === undefined ? [] : [progress.condition]),
    ...(failure === undefined
      ? []
      : [
          {
            type: "ReplicaFailure",
            status: "True" as const,
            reason: failure.reason ?? "",
            message: failure.message ?? "",
          },
        ]),
  ];
  return {
    status: { ...counts, conditions: merged(conditions, wanted, now, progress.moved) },
    againAfterMs: progress.againAfterMs,
  };
}

function available(deployment: Deployment, count: number): Wanted {
  const least = (deployment.spec?.replicas ?? 1) - rolloutBounds(deployment).maxUnavailable;
  return count >= least
    ? {
        type: "Available",
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.",
      }
    : {
        type: "Available",
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
}

/** `moved`: there was progress, so the deadline starts anew. */
function progressing(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
  now: Now,
  actions: readonly DeploymentAction[],
): { readonly condition: Wanted | undefined; readonly moved: boolean; readonly againAfterMs: number | undefined } {
  const current = deployment.status?.conditions?.find((one) => one.type === "Progressing");
  const say = (status: Wanted["status"], reason: string, message: string, moved: boolean, againAfterMs?: number) => ({
    condition: { type: "Progressing", status, reason, message },
    moved,
    againAfterMs,
  });
  const keep = () => ({ condition: undefined, moved: false, againAfterMs: undefined });
  const created = actions.find((one) => one.kind === "create");
  if (deployment.spec?.paused === true) {
    return current?.reason === "DeploymentPaused"
      ? keep()
      : say("Unknown", "DeploymentPaused", "Deployment is paused", false);
  }
  if (current?.reason === "DeploymentPaused")
    return say("Unknown", "DeploymentResumed", "Deployment is resumed", false);
  if (created !== undefined) {
    return say("True", "NewReplicaSetCreated", `Created new replica set "${created.set.metadata?.name ?? ""}"`, true);
  }
  const name =
    newSet === undefined
      ? `Deployment "${deployment.metadata?.name ?? ""}"`
      : `ReplicaSet "${newSet.metadata?.name ?? ""}"`;
  const wanted = deployment.spec?.replicas ?? 1;
  const all = [...old, ...(newSet === undefined ? [] : [newSet])];
  const updated = newSet?.status?.replicas ?? 0;
  const complete =
    updated === wanted && totalOf(all, "replicas") === wanted && totalOf(all, "availableReplicas") === wanted;
  if (complete && actions.length === 0) {
    if (current?.reason === "NewReplicaSetAvailable") return keep();
    return say("True", "NewReplicaSetAvailable", `${name} has successfully progressed.`, true);
  }
  const before = deployment.status;
  const oldCount = totalOf(old, "replicas");
  const oldBefore = (before?.replicas ?? 0) - (before?.updatedReplicas ?? 0);
  const moved =
    updated > (before?.updatedReplicas ?? 0) ||
    oldCount < oldBefore ||
    totalOf(all, "readyReplicas") > (before?.readyReplicas ?? 0) ||
    totalOf(all, "availableReplicas") > (before?.availableReplicas ?? 0);
  const restarted = current?.reason === "NewReplicaSetAvailable" && actions.length > 0;
  if (moved || current === undefined || restarted)
    return say("True", "ReplicaSetUpdated", `${name} is progressing.`, true);
  if (current.reason === "NewReplicaSetAvailable" || current.reason === "ProgressDeadlineExceeded") return keep();
  const deadlineSeconds = deployment.spec?.progressDeadlineSeconds ?? 600;
  const deadlineMs = timeMs(current.lastUpdateTime) + deadlineSeconds * 1_000;
  if (deadlineSeconds < 2 ** 31 - 1 && now.ms > deadlineMs) {
    return say("False", "ProgressDeadlineExceeded", `${name} has timed out progressing.`, false);
  }
  return { condition: undefined, moved: false, againAfterMs: Math.max(1_000, deadlineMs - now.ms + 1_000) };
}

/** Keeps times of conditions that did not change, and conditions that nobody speaks of here. */
function merged(
  present: readonly DeploymentCondition[],
  wanted: readonly Wanted[],
  now: Now,
  progressMoved: boolean,
): readonly DeploymentCondition[] {
  const spoken = new Map(wanted.map((one) => [one.type, one]));
  const kept = present.filter((one) => !spoken.has(one.type) && one.type !== "ReplicaFailure");
  const written = wanted.map((one): DeploymentCondition => {
    const before = present.find((known) => known.type === one.type);
    const same = before?.status === one.status && before.reason === one.reason;
    if (
      before !== undefined &&
      same &&
      before.message === one.message &&
      !(one.type === "Progressing" && progressMoved)
    )
      return before;
    const lastTransitionTime = before?.status === one.status ? (before.lastTransitionTime ?? now.text) : now.text;
    return { ...one, lastUpdateTime: now.text, lastTransitionTime };
  });
  return [...kept, ...written].sort((left, right) => (left.type < right.type ? -1 : 1));
}

function nonZero<K extends string>(counts: Readonly<Record<K, number>>): Partial<Readonly<Record<K, number>>> {
  return Object.fromEntries(Object.entries<number>(counts).filter(([, count]) => count !== 0)) as Partial<
    Record<K, number>
  >;
}
