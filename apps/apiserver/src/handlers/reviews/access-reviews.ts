// authorization.k8s.io: may somebody do something? Answered by the authorizer that decides on requests.
import {
  badRequest,
  childOf,
  type FieldError,
  invalid,
  isObject,
  type JsonObject,
  listAt,
  type MutableObject,
  objectAt,
  required,
  StatusError,
  textAt,
} from "@triarch/api";
import { nodeNameOf, type PolicyRule, type RequestAttributes, type UserInfo } from "@triarch/auth";
import type { Answer } from "../../http/answer.ts";
import type { ResourceCall } from "../api.ts";
import { handleReview, metadataErrors, refuseInvalid } from "./review.ts";

export async function handleSubjectAccessReview(call: ResourceCall): Promise<Answer> {
  return handleReview(call, (review) => {
    const spec = childOf(review, "spec");
    refuseInvalid([...subjectErrors(spec), ...metadataErrors(review, [], "must be empty")]);
    return decided(call, subjectOf(spec), spec);
  });
}

export async function handleSelfSubjectAccessReview(call: ResourceCall): Promise<Answer> {
  return handleReview(call, (review) => {
    const spec = childOf(review, "spec");
    refuseInvalid([...attributesErrors(spec), ...metadataErrors(review, [], "must be empty")]);
    return decided(call, call.request.user, spec);
  });
}

export async function handleLocalSubjectAccessReview(call: ResourceCall): Promise<Answer> {
  return handleReview(call, (review) => {
    const spec = childOf(review, "spec");
    refuseInvalid([
      ...subjectErrors(spec),
      ...metadataErrors(review, ["namespace"], "must be empty except for namespace"),
      ...localErrors(spec, call.info.namespace),
    ]);
    return decided(call, subjectOf(spec), spec);
  });
}

export async function handleSelfSubjectRulesReview(call: ResourceCall): Promise<Answer> {
  return handleReview(call, (review) => {
    const namespace = textAt(objectAt(review, "spec"), "namespace");
    if (namespace === "") throw new StatusError(badRequest("no namespace on request"));
    const { user } = call.request;
    // What a kubelet may do with pods and secrets depends on where they are: no rule says it.
    const incomplete = nodeNameOf(user) !== undefined;
    return {
      ...rulesStatus(call.api.identity.authorizer.rulesFor(user, namespace)),
      incomplete,
      ...(incomplete ? { evaluationError: "node authorizer does not support user rule resolution" } : {}),
    };
  });
}

function decided({ api }: ResourceCall, user: UserInfo, spec: JsonObject): JsonObject {
  return { allowed: api.identity.authorizer.allows(user, attributesOf(spec)) };
}

function attributesOf(spec: JsonObject): RequestAttributes {
  const path = objectAt(spec, "nonResourceAttributes");
  if (path !== undefined) return { kind: "path", verb: textAt(path, "verb"), path: textAt(path, "path") };
  const wanted = objectAt(spec, "resourceAttributes");
  return {
    kind: "resource",
    verb: textAt(wanted, "verb"),
    apiGroup: textAt(wanted, "group"),
    resource: textAt(wanted, "resource"),
    subresource: textAt(wanted, "subresource"),
    namespace: textAt(wanted, "namespace"),
    name: textAt(wanted, "name"),
  };
}

function subjectOf(spec: JsonObject): UserInfo {
  const groups = listAt(spec, "groups").filter((group) => typeof group === "string");
  return { name: textAt(spec, "user"), uid: textAt(spec, "uid"), groups };
}

function subjectErrors(spec: JsonObject): readonly FieldError[] {
  const named = textAt(spec, "user") !== "" || listAt(spec, "groups").length > 0;
  return [
    ...attributesErrors(spec),
    ...(named ? [] : [invalid("spec.user", textAt(spec, "user"), "at least one of user or group must be specified")]),
  ];
}

function attributesErrors(spec: JsonObject): readonly FieldError[] {
  const resource = objectAt(spec, "resourceAttributes");
  const path = objectAt(spec, "nonResourceAttributes");
  if (resource !== undefined && path !== undefined) {
    const why = "cannot be specified in combination with resourceAttributes";
    return [invalid("spec.nonResourceAttributes", shownPath(path), why)];
  }
  if (resource === undefined && path === undefined) {
    const why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    return [invalid("spec.resourceAttributes", undefined, why)];
  }
  return ["fieldSelector", "labelSelector"].flatMap((field) => selectorErrors(resource ?? {}, field));
}

/** A selector is given raw or as requirements, not both and not neither. */
function selectorErrors(attributes: JsonObject, field: string): readonly FieldError[] {
  const selector = attributes[field];
  if (!isObject(selector)) return [];
  const path = `spec.resourceAttributes.${field}`;
  const raw = textAt(selector, "rawSelector");
  const count = listAt(selector, "requirements").length;
  if (raw !== "" && count > 0) {
    return [invalid(`${path}.rawSelector`, raw, "may not specified at the same time as requirements")];
  }
  if (raw !== "" || count > 0) return [];
  return [required(`${path}.requirements`, `when ${path} is specified, requirements or rawSelector is required`)];
}

function localErrors(spec: JsonObject, namespace: string): readonly FieldError[] {
  const resource = objectAt(spec, "resourceAttributes");
  const path = objectAt(spec, "nonResourceAttributes");
  const wanted = textAt(resource, "namespace");
  return [
    ...(resource === undefined || wanted === namespace
      ? []
      : [invalid("spec.resourceAttributes.namespace", wanted, "must match metadata.namespace")]),
    ...(path === undefined
      ? []
      : [invalid("spec.nonResourceAttributes", shownPath(path), "disallowed on this kind of request")]),
  ];
}

/** As errors of Kubernetes show it. */
function shownPath(attributes: JsonObject): JsonObject {
  return { Path: textAt(attributes, "path"), Verb: textAt(attributes, "verb") };
}

function rulesStatus(rules: readonly PolicyRule[]): MutableObject {
  const resourceRules: MutableObject[] = [];
  const nonResourceRules: MutableObject[] = [];
  for (const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } of rules) {
    if (resources.length > 0) {
      resourceRules.push({
        verbs: [...verbs],
        apiGroups: [...apiGroups],
        resources: [...resources],
        ...(resourceNames.length === 0 ? {} : { resourceNames: [...resourceNames] }),
      });
    }
    if (nonResourceURLs.length > 0) {
      nonResourceRules.push({ verbs: [...verbs], nonResourceURLs: [...nonResourceURLs] });
    }
  }
  return { resourceRules, nonResourceRules };
}
