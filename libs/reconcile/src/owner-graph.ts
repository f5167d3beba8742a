// Who owns whom, as the informers show it: objects by uid, with edges from owners to their dependents. The graph only
// says whom to look at; before anything is deleted the API is asked.
import type { ObjectMeta, OwnerReference } from "@triarch/api";

export const foregroundFinalizer = "foregroundDeletion";
export const orphanFinalizer = "orphan";

/**
 * How far an object's deletion is.
 *
 * live        not deleted
 * deleting    waits for its grace period or for somebody's finalizer
 * foreground  waits for the dependents that block it
 * orphaning   waits for its dependents to be let go
 */
export type DeletionPhase = "live" | "deleting" | "foreground" | "orphaning";

export interface GraphNode {
  readonly uid: string;
  /** Names the kind of the object for whoever acts on it; opaque here. */
  readonly resource: string;
  readonly kind: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly owners: readonly OwnerReference[];
  readonly phase: DeletionPhase;
}

export function deletionPhase(metadata: ObjectMeta | undefined): DeletionPhase {
  if (metadata?.deletionTimestamp === undefined) return "live";
  if (metadata.finalizers?.includes(foregroundFinalizer) === true) return "foreground";
  return metadata.finalizers?.includes(orphanFinalizer) === true ? "orphaning" : "deleting";
}

/** Invariant: `#dependents` holds exactly the edges that the nodes' owner references name. */
export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();
  /** By the owner's uid, whether or not the owner was seen. */
  readonly #dependents = new Map<string, Set<string>>();

  get size(): number {
    return this.#nodes.size;
  }

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  nodes(): IterableIterator<GraphNode> {
    return this.#nodes.values();
  }

  dependents(uid: string): readonly GraphNode[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((one) => this.#nodes.get(one) ?? []);
  }

  /** @returns uids of the objects to look at because of this state of `node` */
  observe(node: GraphNode): readonly string[] {
    const previous = this.#nodes.get(node.uid);
    this.#unlink(previous);
    this.#nodes.set(node.uid, node);
    for (const { uid } of node.owners) {
      const known = this.#dependents.get(uid);
      if (known === undefined) this.#dependents.set(uid, new Set([node.uid]));
      else known.add(node.uid);
    }
    const touched = this.#waitingOwners([...(previous?.owners ?? []), ...node.owners]);
    const started = previous?.phase !== node.phase && (node.phase === "foreground" || node.phase === "orphaning");
    if (started || !this.ownersStand(node)) touched.add(node.uid);
    return [...touched];
  }

  /** The object is gone. @returns uids of the objects to look at because of it */
  forget(uid: string): readonly string[] {
    const node = this.#nodes.get(uid);
    this.#unlink(node);
    this.#nodes.delete(uid);
    return [...this.#waitingOwners(node?.owners ?? []), ...(this.#dependents.get(uid) ?? [])];
  }

  /** All owners are there under the names given, and none waits for its dependents: nothing is to be done. */
  ownersStand(node: GraphNode): boolean {
    return node.owners.every((reference) => {
      const owner = this.#nodes.get(reference.uid);
      return (
        owner !== undefined &&
        owner.name === reference.name &&
        owner.kind === reference.kind &&
        (owner.namespace === "" || owner.namespace === node.namespace) &&
        owner.phase !== "foreground"
      );
    });
  }

  #waitingOwners(references: readonly OwnerReference[]): Set<string> {
    return new Set(references.map((one) => one.uid).filter((uid) => this.#nodes.get(uid)?.phase === "foreground"));
  }

  #unlink(node: GraphNode | undefined): void {
    for (const { uid } of node?.owners ?? []) {
      const known = this.#dependents.get(uid);
      known?.delete(node?.uid ?? "");
      if (known?.size === 0) this.#dependents.delete(uid);
    }
  }
}
