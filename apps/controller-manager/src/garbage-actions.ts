// What the garbage collector does to objects. Each write carries the version that the decision was made on: whoever
// changed the object in between makes it fail, and the object is looked at again.
import type { OwnerReference } from "@triarch/api";
import { ApiError, type KubeClient, type KubeObject, type ObjectKey, type ResourceRef } from "@triarch/client";

export class GarbageActions {
  readonly #client: KubeClient;

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /** @returns undefined when it is gone; another object of the same name is not it */
  async read(
    ref: ResourceRef,
    where: { readonly namespace: string; readonly name: string; readonly uid: string },
  ): Promise<KubeObject | undefined> {
    try {
      const object = await this.#client.get(ref, keyOf(where.namespace, where.name));
      return object.metadata?.uid === where.uid ? object : undefined;
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  async remove(
    ref: ResourceRef,
    object: KubeObject,
    how: { readonly policy: "Background" | "Foreground" | "Orphan"; readonly unblock: boolean },
  ): Promise<void> {
    let { uid = "", resourceVersion = "" } = object.metadata ?? {};
    if (how.unblock) {
      const owners = ownersOf(object).map((one) => ({ ...one, blockOwnerDeletion: false }));
      const patched = await this.#patch(ref, object, { ownerReferences: owners });
      if (patched === undefined) return;
      ({ uid = "", resourceVersion = "" } = patched.metadata ?? {});
    }
    try {
      await this.#client.delete(ref, keyOfObject(object), {
        propagationPolicy: how.policy,
        preconditions: { uid, resourceVersion },
      });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  async dropOwners(ref: ResourceRef, object: KubeObject, uids: readonly string[]): Promise<void> {
    const owners = ownersOf(object).filter((one) => !uids.includes(one.uid));
    if (owners.length === ownersOf(object).length) return;
    await this.#patch(ref, object, { ownerReferences: owners.length === 0 ? null : owners });
  }

  /** Strikes one owner from a dependent, as the dependent is now. */
  async release(
    ref: ResourceRef,
    dependent: { readonly namespace: string; readonly name: string; readonly uid: string },
    owner: string,
  ): Promise<void> {
    const object = await this.read(ref, dependent);
    if (object !== undefined) await this.dropOwners(ref, object, [owner]);
  }

  async removeFinalizer(ref: ResourceRef, object: KubeObject, finalizer: string): Promise<void> {
    const finalizers = (object.metadata?.finalizers ?? []).filter((one) => one !== finalizer);
    await this.#patch(ref, object, { finalizers: finalizers.length === 0 ? null : finalizers });
  }

  /** A merge patch, for not every kind takes another. */
  async #patch(ref: ResourceRef, object: KubeObject, metadata: object): Promise<KubeObject | undefined> {
    const { uid, resourceVersion } = object.metadata ?? {};
    const patch = { metadata: { uid, resourceVersion, ...metadata } };
    try {
      return await this.#client.patch(ref, keyOfObject(object), patch, { type: "merge" });
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }
}

function ownersOf(object: KubeObject): readonly OwnerReference[] {
  return object.metadata?.ownerReferences ?? [];
}

function keyOfObject(object: KubeObject): ObjectKey {
  return keyOf(object.metadata?.namespace ?? "", object.metadata?.name ?? "");
}

function keyOf(namespace: string, name: string): ObjectKey {
  return namespace === "" ? { name } : { namespace, name };
}

function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404;
}
