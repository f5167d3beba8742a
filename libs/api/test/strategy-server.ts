// The way a write takes through this package, without HTTP, admission and store: structure, defaults, owners of fields,
// preparation, validation. What it answers can be laid beside what a real server answered.
import {
  applyDefaults,
  decodingErrorText,
  type FieldError,
  findingText,
  invalidObject,
  type JsonObject,
  type MutableObject,
  prepareMetaForCreate,
  prepareMetaForUpdate,
  readStructure,
  type ResourceInfo,
  strategyFor,
  trackCreate,
  trackUpdate,
} from "@triarch/api";

export const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const uid = "11111111-2222-3333-4444-555555555555";

export type Answer =
  | { readonly status: 200 | 201; readonly object: MutableObject }
  | { readonly status: 400; readonly text: string }
  | { readonly status: 422; readonly errors: readonly FieldError[]; readonly text: string };

export function create(resource: ResourceInfo, namespace: string, body: JsonObject, manager = "client"): Answer {
  const read = readObject(resource, namespace, body);
  if ("status" in read) return read;
  const { object } = read;
  const strategy = strategyFor(resource);
  trackCreate({ resource, subresource: "", manager, nowMs }, object);
  prepareMetaForCreate(object, uid, nowMs);
  strategy.prepareForCreate(object, { nowMs });
  return judged(resource, object, 201, strategy.validateCreate(object, { nowMs }));
}

/** @param manager false: `body` comes with its managed fields */
export function update(
  resource: ResourceInfo,
  namespace: string,
  old: JsonObject,
  body: JsonObject,
  manager: string | false = "client",
): Answer {
  const read = readObject(resource, namespace, body);
  if ("status" in read) return read;
  const { object } = read;
  const strategy = strategyFor(resource);
  if (manager !== false) trackUpdate({ resource, subresource: "", manager, nowMs }, object, old);
  prepareMetaForUpdate(object, old);
  strategy.prepareForUpdate(object, old);
  return judged(resource, object, 200, strategy.validateUpdate(object, old));
}

/** A write through the status subresource. */
export function updateStatus(resource: ResourceInfo, namespace: string, old: JsonObject, body: JsonObject): Answer {
  const read = readObject(resource, namespace, body);
  if ("status" in read) return read;
  const { object } = read;
  const strategy = strategyFor(resource);
  prepareMetaForUpdate(object, old);
  strategy.prepareForStatusUpdate(object, old, { nowMs });
  return judged(resource, object, 200, strategy.validateStatusUpdate(object, old));
}

/** Structure and defaults; the namespace of the path is the object's. */
export function readObject(
  resource: ResourceInfo,
  namespace: string,
  body: JsonObject,
): Answer | { readonly object: MutableObject } {
  const { object, findings } = readStructure(resource.typeName, body);
  const text = decodingErrorText(findings, true);
  if (text !== undefined) return { status: 400, text: `${text} ${findings.map(findingText).join()}` };
  const apiVersion = resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
  applyDefaults(apiVersion, resource.kind, object);
  const metadata = (object["metadata"] ??= {}) as MutableObject;
  if (resource.namespaced) metadata["namespace"] = namespace;
  return { object };
}

function judged(
  resource: ResourceInfo,
  object: MutableObject,
  status: 200 | 201,
  errors: readonly FieldError[],
): Answer {
  if (errors.length === 0) return { status, object };
  const name = (object["metadata"] as MutableObject | undefined)?.["name"];
  return { status: 422, errors, text: invalidObject(resource, typeof name === "string" ? name : "", errors).message };
}
