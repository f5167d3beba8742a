// Keys in the store: `PREFIX/[NAMESPACE/]NAME`, Kubernetes' own layout.
import type { ObjectKey, StoredResource } from "./types.ts";

/** Every key of a resource starts with this; the slash keeps `pods` apart from `podtemplates`. */
export function keyPrefix(resource: StoredResource, namespace = ""): string {
  return namespace === "" ? `${resource.storagePrefix}/` : `${resource.storagePrefix}/${namespace}/`;
}

export function storeKey(resource: StoredResource, { namespace, name }: ObjectKey): string {
  return keyPrefix(resource, resource.namespaced ? namespace : "") + name;
}

/** @returns undefined for a key that is not of this resource's shape: somebody else's, not ours to show */
export function objectKey(resource: StoredResource, key: string): ObjectKey | undefined {
  const rest = key.slice(resource.storagePrefix.length + 1);
  const slash = rest.indexOf("/");
  if (!resource.namespaced) return slash < 0 && rest !== "" ? { namespace: "", name: rest } : undefined;
  if (slash <= 0 || slash === rest.length - 1 || rest.indexOf("/", slash + 1) >= 0) return undefined;
  return { namespace: rest.slice(0, slash), name: rest.slice(slash + 1) };
}
