// CertificateSigningRequests: who asks is what the server saw, not what the request says; spec and requester never change.
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
  tooLong,
} from "../meta/field-error.ts";
import {
  carryField,
  childOf,
  deepCopy,
  isObject,
  listAt,
  type MutableObject,
  objectAt,
  textAt,
} from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain, type NameCheck } from "../meta/names.ts";
import { timeText } from "../meta/time.ts";
import { certificatesProblem, requestProblem } from "../validation/pem.ts";
import type { Errors } from "../validation/basics.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy, SubresourceRules } from "./strategy.ts";

const durationSecondsMin = 600;
/** A domain, `/`, the name of a namespace, `.`, the name of an object. */
const signerNameMax = 571;
const domainMax = 253;
const legacySigner = "kubernetes.io/legacy-unknown";
const usages = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];
const decisions: readonly string[] = ["Approved", "Denied"];
const lasting: readonly string[] = [...decisions, "Failed"];
const requesterFields = ["username", "uid", "groups", "extra"];

export const certificateSigningRequests: KindStrategy = defineStrategy({
  namespaced: false,
  initialStatus: {},
  selectorFields: ["spec.signerName"],
  selectorValues: (object) => ({ "spec.signerName": textAt(objectAt(object, "spec"), "signerName") }),
  prepareCreate: (object, { user }) => {
    const spec = childOf(object, "spec");
    for (const field of requesterFields) delete spec[field];
    if (user === undefined) return;
    const { name, uid, groups, extra = {} } = user;
    if (name !== "") spec["username"] = name;
    if (uid !== "") spec["uid"] = uid;
    if (groups.length > 0) spec["groups"] = [...groups];
    if (Object.keys(extra).length > 0) spec["extra"] = deepCopy(extra);
  },
  prepareUpdate: (next, old) => {
    carryField(next, old, "spec");
  },
  prepareStatusUpdate: (next, old, { nowMs }) => {
    keepDecisions(next, old);
    stampConditions(next, old, nowMs);
  },
  validate: validateRequest,
  validateStatus: (next, old) => {
    const [certificate, before] = [certificateOf(next), certificateOf(old)];
    const errors: Errors = [...validateConditions(next)];
    if (certificate !== before) {
      const problem = certificate === undefined ? undefined : certificatesProblem(certificate);
      if (problem !== undefined) errors.push(invalid("status.certificate", "<certificate data>", problem));
    }
    errors.push(...validateLasting(next, old));
    if (before !== undefined && certificate !== before) {
      errors.push(forbidden("status.certificate", "updates may not modify existing certificate content"));
    }
    return errors;
  },
});

/** The `approval` subresource: of status, the conditions are taken over, whatever their types. */
export const certificateApproval: SubresourceRules = {
  prepare: (next, old, { nowMs }) => {
    for (const key of new Set([...Object.keys(next), ...Object.keys(old)])) {
      if (key !== "status" && key !== "metadata") carryField(next, old, key);
    }
    carryField(childOf(next, "status"), objectAt(old, "status") ?? {}, "certificate");
    stampConditions(next, old, nowMs);
  },
  validate: (next, old) => [...validateConditions(next), ...validateLasting(next, old)],
};

/** Times that are not set are now; a condition that only says the same again keeps the time of its transition. */
function stampConditions(next: MutableObject, old: JsonObject, nowMs: number): void {
  const before = conditionsOf(old);
  for (const condition of conditionsOf(next) as readonly MutableObject[]) {
    const same = before.find((one) => one["type"] === condition["type"] && one["status"] === condition["status"]);
    condition["lastUpdateTime"] ??= timeText(nowMs);
    condition["lastTransitionTime"] ??= same === undefined ? timeText(nowMs) : textAt(same, "lastTransitionTime");
  }
}

function conditionsOf(object: JsonObject): readonly JsonObject[] {
  return listAt(objectAt(object, "status") ?? {}, "conditions").filter(isObject);
}

function certificateOf(object: JsonObject): string | undefined {
  const text = textAt(objectAt(object, "status"), "certificate");
  return text === "" ? undefined : text;
}

/** What was decided, or failed, stays so. */
function validateLasting(next: JsonObject, old: JsonObject): readonly FieldError[] {
  return lasting
    .filter((type) => ofType(next, type).length < ofType(old, type).length)
    .map((type) =>
      forbidden("status.conditions", `updates may not remove a condition of type ${JSON.stringify(type)}`),
    );
}

function ofType(object: JsonObject, type: string): readonly JsonObject[] {
  return conditionsOf(object).filter((condition) => textAt(condition, "type") === type);
}

