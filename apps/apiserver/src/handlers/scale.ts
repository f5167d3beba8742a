// The scale subresource: one number of a workload, in autoscaling/v1's Scale.
import {
  apiVersionOf,
  childOf,
  deepCopy,
  invalid,
  invalidObject,
  type JsonObject,
  type ManagedResource,
  managedFieldsAfterScale,
  managedFieldsOfScale,
  type MutableObject,
  type MutableValue,
  notFound,
  numberAt,
  objectAt,
  pathNotFound,
  type ScaleAccess,
  type ScaleMapping,
  conflict,
  StatusError,
  strategyFor,
  textAt,
  trackUpdate,
} from "@triarch/api";
import { about } from "../http/failures.ts";
import { negotiate } from "../http/accept.ts";
import type { Answer } from "../http/answer.ts";
import { decodeBody, type ExpectedKind } from "../http/body.ts";
import { objectAnswer } from "../http/encode.ts";
import { readWriteOptions, type WriteOptions } from "../http/write-options.ts";
import { storedResource } from "../registry/stored-version.ts";
import { checkNames, updateObject } from "../registry/update.ts";
import { type ResourceCall, viewOptions, writeRequest } from "./api.ts";
import { isApply, readApply } from "./patch.ts";
import { readPatch } from "./patched-document.ts";

const scaleKind: ExpectedKind = {
  apiVersion: "autoscaling/v1",
  kind: "Scale",
  typeName: "io.k8s.api.autoscaling.v1.Scale",
};

/** A Scale as field management sees it. */
const scaleResource: ManagedResource = {
  group: "autoscaling",
  version: "v1",
  resource: "scales",
  kind: scaleKind.kind,
  typeName: scaleKind.typeName,
  subresources: [],
};
const replicasPath = ["spec", "replicas"];

export async function handleScale(call: ResourceCall): Promise<Answer> {
  const form = negotiate(call.request.headers.accept);
  const answer = (scale: JsonObject): Answer => objectAnswer(scaleResource, scale, form, viewOptions(call));
  switch (call.info.verb) {
    case "get":
      return answer(await readScale(call));
    case "update": {
      const options = readWriteOptions(call.request.query, "UpdateOptions");
      const scale = decodeBody(call.request, scaleKind, options.fieldValidation);
      return answer(await writeScale(call, options, () => deepCopy(scale)));
    }
    default: {
      const options = readWriteOptions(call.request.query, "PatchOptions", isApply(call.request));
      const patch = isApply(call.request)
        ? readApply(call, scaleResource, options)
        : readPatch(call.request, scaleKind, options.fieldValidation);
      return answer(await writeScale(call, options, patch));
    }
  }
}

async function readScale(call: ResourceCall): Promise<JsonObject> {
  const { api, info, resource } = call;
  const object = await about({ resource, name: info.name }, () =>
    api.registry.store.get(storedResource(resource), { namespace: info.namespace, name: info.name }),
  );
  return accessOf(call).get(object.object());
}

async function writeScale(
  call: ResourceCall,
  { dryRun }: WriteOptions,
  wanted: (current: JsonObject) => MutableObject,
): Promise<JsonObject> {
  const { api, info, resource } = call;
  const access = accessOf(call);
  const write = writeRequest(call, dryRun);
  const { object } = await updateObject(api.registry, {
    ...write,
    fieldManager: undefined,
    name: info.name,
    target: "main",
    createIfAbsent: false,
    produce: (current) => {
      if (current === undefined) throw new StatusError(notFound(resource, info.name));
      const owners = ownersOf(call, current);
      const before = deepCopy(access.get(current));
      childOf(before, "metadata")["managedFields"] = managedFieldsOfScale(owners);
      const scale = wanted(before);
      checkNames(scale, info);
      checkScale(call, scale, current);
      if (!isApply(call.request)) {
        const nowMs = api.registry.clock.nowMs();
        const manager = write.fieldManager ?? "";
        trackUpdate({ resource: scaleResource, subresource: "scale", manager, nowMs }, scale, before);
      }
      const next = deepCopy(current);
      access.set(next, numberAt(objectAt(scale, "spec"), "replicas") ?? 0);
      setManagedFields(next, managedFieldsAfterScale(owners, objectAt(scale, "metadata")?.["managedFields"]));
      return next;
    },
  });
  return access.get(object);
}

function ownersOf({ resource }: ResourceCall, current: JsonObject): ScaleMapping {
  const parent = objectAt(current, "metadata")?.["managedFields"];
  return { parent, apiVersion: apiVersionOf(resource), replicasPath };
}

function setManagedFields(object: MutableObject, entries: MutableValue): void {
  const meta = childOf(object, "metadata");
  if (Array.isArray(entries) && entries.length > 0) meta["managedFields"] = entries;
  else delete meta["managedFields"];
}

function checkScale({ info, resource }: ResourceCall, scale: JsonObject, current: JsonObject): void {
  const replicas = numberAt(objectAt(scale, "spec"), "replicas") ?? 0;
  if (replicas < 0) {
    const error = invalid("spec.replicas", replicas, "must be greater than or equal to 0");
    throw new StatusError(invalidObject({ group: "autoscaling", kind: "Scale" }, info.name, [error]));
  }
  const version = textAt(objectAt(scale, "metadata"), "resourceVersion");
  const found = textAt(objectAt(current, "metadata"), "resourceVersion");
  if (version !== "" && version !== found) throw new StatusError(conflict(resource, info.name));
}

function accessOf({ resource }: ResourceCall): ScaleAccess {
  const access = strategyFor(resource).scale;
  if (access === undefined) throw new StatusError(pathNotFound());
  return access;
}
