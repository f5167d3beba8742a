// patch: JSON patch, merge patch, strategic merge patch. The patched document is read like a body, so that a patch can't
// bring in what a PUT could not. Server-side apply is not there yet and says so.
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  badRequest,
  failure,
  type FailureStatus,
  fieldSchema,
  type JsonObject,
  type JsonValue,
  JsonSyntaxError,
  type MutableObject,
  notFound,
  parseJson,
  StatusError,
} from "@triarch/api";
import { utf8Text } from "@triarch/base";
import { negotiate } from "../http/accept.ts";
import type { Answer, ApiRequest } from "../http/answer.ts";
import { asKind, contentTypeOf, type ExpectedKind } from "../http/body.ts";
import { objectAnswer } from "../http/encode.ts";
import { readWriteOptions, type FieldValidation } from "../http/write-options.ts";
import { updateObject } from "../registry/update.ts";
import { kindOf, type ResourceCall, viewOptions, writeRequest } from "./api.ts";

/** @throws StatusError 400 | 413 | 415 | 422 */
export type ApplyPatch = (current: JsonObject) => MutableObject;

const applyType = "application/apply-patch+yaml";

export async function handlePatch(call: ResourceCall, target: "main" | "status"): Promise<Answer> {
  const { api, request, info, resource } = call;
  const form = negotiate(request.headers.accept);
  const { dryRun, fieldValidation } = readWriteOptions(request.query, "PatchOptions");
  const patch = readPatch(request, kindOf(resource), fieldValidation);
  const { object } = await updateObject(api.registry, {
    ...writeRequest(call, dryRun),
    name: info.name,
    target,
    createIfAbsent: false,
    produce: (current) => {
      if (current === undefined) throw new StatusError(notFound(resource, info.name));
      return patch(current);
    },
  });
  return objectAnswer(resource, object, form, viewOptions(call));
}

/** The patch in the body as a function; how it is written is the content type's to say. */
export function readPatch(request: ApiRequest, expected: ExpectedKind, validation: FieldValidation): ApplyPatch {
  const apply = patchFunction(contentTypeOf(request), expected);
  const patch = parsePatch(request.body);
  return (current) => {
    const document = apply(current, patch);
    return asKind({ document, duplicates: [], expected, validation, warnings: request.warnings });
  };
}

function patchFunction(
  contentType: string,
  expected: ExpectedKind,
): (current: JsonObject, patch: JsonValue) => JsonObject {
  switch (contentType) {
    case "application/json-patch+json":
      return applyJsonPatch;
    case "application/merge-patch+json":
      return applyMergePatch;
    case "application/strategic-merge-patch+json":
      return (current, patch) => applyStrategicMergePatch(current, patch, expected.typeName, fieldSchema);
    default:
      throw new StatusError(unsupported(contentType));
  }
}

function unsupported(contentType: string): FailureStatus {
  if (contentType !== applyType) return failure(415, "UnsupportedMediaType", "415: Unsupported Media Type", {});
  const message = "server-side apply is not supported by this server yet; use client-side apply or another patch type";
  return failure(415, "UnsupportedMediaType", message, {});
}

function parsePatch(body: Uint8Array): JsonValue {
  try {
    return parseJson(utf8Text(body), { findDuplicates: false }).value;
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new StatusError(badRequest(`error decoding patch: ${error.message}`));
    throw error;
  }
}