/**
 * A status does not decide: decisions stay as they were, and a status that has more of them, or fewer, leaves all conditions
 * as they were.
 */
function keepDecisions(next: MutableObject, old: JsonObject): void {
  const isStable = decisions.every((type) => ofType(next, type).length === ofType(old, type).length);
  const status = childOf(next, "status");
  if (!isStable) carryField(status, objectAt(old, "status") ?? {}, "conditions");
  else if (listAt(status, "conditions").length > 0) {
    status["conditions"] = conditionsOf(next).map((condition) => {
      const type = textAt(condition, "type");
      const kept = decisions.includes(type) ? ofType(old, type)[ofType(next, type).indexOf(condition)] : undefined;
      return deepCopy(kept ?? condition);
    });
  }
}

function validateRequest(object: JsonObject): readonly FieldError[] {
  const {
    request,
    usages: wanted = [],
    signerName = "",
    expirationSeconds,
  } = sparse<CertificateSigningRequest>(object).spec ?? {};
  const errors: Errors = [];
  const problem = requestProblem(request ?? "");
  if (problem !== undefined) errors.push(invalid("spec.request", request, problem));
  if (wanted.length === 0) errors.push(required("spec.usages"));
  wanted.forEach((usage, i) => {
    if (!usages.includes(usage)) errors.push(notSupported(`spec.usages[${i}]`, usage, usages));
  });
  wanted.forEach((usage, i) => {
    if (wanted.indexOf(usage) < i) errors.push(duplicate(`spec.usages[${i}]`, usage));
  });
  const legacyText = "the legacy signerName is not allowed via this API version";
  if (signerName === "") errors.push(required("spec.signerName"));
  else if (signerName === legacySigner) errors.push(invalid("spec.signerName", signerName, legacyText));
  else errors.push(...validateSignerName(signerName));
  if (expirationSeconds !== undefined && expirationSeconds < durationSecondsMin) {
    const text = `may not specify a duration less than ${durationSecondsMin} seconds (10 minutes)`;
    errors.push(invalid("spec.expirationSeconds", expirationSeconds, text));
  }
  return [...errors, ...validateConditions(object)];
}

/** `example.com/name`, where the name may have dots. Of each half, the first part that is wrong is told. */
function validateSignerName(name: string): readonly FieldError[] {
  const path = "spec.signerName";
  const [domain = "", signer, ...more] = name.split("/");
  if (signer === undefined || more.length > 0) {
    return [invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")];
  }
  const errors: Errors = [];
  if (domain.length > domainMax) errors.push(tooLong(path, domainMax));
  checkParts(errors, path, domain, dns1123Label);
  if (!domain.includes(".")) {
    errors.push(invalid(path, domain, "should be a domain with at least two segments separated by dots"));
  }
  checkParts(errors, path, signer, dns1123Subdomain);
  if (name.length > signerNameMax) errors.push(tooLong(path, signerNameMax));
  return errors;
}

function checkParts(errors: Errors, path: string, value: string, check: NameCheck): void {
  const wrong = value.split(".").find((part) => check(part).length > 0);
  for (const text of wrong === undefined ? [] : check(wrong)) {
    errors.push(invalid(path, value, `validating label ${JSON.stringify(wrong)}: ${text}`));
  }
}

function validateConditions(object: JsonObject): readonly FieldError[] {
  const { conditions = [] } = sparse<CertificateSigningRequest>(object).status ?? {};
  const errors: Errors = [];
  const types = conditions.map(({ type = "" }) => type);
  conditions.forEach((condition, i) => checkCondition(errors, `status.conditions[${i}]`, condition, types.slice(0, i)));
  return errors;
}

function checkCondition(
  errors: Errors,
  path: string,
  { type = "", status = "" }: Sparse<CertificateSigningRequestCondition>,
  before: readonly string[],
): void {
  if (type === "") errors.push(required(`${path}.type`));
  const opposite = type === "Approved" ? "Denied" : type === "Denied" ? "Approved" : undefined;
  const mustBeTrue = type === "Approved" || type === "Denied" || type === "Failed";
  if (status === "") errors.push(required(`${path}.status`));
  else if (mustBeTrue && status !== "True") errors.push(notSupported(`${path}.status`, status, ["True"]));
  else if (!["True", "False", "Unknown"].includes(status)) {
    errors.push(notSupported(`${path}.status`, status, ["False", "True", "Unknown"]));
  }
  if (opposite !== undefined && before.includes(opposite)) {
    errors.push(invalid(`${path}.type`, type, "Approved and Denied conditions are mutually exclusive"));
  }
  if (before.includes(type)) errors.push(duplicate(`${path}.type`, type));
}
