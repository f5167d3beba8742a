// Most resources are stored in the version they are served in. Events are served by two groups over one storage, and
// HorizontalPodAutoscalers in two versions: one form is stored, the other is converted on the way in and out.
import {
  apiVersionOf,
  convertToVersion,
  deepCopy,
  findKind,
  type JsonObject,
  type MutableObject,
  type ResourceInfo,
  storageApiVersion,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";

/** The resource under whose form `resource` is stored; `resource` itself for all that have one form only. */
export function storedResource(resource: ResourceInfo): ResourceInfo {
  if (!isConverted(resource)) return resource;
  return assertDefined(findKind(storageApiVersion(resource), resource.kind), "the stored form is not served");
}

/** True: objects pass through `servedObject` and `storedObject`, their stored bytes can't be sent as they are. */
export function isConverted(resource: ResourceInfo): boolean {
  return storageApiVersion(resource) !== apiVersionOf(resource);
}

/** Shared with the cache: do not change the answer. */
export function servedObject(resource: ResourceInfo, object: JsonObject): JsonObject {
  return isConverted(resource) ? convertToVersion(object, apiVersionOf(resource)) : object;
}

export function storedObject(resource: ResourceInfo, object: MutableObject): MutableObject {
  return isConverted(resource) ? deepCopy(convertToVersion(object, storageApiVersion(resource))) : object;
}
