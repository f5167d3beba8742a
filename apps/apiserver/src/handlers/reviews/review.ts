// A review is a question in the shape of an object: it is created, answered in its status and stored nowhere.
import {
  applyDefaults,
  apiVersionOf,
  childOf,
  deepCopy,
  type FieldError,
  invalid,
  invalidObject,
  type JsonObject,
  type MutableObject,
  objectAt,
  StatusError,
  trackCreate,
} from "@triarch/api";
import { negotiateWithoutTable } from "../../http/accept.ts";
import type { Answer } from "../../http/answer.ts";
import { decodeBody } from "../../http/body.ts";
import { objectAnswer } from "../../http/encode.ts";
import { fieldManagerOf, readWriteOptions } from "../../http/write-options.ts";
import { checkNamespace } from "../../registry/create.ts";
import { kindOf, type ResourceCall, viewOptions } from "../api.ts";

/** @returns the review's status; may also change the review itself. @throws StatusError 400 | 422 */
export type AnswerReview = (review: MutableObject, call: ResourceCall) => Promise<JsonObject> | JsonObject;

export async function handleReview(call: ResourceCall, answer: AnswerReview): Promise<Answer> {
  const { api, request, info, resource } = call;
  const form = negotiateWithoutTable(request.headers.accept);
  const { fieldValidation } = readWriteOptions(request.query, "CreateOptions");
  const review = decodeBody(request, kindOf(resource), fieldValidation);
  checkNamespace(childOf(review, "metadata"), info.namespace);
  applyDefaults(apiVersionOf(resource), resource.kind, review);
  const manager = fieldManagerOf(request);
  trackCreate({ resource, subresource: info.subresource, manager, nowMs: api.registry.clock.nowMs() }, review);
  review["status"] = deepCopy(await answer(review, call));
  return objectAnswer(resource, kindFirst(review), form, { ...viewOptions(call), statusCode: 201 });
}

/** For people who read the answer. */
export function kindFirst({ kind, apiVersion, metadata, ...rest }: JsonObject): JsonObject {
  return { kind, apiVersion, metadata, ...rest };
}

/** Reviews of `authorization.k8s.io` are refused under a kind without a name, as Kubernetes words it. */
export function refuseInvalid(errors: readonly FieldError[]): void {
  if (errors.length === 0) return;
  throw new StatusError(invalidObject({ group: "authorization.k8s.io", kind: "" }, "", errors));
}

/** Reviews have no name and no labels. @param except what their metadata may say all the same */
export function metadataErrors(review: JsonObject, except: readonly string[], detail: string): readonly FieldError[] {
  const metadata = objectAt(review, "metadata") ?? {};
  const others = Object.entries(metadata).filter(([key]) => key !== "managedFields" && !except.includes(key));
  return others.length === 0 ? [] : [invalid("metadata", Object.fromEntries(others), detail)];
}
