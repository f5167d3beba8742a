// Is this namespace there? The cache answers for those it knows; for others the store is asked, because a namespace that
// was made a moment ago on another master may not be in our cache yet.
import { findResource, type JsonObject, notFound, StatusError } from "@triarch/api";
import { assertDefined } from "@triarch/base";
import { type ResourceStore, StorageError } from "../storage/index.ts";

export interface NamespaceLookup {
  /** Undefined: there is none. */
  get(name: string): Promise<JsonObject | undefined>;
}

export function namespaceLookup(store: ResourceStore): NamespaceLookup {
  const namespaces = assertDefined(findResource("", "v1", "namespaces"), "namespaces are not served");
  const read = async (name: string, resourceVersion: string): Promise<JsonObject | undefined> => {
    try {
      return (await store.get(namespaces, { namespace: "", name }, { resourceVersion })).object();
    } catch (error) {
      if (error instanceof StorageError && error.failure.code === "notFound") return undefined;
      throw error;
    }
  };
  return { get: async (name) => (await read(name, "0")) ?? (await read(name, "")) };
}

/** @throws StatusError 404 */
export function assertFound(namespace: JsonObject | undefined, name: string): JsonObject {
  if (namespace === undefined) throw new StatusError(notFound({ group: "", resource: "namespaces" }, name));
  return namespace;
}
