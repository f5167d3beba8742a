// What a Deployment is made of: its ReplicaSets, their revisions, and the numbers of a roll-out.
import { labelSelectorMatcher, type Deployment, type PodTemplateSpec, type ReplicaSet } from "@triarch/api";
import { controllerOf, isBeingDeleted, nameHash, stableJson, timeMs } from "./objects.ts";

export const hashLabel = "pod-template-hash";
export const revisionAnnotation = "deployment.kubernetes.io/revision";
export const revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history";
export const desiredAnnotation = "deployment.kubernetes.io/desired-replicas";
export const maxAnnotation = "deployment.kubernetes.io/max-replicas";

/** Annotations of a Deployment that its ReplicaSets do not take over. */
const notCopied: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredAnnotation,
  maxAnnotation,
  "deprecated.deployment.rollback.to",
]);

export interface ClaimedSets {
  readonly mine: readonly ReplicaSet[];
  readonly adopt: readonly ReplicaSet[];
  readonly release: readonly ReplicaSet[];
}

export function claimSets(deployment: Deployment, sets: readonly ReplicaSet[]): ClaimedSets {
  const uid = deployment.metadata?.uid;
  const selector = labelSelectorMatcher(deployment.spec?.selector);
  const mine: ReplicaSet[] = [];
  const adopt: ReplicaSet[] = [];
  const release: ReplicaSet[] = [];
  for (const set of sets) {
    const controller = controllerOf(set);
    const matches = selector.matches(set.metadata?.labels);
    if (controller !== undefined && controller.uid === uid) {
      if (matches) mine.push(set);
      else if (!isBeingDeleted(deployment)) release.push(set);
    } else if (controller === undefined && matches && !isBeingDeleted(deployment) && !isBeingDeleted(set)) {
      adopt.push(set);
    }
  }
  return { mine: [...mine].sort(byAge), adopt, release };
}

function byAge(left: ReplicaSet, right: ReplicaSet): number {
  const age = timeMs(left.metadata?.creationTimestamp) - timeMs(right.metadata?.creationTimestamp);
  return age !== 0 ? age : (left.metadata?.name ?? "") < (right.metadata?.name ?? "") ? -1 : 1;
}

/** The ReplicaSet with the Deployment's own template: the oldest, should there be several. */
export function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const wanted = templateText(deployment.spec?.template);
  return sets.find((set) => templateText(set.spec?.template) === wanted);
}

/** A template without the label that tells its ReplicaSet from others. */
function templateText(template: PodTemplateSpec | undefined): string {
  const { [hashLabel]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return stableJson({ ...template, metadata: { ...template?.metadata, labels, creationTimestamp: undefined } });
}

export function templateHash(deployment: Deployment): string {
  const collisions = deployment.status?.collisionCount ?? 0;
  return nameHash(templateText(deployment.spec?.template) + (collisions === 0 ? "" : String(collisions)));
}

export function revisionOf(object: Deployment | ReplicaSet): number {
  return Number(object.metadata?.annotations?.[revisionAnnotation] ?? 0) || 0;
}

export function replicasOf(set: ReplicaSet): number {
  return set.spec?.replicas ?? 1;
}

export function totalReplicas(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + replicasOf(set), 0);
}

export function totalOf(
  sets: readonly ReplicaSet[],
  field: "replicas" | "readyReplicas" | "availableReplicas" | "terminatingReplicas",
): number {
  return sets.reduce((sum, set) => sum + (set.status?.[field] ?? 0), 0);
}

/** Pods above and below the wanted number that a roll-out may have; never both zero. */
export function rolloutBounds(deployment: Deployment): { readonly maxSurge: number; readonly maxUnavailable: number } {
  const replicas = deployment.spec?.replicas ?? 1;
  if (deployment.spec?.strategy?.type === "Recreate" || replicas === 0) return { maxSurge: 0, maxUnavailable: 0 };
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const maxSurge = share(rolling?.maxSurge ?? "25%", replicas, Math.ceil);
  const maxUnavailable = share(rolling?.maxUnavailable ?? "25%", replicas, Math.floor);
  return { maxSurge, maxUnavailable: Math.min(replicas, maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable) };
}

function share(value: number | string, of: number, round: (share: number) => number): number {
  if (typeof value === "number") return value;
  return round((Number(value.replace("%", "")) * of) / 100);
}

/** Annotations that a ReplicaSet takes over from its Deployment. */
export function copiedAnnotations(deployment: Deployment): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(deployment.metadata?.annotations ?? {}).filter(([key]) => !notCopied.has(key)),
  );
}

export function sizeAnnotations(deployment: Deployment): Readonly<Record<string, string>> {
  const replicas = deployment.spec?.replicas ?? 1;
  return {
    [desiredAnnotation]: String(replicas),
    [maxAnnotation]: String(replicas + rolloutBounds(deployment).maxSurge),
  };
}
