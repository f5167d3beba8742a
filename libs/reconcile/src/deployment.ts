// Deployment: one round of a roll-out. Each round looks at the ReplicaSets as they are and says what to do next; the
// rounds that follow, one for each change, bring it to its end.
import type { Deployment, DeploymentStatus, ReplicaSet } from "@triarch/api";
import {
  claimSets,
  copiedAnnotations,
  desiredAnnotation,
  findNewSet,
  hashLabel,
  replicasOf,
  revisionAnnotation,
  revisionHistoryAnnotation,
  revisionOf,
  rolloutBounds,
  sizeAnnotations,
  templateHash,
  totalOf,
  totalReplicas,
} from "./deployment-parts.ts";
import { deploymentStatus } from "./deployment-status.ts";
import { isBeingDeleted, timeMs } from "./objects.ts";

export type DeploymentAction =
  | { readonly kind: "adopt" | "release"; readonly set: ReplicaSet }
  | { readonly kind: "create"; readonly set: ReplicaSet }
  /** New size, with the size annotations. `from` is for the event. */
  | {
      readonly kind: "scale";
      readonly set: ReplicaSet;
      readonly from: number;
      readonly to: number;
      readonly annotations: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "annotate";
      readonly set: ReplicaSet;
      readonly annotations: Readonly<Record<string, string>>;
      readonly minReadySeconds: number;
    }
  | { readonly kind: "remove"; readonly set: ReplicaSet }
  | { readonly kind: "setRevision"; readonly revision: string };

export interface DeploymentPlan {
  readonly actions: readonly DeploymentAction[];
  readonly status: DeploymentStatus;
  /** Look again then: the progress deadline is running. */
  readonly againAfterMs: number | undefined;
}

export interface Now {
  readonly ms: number;
  /** The same, RFC 3339 in whole seconds. */
  readonly text: string;
}

/** @param sets all ReplicaSets of the namespace */
export function planDeployment(deployment: Deployment, sets: readonly ReplicaSet[], now: Now): DeploymentPlan {
  const { mine, adopt, release } = claimSets(deployment, sets);
  const claims: DeploymentAction[] = [
    ...adopt.map((set) => ({ kind: "adopt", set }) as const),
    ...release.map((set) => ({ kind: "release", set }) as const),
  ];
  const newSet = findNewSet(deployment, mine);
  const old = mine.filter((set) => set !== newSet);
  const finish = (actions: readonly DeploymentAction[]): DeploymentPlan => {
    const { status, againAfterMs } = deploymentStatus(deployment, newSet, old, now, actions);
    return { actions: [...claims, ...actions], status, againAfterMs };
  };
  // Adopted sets take part from the next round on.
  if (isBeingDeleted(deployment) || adopt.length > 0) return finish([]);
  const paused = deployment.spec?.paused === true;
  if (paused || isResized(deployment, mine)) {
    return finish([
      ...revisionActions(deployment, newSet, old),
      ...resize(deployment, newSet, old),
      ...(paused ? cleanUp(deployment, newSet, old) : []),
    ]);
  }
  const recreate = deployment.spec?.strategy?.type === "Recreate";
  return finish(recreate ? recreateRound(deployment, newSet, old) : rollingRound(deployment, newSet, old));
}

function rollingRound(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): readonly DeploymentAction[] {
  const prepared = [...revisionActions(deployment, newSet, old)];
  const upTo = sizeOfNewSet(deployment, newSet, old);
  if (newSet === undefined) return [...prepared, { kind: "create", set: makeSet(deployment, old, upTo) }];
  if (upTo !== replicasOf(newSet)) return [...prepared, scale(deployment, newSet, upTo)];
  const down = scaleDownOld(deployment, newSet, old);
  if (down.length > 0) return [...prepared, ...down];
  return [...prepared, ...(isComplete(deployment, newSet, old) ? cleanUp(deployment, newSet, old) : [])];
}

/** All old pods go before the first new one comes. */
function recreateRound(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): readonly DeploymentAction[] {
  const down = old.filter((set) => replicasOf(set) > 0).map((set) => scale(deployment, set, 0));
  if (down.length > 0) return down;
  if (totalOf(old, "replicas") + totalOf(old, "terminatingReplicas") > 0) return [];
  const prepared = revisionActions(deployment, newSet, old);
  const wanted = deployment.spec?.replicas ?? 1;
  if (newSet === undefined) return [...prepared, { kind: "create", set: makeSet(deployment, old, wanted) }];
  if (replicasOf(newSet) !== wanted) return [...prepared, scale(deployment, newSet, wanted)];
  return [...prepared, ...(isComplete(deployment, newSet, old) ? cleanUp(deployment, newSet, old) : [])];
}

