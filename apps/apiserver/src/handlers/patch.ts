// patch: JSON patch, merge patch, strategic merge patch, server-side apply. The patched document is read like a body, so
// that a patch can't bring in what a PUT could not. An apply brings its own field owners, and makes what is not there.
import {
  applyConfiguration,
  badRequest,
  type JsonObject,
  type ManagedResource,
  type MutableObject,
  notFound,
  StatusError,
} from "@triarch/api";
import { negotiate } from "../http/accept.ts";
import type { Answer, ApiRequest } from "../http/answer.ts";
import { readConfiguration } from "../http/configuration.ts";
import { contentTypeOf } from "../http/body.ts";
import { objectAnswer } from "../http/encode.ts";
import { fieldManagerOf, readWriteOptions, type WriteOptions } from "../http/write-options.ts";
import { updateObject } from "../registry/update.ts";
import { kindOf, type ResourceCall, viewOptions, writeRequest } from "./api.ts";
import { readPatch } from "./patched-document.ts";
import type { WriteTarget } from "./write.ts";

const applyType = "application/apply-patch+yaml";

export async function handlePatch(call: ResourceCall, target: WriteTarget): Promise<Answer> {
  const { api, request, info, resource } = call;
  if (isApply(request)) return handleApply(call, target);
  const form = negotiate(request.headers.accept);
  const { dryRun, fieldValidation } = readWriteOptions(request.query, "PatchOptions");
  const patch = readPatch(request, kindOf(resource), fieldValidation);
  const { object } = await updateObject(api.registry, {
    ...writeRequest(call, dryRun),
    name: info.name,
    target,
    createIfAbsent: false,
    uidIsPrecondition: false,
    produce: (current) => {
      if (current === undefined) throw new StatusError(notFound(resource, info.name));
      return patch(current);
    },
  });
  return objectAnswer(resource, object, form, viewOptions(call));
}

async function handleApply(call: ResourceCall, target: WriteTarget): Promise<Answer> {
  const { api, request, info, resource } = call;
  const form = negotiate(request.headers.accept);
  const options = readWriteOptions(request.query, "PatchOptions", true);
  const { object, created } = await updateObject(api.registry, {
    ...writeRequest(call, options.dryRun),
    fieldManager: undefined,
    name: info.name,
    target,
    createIfAbsent: target === "main",
    uidIsPrecondition: false,
    produce: readApply(call, resource, options),
  });
  return objectAnswer(resource, object, form, { ...viewOptions(call), statusCode: created ? 201 : 200 });
}

export function isApply(request: ApiRequest): boolean {
  return contentTypeOf(request) === applyType;
}

/**
 * The configuration in the body as a function of what is stored.
 * @param resource whose objects it is applied to: the subresource's own kind where it has one
 */
export function readApply(
  { api, request, info }: ResourceCall,
  resource: ManagedResource,
  { force, fieldValidation }: WriteOptions,
): (current: JsonObject | undefined) => MutableObject {
  const { config, problem } = readConfiguration(request.body, fieldValidation);
  const { subresource } = info;
  const manager = fieldManagerOf(request);
  return (current) => {
    const nowMs = api.registry.clock.nowMs();
    const applied = applyConfiguration({ resource, subresource, manager, nowMs, force }, current, config);
    if (problem !== undefined && fieldValidation === "Strict") throw new StatusError(badRequest(problem));
    if (problem !== undefined && !request.warnings.includes(problem)) request.warnings.push(problem);
    return applied;
  };
}
