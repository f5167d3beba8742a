// create, update, delete, deletecollection of whole objects.
import {
  badRequest,
  copyWithEmptied,
  type JsonObject,
  type MutableObject,
  objectAt,
  StatusError,
  strategyFor,
  type SubresourceRules,
  textAt,
  type ResourceInfo,
} from "@triarch/api";
import { about } from "../http/failures.ts";
import { negotiate } from "../http/accept.ts";
import { type Answer, jsonAnswer, type ApiRequest } from "../http/answer.ts";
import { decodeBody, type ExpectedKind } from "../http/body.ts";
import { listAnswer, objectAnswer, storedAnswer } from "../http/encode.ts";
import { readWriteOptions } from "../http/write-options.ts";
import { createObject } from "../registry/create.ts";
import { deleteObject, type DeleteResult } from "../registry/delete.ts";
import { type DeleteOptions, readDeleteOptions } from "../registry/delete-options.ts";
import { storedResource } from "../registry/stored-version.ts";
import { checkNames, updateObject } from "../registry/update.ts";
import { kindOf, type ResourceCall, viewOptions, writeRequest } from "./api.ts";
import { readListOptions } from "./list-options.ts";

/** Objects deleted at once by a deletecollection. */
const deletesAtOnce = 8;

/** Kinds whose delete answers with the object instead of a Status, as Kubernetes has it. */
const answeredWithObject: ReadonlySet<string> = new Set([
  "/pods",
  "/namespaces",
  "/services",
  "/serviceaccounts",
  "/resourcequotas",
  "/podtemplates",
  "/persistentvolumes",
  "/persistentvolumeclaims",
  "storage.k8s.io/storageclasses",
  "storage.k8s.io/csidrivers",
  "storage.k8s.io/csinodes",
  "storage.k8s.io/volumeattachments",
  "storage.k8s.io/volumeattributesclasses",
  "resource.k8s.io/deviceclasses",
  "resource.k8s.io/resourceclaims",
  "resource.k8s.io/resourceclaimtemplates",
  "resource.k8s.io/resourceslices",
]);

/** What a client writes: an object's spec or status, or what another path of it gives access to. */
export type WriteTarget = "main" | "status" | SubresourceRules;

/** Sent as v1 or under the group of what is deleted. */
const deleteOptionsKind: ExpectedKind = {
  anyVersion: true,
  apiVersion: "v1",
  kind: "DeleteOptions",
  typeName: "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
};

export async function handleCreate(call: ResourceCall): Promise<Answer> {
  const { api, request, resource } = call;
  const form = negotiate(request.headers.accept);
  const { dryRun, fieldValidation } = readWriteOptions(request.query, "CreateOptions");
  const object = decodeBody(request, kindOf(resource), fieldValidation);
  const created = await createObject(api.registry, { ...writeRequest(call, dryRun), object });
  return storedAnswer(resource, created, form, { ...viewOptions(call), statusCode: 201 });
}

export async function handleUpdate(call: ResourceCall, target: WriteTarget): Promise<Answer> {
  const { api, request, info, resource } = call;
  const form = negotiate(request.headers.accept);
  const { dryRun, fieldValidation } = readWriteOptions(request.query, "UpdateOptions");
  const object: MutableObject = decodeBody(request, kindOf(resource), fieldValidation);
  checkNames(object, info);
  const { object: updated, created } = await updateObject(api.registry, {
    ...writeRequest(call, dryRun),
    name: info.name,
    target,
    createIfAbsent: target === "main" && strategyFor(resource).allowCreateOnUpdate,
    produce: () => copyWithEmptied(object),
  });
  return objectAnswer(resource, updated, form, { ...viewOptions(call), statusCode: created ? 201 : 200 });
}

export async function handleDelete(call: ResourceCall): Promise<Answer> {
  const { api, request, info, resource } = call;
  const form = negotiate(request.headers.accept);
  const options = deleteOptionsOf(request);
  const { namespace, name } = info;
  const result = await deleteObject(api.registry, { resource, namespace, name, user: request.user, options });
  if (!result.gone || answeredWithObject.has(`${resource.group}/${resource.resource}`)) {
    return objectAnswer(resource, result.object, form, viewOptions(call));
  }
  return jsonAnswer(deletedStatus(resource, name, result));
}

/** @throws StatusError 400 | 415 | 422 */
export function deleteOptionsOf(request: ApiRequest): DeleteOptions {
  const body = request.body.length === 0 ? undefined : decodeBody(request, deleteOptionsKind, "Ignore");
  return readDeleteOptions(body, request.query);
}

export async function handleDeleteCollection(call: ResourceCall): Promise<Answer> {
  const { api, request, info, resource } = call;
  const form = negotiate(request.headers.accept);
  const options = deleteOptionsOf(request);
  if (options.preconditions.uid !== undefined || options.preconditions.resourceVersion !== undefined) {
    throw new StatusError(badRequest("preconditions name one object; they can't be used to delete a collection"));
  }
  const selection = readListOptions(resource, request.query, "deletecollection");
  const list = await about({ resource, name: "" }, () =>
    api.registry.store.list(storedResource(resource), { namespace: info.namespace, ...selection }),
  );
  const waiting = list.items.values();
  const worker = async (): Promise<void> => {
    for (const { namespace, name } of waiting) {
      await ignoreGone(() => deleteObject(api.registry, { resource, namespace, name, user: request.user, options }));
    }
  };
  await Promise.all(Array.from({ length: deletesAtOnce }, worker));
  return listAnswer(resource, list, form, viewOptions(call));
}

async function ignoreGone(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof StatusError) || error.status.code !== 404) throw error;
  }
}

function deletedStatus({ group, resource }: ResourceInfo, name: string, { object }: DeleteResult): JsonObject {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: {
      name,
      ...(group === "" ? {} : { group }),
      kind: resource,
      uid: textAt(objectAt(object, "metadata"), "uid"),
    },
  };
}