/** Up by as much as the surge allows, down to what is wanted. */
function sizeOfNewSet(deployment: Deployment, newSet: ReplicaSet | undefined, old: readonly ReplicaSet[]): number {
  const wanted = deployment.spec?.replicas ?? 1;
  const present = newSet === undefined ? 0 : replicasOf(newSet);
  if (newSet !== undefined && present >= wanted) return wanted;
  const room = wanted + rolloutBounds(deployment).maxSurge - totalReplicas(old) - present;
  return room <= 0 ? present : Math.min(wanted, present + room);
}

/** First pods that are not healthy, then healthy ones as far as availability allows; oldest sets first. */
function scaleDownOld(
  deployment: Deployment,
  newSet: ReplicaSet,
  old: readonly ReplicaSet[],
): readonly DeploymentAction[] {
  const live = old.filter((set) => replicasOf(set) > 0);
  if (live.length === 0) return [];
  const wanted = deployment.spec?.replicas ?? 1;
  const minAvailable = wanted - rolloutBounds(deployment).maxUnavailable;
  const newUnavailable = replicasOf(newSet) - availableOf(newSet);
  let removable = totalReplicas([...live, newSet]) - minAvailable - newUnavailable;
  if (removable <= 0) return [];
  const sizes = new Map(live.map((set) => [set, replicasOf(set)]));
  for (const set of live) {
    const cut = Math.max(0, Math.min(removable, replicasOf(set) - availableOf(set)));
    sizes.set(set, replicasOf(set) - cut);
    removable -= cut;
  }
  const available = [...live, newSet].reduce((sum, set) => sum + availableOf(set), 0);
  let spare = Math.max(0, available - minAvailable);
  for (const set of live) {
    const size = sizes.get(set) ?? 0;
    const cut = Math.min(size, spare);
    sizes.set(set, size - cut);
    spare -= cut;
  }
  return live
    .filter((set) => sizes.get(set) !== replicasOf(set))
    .map((set) => scale(deployment, set, sizes.get(set) ?? 0));
}

/** Pods that will stay available: what a status counts beyond the set's size is on its way out already. */
function availableOf(set: ReplicaSet): number {
  return Math.min(replicasOf(set), set.status?.availableReplicas ?? 0);
}

function isResized(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.some((set) => {
    const desired = set.metadata?.annotations?.[desiredAnnotation];
    return replicasOf(set) > 0 && desired !== undefined && Number(desired) !== (deployment.spec?.replicas ?? 1);
  });
}

/** In the middle of a roll-out a new size is shared out among the sets in proportion. */
function resize(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): readonly DeploymentAction[] {
  const wanted = deployment.spec?.replicas ?? 1;
  const all = [...old, ...(newSet === undefined ? [] : [newSet])];
  const active = all.filter((set) => replicasOf(set) > 0);
  const [only] = active;
  if (active.length <= 1) {
    const target = only ?? newSet;
    return target === undefined || replicasOf(target) === wanted
      ? reannotate(deployment, all)
      : [scale(deployment, target, wanted)];
  }
  if (newSet !== undefined && isSaturated(deployment, newSet)) {
    return active.filter((set) => set !== newSet).map((set) => scale(deployment, set, 0));
  }
  if (deployment.spec?.strategy?.type === "Recreate") return [];
  const allowed = wanted > 0 ? wanted + rolloutBounds(deployment).maxSurge : 0;
  const toAdd = allowed - totalReplicas(active);
  // Growing favours the newest of equally large sets, shrinking the oldest.
  const bySize = [...active].sort((left, right) => {
    const size = replicasOf(right) - replicasOf(left);
    const age = timeMs(left.metadata?.creationTimestamp) - timeMs(right.metadata?.creationTimestamp);
    return size !== 0 ? size : toAdd > 0 ? -age : age;
  });
  let added = 0;
  const sizes = bySize.map((set) => {
    if (toAdd === 0) return replicasOf(set);
    const share = proportion(deployment, set, toAdd, added);
    added += share;
    return replicasOf(set) + share;
  });
  if (toAdd !== 0) sizes[0] = Math.max(0, (sizes[0] ?? 0) + toAdd - added);
  return bySize.map((set, i) => scale(deployment, set, sizes[i] ?? 0));
}

function proportion(deployment: Deployment, set: ReplicaSet, toAdd: number, added: number): number {
  const annotated = Number(
    set.metadata?.annotations?.["deployment.kubernetes.io/max-replicas"] ?? deployment.status?.replicas ?? 0,
  );
  const now = (deployment.spec?.replicas ?? 1) + rolloutBounds(deployment).maxSurge;
  const share = Math.round((replicasOf(set) * now) / annotated) - replicasOf(set);
  const allowed = toAdd - added;
  return toAdd > 0 ? Math.min(share, allowed) : Math.max(share, allowed);
}

