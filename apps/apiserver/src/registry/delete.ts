// A delete: gone at once, or marked and kept while a kubelet stops the pod (grace) or finalizers are open.
//
//   nothing holds it            -> removed
//   grace period (pods)         -> deletionTimestamp in the future; a second delete may only shorten it
//   finalizers                  -> deletionTimestamp now; the last finalizer's removal removes it (update.ts)
//   namespace with content      -> phase Terminating until its spec.finalizers are empty
import {
  childOf,
  conflict,
  deepCopy,
  forbiddenRequest,
  type JsonObject,
  type MutableObject,
  objectAt,
  planDeletion,
  type ResourceInfo,
  StatusError,
  strategyFor,
  textAt,
} from "@triarch/api";
import type { UserInfo } from "@triarch/auth";
import { about } from "../http/failures.ts";
import type { Change, EncodedObject } from "../storage/index.ts";
import type { DeleteOptions } from "./delete-options.ts";
import { dropServerFields, type Registry } from "./registry.ts";
import { servedObject, storedObject, storedResource } from "./stored-version.ts";

export interface DeleteRequest {
  readonly resource: ResourceInfo;
  readonly namespace: string;
  readonly name: string;
  readonly user: UserInfo;
  readonly options: DeleteOptions;
}

export interface DeleteResult {
  readonly object: JsonObject;
  /** False: it is still there, terminating. */
  readonly gone: boolean;
}

/** Kinds that clean up for themselves; their failed preconditions are worded differently. */
const ownPreconditions: ReadonlySet<string> = new Set([
  "/namespaces",
  "apiextensions.k8s.io/customresourcedefinitions",
]);
/** They belong to the cluster itself. */
const immortalNamespaces: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

/** @throws StatusError 403 | 404 | 409 */
export async function deleteObject(registry: Registry, request: DeleteRequest): Promise<DeleteResult> {
  const { resource, namespace, name, options } = request;
  if (resource.group === "" && resource.resource === "namespaces" && immortalNamespaces.has(name)) {
    throw new StatusError(forbiddenRequest(resource, name, "this namespace may not be deleted"));
  }
  const checksPreconditions = ownPreconditions.has(`${resource.group}/${resource.resource}`);
  return about({ resource, name }, async () => {
    let last: JsonObject | undefined;
    const decide = async (current: EncodedObject | undefined): Promise<Change> => {
      if (current === undefined) return { kind: "none" };
      const old = servedObject(resource, current.object());
      if (checksPreconditions) checkOwnPreconditions(request, old);
      await registry.admission.admitDelete(request, old);
      const next = planDelete(registry, request, old);
      last = next.object;
      return next.change;
    };
    const result = await registry.store.delete(storedResource(resource), { namespace, name }, decide, {
      dryRun: options.dryRun,
      ...(checksPreconditions ? {} : { preconditions: options.preconditions }),
    });
    const gone = result.outcome === "deleted";
    if (gone && !options.dryRun) await registry.services.releaseAll(resource, result.object.object());
    const object = gone && last !== undefined ? last : servedObject(resource, result.object.object());
    return { object, gone };
  });
}

function planDelete(
  registry: Registry,
  { resource, options }: DeleteRequest,
  old: JsonObject,
): { readonly change: Change; readonly object: JsonObject } {
  const nowMs = registry.clock.nowMs();
  const plan = planDeletion(strategyFor(resource), old, {
    gracePeriodSeconds: options.gracePeriodSeconds,
    propagationPolicy: options.propagation,
    nowMs,
  });
  switch (plan.kind) {
    case "remove":
      return { change: { kind: "delete" }, object: plan.object };
    case "mark":
      return { change: { kind: "put", object: storable(resource, plan.object) }, object: plan.object };
    case "pending":
      return { change: { kind: "none" }, object: old };
  }
}

function storable(resource: ResourceInfo, object: MutableObject): MutableObject {
  const copy = deepCopy(object);
  dropServerFields(childOf(copy, "metadata"));
  return storedObject(resource, copy);
}

function checkOwnPreconditions({ resource, name, options }: DeleteRequest, old: JsonObject): void {
  const meta = objectAt(old, "metadata") ?? {};
  const wanted = options.preconditions;
  const check = (what: string, expected: string | undefined, found: string): void => {
    if (expected === undefined || expected === found) return;
    const why = `Precondition failed: ${what} in precondition: ${expected}, ${what} in object meta: ${found}`;
    throw new StatusError(conflict(resource, name, why));
  };
  check("UID", wanted.uid, textAt(meta, "uid"));
  check("ResourceVersion", wanted.resourceVersion, textAt(meta, "resourceVersion"));
}
