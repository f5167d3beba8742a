// Garbage: what is to be done with an object, given what the API says of it and of its owners, and what the graph says
// of its dependents.
import type { ObjectMeta } from "@triarch/api";
import { deletionPhase, foregroundFinalizer, orphanFinalizer, type GraphNode } from "./owner-graph.ts";

/**
 * solid      the owner is there and keeps the object
 * dangling   there is no such owner (or another with its name)
 * waiting    the owner is being deleted in the foreground and waits for its dependents
 * forbidden  a cluster-scoped object cannot have a namespaced owner: nothing is known, nothing is done
 */
export type OwnerState = "solid" | "dangling" | "waiting" | "forbidden";

export type GarbagePlan =
  | { readonly kind: "none" }
  /** Others keep the object: these owners are struck from its references. */
  | { readonly kind: "dropOwners"; readonly uids: readonly string[] }
  | {
      readonly kind: "delete";
      readonly policy: "Background" | "Foreground" | "Orphan";
      /** First stop blocking the owners: owner and object wait for each other. */
      readonly unblock: boolean;
    }
  | { readonly kind: "removeFinalizer"; readonly finalizer: string }
  /** Look at the dependents that block the object. */
  | { readonly kind: "visit"; readonly uids: readonly string[] }
  /** Let all dependents go, then remove the finalizer. */
  | { readonly kind: "orphanDependents"; readonly dependents: readonly GraphNode[] };

/**
 * @param metadata of the object, fresh from the API
 * @param owners state by the owner's uid, for each of its references; asked only of a live object
 * @param dependents as the graph shows them
 */
export function planGarbage(
  metadata: ObjectMeta,
  owners: ReadonlyMap<string, OwnerState>,
  dependents: readonly GraphNode[],
): GarbagePlan {
  switch (deletionPhase(metadata)) {
    case "deleting":
      return { kind: "none" };
    case "orphaning":
      return { kind: "orphanDependents", dependents };
    case "foreground": {
      const blocking = dependents.filter((one) => blocks(one, metadata.uid ?? ""));
      if (blocking.length === 0) return { kind: "removeFinalizer", finalizer: foregroundFinalizer };
      return { kind: "visit", uids: blocking.filter((one) => one.phase === "live").map((one) => one.uid) };
    }
    case "live":
      return planLive(metadata, owners, dependents);
  }
}

function planLive(
  metadata: ObjectMeta,
  owners: ReadonlyMap<string, OwnerState>,
  dependents: readonly GraphNode[],
): GarbagePlan {
  const references = metadata.ownerReferences ?? [];
  const inState = (state: OwnerState): readonly string[] =>
    references.map((one) => one.uid).filter((uid) => owners.get(uid) === state);
  if (references.length === 0 || inState("forbidden").length > 0) return { kind: "none" };
  if (inState("solid").length > 0) {
    const uids = [...inState("dangling"), ...inState("waiting")];
    return uids.length === 0 ? { kind: "none" } : { kind: "dropOwners", uids };
  }
  if (inState("waiting").length > 0 && dependents.length > 0) {
    return { kind: "delete", policy: "Foreground", unblock: dependents.some((one) => one.phase === "foreground") };
  }
  const finalizers = metadata.finalizers ?? [];
  // A wish that was left on the object before it lost its owners.
  const policy = finalizers.includes(orphanFinalizer)
    ? "Orphan"
    : finalizers.includes(foregroundFinalizer)
      ? "Foreground"
      : "Background";
  return { kind: "delete", policy, unblock: false };
}

function blocks(dependent: GraphNode, owner: string): boolean {
  return dependent.owners.some((one) => one.uid === owner && one.blockOwnerDeletion === true);
}
