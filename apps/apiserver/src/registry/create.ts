// A create, from a decoded object to a stored one. Order: names, defaults, owners, mutating admission, what the kind prepares,
// validation, addresses and ports, store.
import {
  apiVersionOf,
  applyDefaults,
  badRequest,
  childOf,
  deepCopy,
  generateName,
  invalidObject,
  type MutableObject,
  prepareMetaForCreate,
  type ResourceInfo,
  StatusError,
  strategyFor,
  textAt,
  trackCreate,
} from "@triarch/api";
import { StorageError, type EncodedObject } from "../storage/index.ts";
import { about } from "../http/failures.ts";
import { dropServerFields, type Registry, type WriteRequest } from "./registry.ts";
import { storedObject, storedResource } from "./stored-version.ts";

/** Names tried for one `generateName` before the collision is the client's to hear of. */
const generatedNamesMax = 8;

export interface CreateRequest extends WriteRequest {
  /** Decoded, of the right kind and structure. Changed in place. */
  readonly object: MutableObject;
}

/** @throws StatusError 400 | 403 | 404 | 409 | 422 */
export async function createObject(registry: Registry, request: CreateRequest): Promise<EncodedObject> {
  const { resource, object } = request;
  const meta = childOf(object, "metadata");
  checkNamespace(meta, request.namespace);
  const generated = textAt(meta, "name") === "" && textAt(meta, "generateName") !== "";
  for (let attempt = 1; ; attempt++) {
    const candidate = generated ? deepCopy(object) : object;
    if (generated) {
      childOf(candidate, "metadata")["name"] = generateName(textAt(meta, "generateName"), registry.rng);
    }
    try {
      return await createNamed(registry, { ...request, object: candidate });
    } catch (error) {
      if (generated && attempt < generatedNamesMax && isCollision(error)) continue;
      throw error instanceof StorageError ? await translate(error, resource, candidate) : error;
    }
  }
}

async function createNamed(registry: Registry, request: CreateRequest): Promise<EncodedObject> {
  const { resource, namespace, object, dryRun } = request;
  const version = textAt(childOf(object, "metadata"), "resourceVersion");
  await prepareCreate(registry, request);
  if (version !== "" && version !== "0") {
    throw new StatusError(badRequest("resourceVersion should not be set on objects to be created"));
  }
  const name = textAt(childOf(object, "metadata"), "name");
  const stored = storedResource(resource);
  const allocation = await registry.services.allocateForCreate(resource, object, dryRun);
  try {
    return await registry.store.create(stored, { namespace, name }, storedObject(resource, object), { dryRun });
  } catch (error) {
    await allocation.release();
    throw error;
  }
}

/** Everything before the store; also what a PUT that creates goes through. Changes `request.object` in place. */
export async function prepareCreate(registry: Registry, request: CreateRequest): Promise<void> {
  const { resource, object, warnings } = request;
  const strategy = strategyFor(resource);
  const meta = childOf(object, "metadata");
  dropServerFields(meta);
  applyDefaults(apiVersionOf(resource), resource.kind, object);
  const { fieldManager: manager, subresource } = request;
  if (manager !== undefined) trackCreate({ resource, subresource, manager, nowMs: registry.clock.nowMs() }, object);
  await registry.admission.admitCreate({ ...request, object });
  const nowMs = registry.clock.nowMs();
  prepareMetaForCreate(object, registry.newUid(), nowMs);
  const context = { nowMs, user: request.user };
  strategy.prepareForCreate(object, context);
  const errors = strategy.validateCreate(object, context);
  if (errors.length > 0) throw new StatusError(invalidObject(resource, textAt(meta, "name"), errors));
  warnings.push(...(strategy.warnings?.(object) ?? []));
  await registry.admission.validateCreate({ ...request, object });
}

/** A namespace in the body must be the one in the path; without one, the path's counts. */
export function checkNamespace(meta: MutableObject, namespace: string): void {
  const own = textAt(meta, "namespace");
  if (namespace === "") delete meta["namespace"];
  else if (own === "") meta["namespace"] = namespace;
  else if (own !== namespace) {
    throw new StatusError(
      badRequest("the namespace of the provided object does not match the namespace sent on the request"),
    );
  }
}

function isCollision(error: unknown): boolean {
  return error instanceof StorageError && error.failure.code === "alreadyExists";
}

async function translate(error: StorageError, resource: ResourceInfo, object: MutableObject): Promise<unknown> {
  const subject = { resource, name: textAt(childOf(object, "metadata"), "name") };
  return about(subject, () => Promise.reject(error)).catch((translated: unknown) => translated);
}
