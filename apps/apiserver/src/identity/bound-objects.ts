// Is what a token is bound to still there? The cache answers for what it knows; for the rest the store is asked, because
// an account that was made a moment ago on another master may not be in our cache yet.
import { findResource, type JsonObject, objectAt, type ResourceInfo, textAt } from "@triarch/api";
import type { BoundObjectKind, BoundObjects } from "@triarch/auth";
import { assertDefined } from "@triarch/base";
import { type ResourceStore, StorageError } from "../storage/index.ts";

const plurals: Readonly<Record<BoundObjectKind, string>> = {
  ServiceAccount: "serviceaccounts",
  Pod: "pods",
  Secret: "secrets",
  Node: "nodes",
};

export function boundResource(kind: BoundObjectKind): ResourceInfo {
  return assertDefined(findResource("", "v1", plurals[kind]), `${plurals[kind]} are not served`);
}

export function boundObjects(store: ResourceStore): BoundObjects {
  return {
    find: async (kind, namespace, name) => {
      const meta = objectAt((await readFresh(store, boundResource(kind), namespace, name)) ?? {}, "metadata");
      if (meta === undefined) return undefined;
      const deleted = textAt(meta, "deletionTimestamp");
      return { uid: textAt(meta, "uid"), deletedAtMs: deleted === "" ? undefined : Date.parse(deleted) };
    },
  };
}

/** From the cache, else from the store; undefined: there is none. */
export async function readFresh(
  store: ResourceStore,
  resource: ResourceInfo,
  namespace: string,
  name: string,
): Promise<JsonObject | undefined> {
  for (const resourceVersion of ["0", ""]) {
    try {
      return (await store.get(resource, { namespace, name }, { resourceVersion })).object();
    } catch (error) {
      if (!(error instanceof StorageError) || error.failure.code !== "notFound") throw error;
    }
  }
  return undefined;
}