function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const wanted = deployment.spec?.replicas ?? 1;
  const desired = Number(set.metadata?.annotations?.[desiredAnnotation] ?? -1);
  return replicasOf(set) === wanted && desired === wanted && set.status?.availableReplicas === wanted;
}

function reannotate(deployment: Deployment, sets: readonly ReplicaSet[]): readonly DeploymentAction[] {
  const annotations = sizeAnnotations(deployment);
  return sets
    .filter(
      (set) =>
        replicasOf(set) > 0 &&
        Object.entries(annotations).some(([key, value]) => set.metadata?.annotations?.[key] !== value),
    )
    .map((set) => ({ kind: "annotate", set, annotations, minReadySeconds: set.spec?.minReadySeconds ?? 0 }));
}

function scale(deployment: Deployment, set: ReplicaSet, to: number): DeploymentAction {
  return { kind: "scale", set, from: replicasOf(set), to, annotations: sizeAnnotations(deployment) };
}

/** Keeps the new set's revision above all others and the Deployment's annotation equal to it. */
function revisionActions(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): readonly DeploymentAction[] {
  const highest = Math.max(0, ...old.map(revisionOf));
  const revision = newSet !== undefined && revisionOf(newSet) > highest ? revisionOf(newSet) : highest + 1;
  const actions: DeploymentAction[] = [];
  if (newSet !== undefined) {
    const present = newSet.metadata?.annotations ?? {};
    const wanted: Record<string, string> = {
      ...copiedAnnotations(deployment),
      [revisionAnnotation]: String(revision),
    };
    const former = present[revisionAnnotation];
    if (former !== undefined && former !== String(revision)) {
      const history = present[revisionHistoryAnnotation];
      wanted[revisionHistoryAnnotation] = history === undefined || history === "" ? former : `${history},${former}`;
    }
    const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
    const differs =
      Object.entries(wanted).some(([key, value]) => present[key] !== value) ||
      (newSet.spec?.minReadySeconds ?? 0) !== minReadySeconds;
    // The size annotations tell resizing from rolling out: they change with the size only.
    if (differs) actions.push({ kind: "annotate", set: newSet, annotations: wanted, minReadySeconds });
  } else if (deployment.spec?.paused === true) {
    return [];
  }
  if (revisionOf(deployment) !== revision) actions.push({ kind: "setRevision", revision: String(revision) });
  return actions;
}

function makeSet(deployment: Deployment, old: readonly ReplicaSet[], replicas: number): ReplicaSet {
  const hash = templateHash(deployment);
  const { metadata, spec } = deployment;
  const template = spec?.template;
  const labels = { ...template?.metadata?.labels, [hashLabel]: hash };
  const selector = { ...spec?.selector, matchLabels: { ...spec?.selector.matchLabels, [hashLabel]: hash } };
  const revision = Math.max(0, ...old.map(revisionOf)) + 1;
  return {
    metadata: {
      name: `${metadata?.name ?? ""}-${hash}`,
      namespace: metadata?.namespace ?? "",
      labels,
      annotations: {
        ...copiedAnnotations(deployment),
        ...sizeAnnotations(deployment),
        [revisionAnnotation]: String(revision),
      },
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          name: metadata?.name ?? "",
          uid: metadata?.uid ?? "",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      replicas,
      selector,
      template: { ...template, metadata: { ...template?.metadata, labels } },
      ...(spec?.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
    },
  };
}

export function isComplete(deployment: Deployment, newSet: ReplicaSet, old: readonly ReplicaSet[]): boolean {
  const wanted = deployment.spec?.replicas ?? 1;
  return (
    (newSet.status?.replicas ?? 0) === wanted &&
    totalOf(old, "replicas") === 0 &&
    (newSet.status?.availableReplicas ?? 0) === wanted &&
    newSet.status?.observedGeneration === newSet.metadata?.generation
  );
}

/** Old sets beyond the history limit, the oldest revisions first. */
function cleanUp(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): readonly DeploymentAction[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const candidates = old.filter((set) => set !== newSet && !isBeingDeleted(set));
  const surplus = candidates.length - limit;
  if (surplus <= 0) return [];
  return [...candidates]
    .sort((left, right) => revisionOf(left) - revisionOf(right))
    .slice(0, surplus)
    .filter(
      (set) =>
        (set.status?.replicas ?? 0) === 0 &&
        replicasOf(set) === 0 &&
        set.status?.observedGeneration === set.metadata?.generation,
    )
    .map((set) => ({ kind: "remove", set }));
}
