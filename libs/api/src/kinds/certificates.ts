// CertificateSigningRequests: who asks is what the server saw, not what the request says; spec and requester never change.
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import {
  carryField,
  childOf,
  deepCopy,
  deepEqual,
  isObject,
  listAt,
  type MutableObject,
  objectAt,
  ownField,
  textAt,
} from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain } from "../meta/names.ts";
import { timeText } from "../meta/time.ts";
import { pemBlocks, pemProblem } from "../validation/pem.ts";
import type { Errors } from "../validation/basics.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy, SubresourceRules } from "./strategy.ts";

const durationSecondsMin = 600;
/** `metadata.name` of a namespace or account and what a signer's name adds to it. */
const signerNameMax = 571;
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
    keepConditions(next, old, (type) => decisions.includes(type));
    stampConditions(next, old, nowMs);
  },
  validate: validateRequest,
  validateStatus: (next, old) => [
    ...validateConditions(next),
    ...validateDecisionsKept(next, old),
    ...validateCertificate(next, old),
  ],
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
  validate: (next, old) => [...validateConditions(next), ...validateDecisionsKept(next, old)],
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

/** What was decided stays decided. */
function validateDecisionsKept(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const now = conditionsOf(next);
  return conditionsOf(old).flatMap((before) => {
    const type = textAt(before, "type");
    if (!lasting.includes(type)) return [];
    const found = now.find((condition) => textAt(condition, "type") === type);
    if (found !== undefined && deepEqual(found, before)) return [];
    const verb = found === undefined ? "remove" : "modify";
    return [forbidden("status.conditions", `updates may not ${verb} a condition of type ${JSON.stringify(type)}`)];
  });
}

/** Conditions of the types that this writer may not touch stay as they were. */
function keepConditions(next: MutableObject, old: JsonObject, isKept: (type: string) => boolean): void {
  const own = conditionsOf(next).filter((condition) => !isKept(textAt(condition, "type")));
  const kept = conditionsOf(old).filter((condition) => isKept(textAt(condition, "type")));
  const all = [...kept, ...own] as readonly MutableObject[];
  if (all.length > 0) childOf(next, "status")["conditions"] = [...all];
  else delete childOf(next, "status")["conditions"];
}

function validateRequest(object: JsonObject): readonly FieldError[] {
  const {
    request,
    usages: wanted = [],
    signerName = "",
    expirationSeconds,
  } = sparse<CertificateSigningRequest>(object).spec ?? {};
  const errors: Errors = [];
  const problem = pemProblem(request ?? "", "CERTIFICATE REQUEST");
  if (problem !== undefined) errors.push(invalid("spec.request", request, problem));
  if (wanted.length === 0) errors.push(required("spec.usages"));
  wanted.forEach((usage, i) => {
    const path = `spec.usages[${i}]`;
    if (!usages.includes(usage)) errors.push(notSupported(path, usage, usages));
    if (wanted.indexOf(usage) < i) errors.push(duplicate(path, usage));
  });
  if (signerName === "") errors.push(required("spec.signerName"));
  else errors.push(...validateSignerName(signerName));
  if (expirationSeconds !== undefined && expirationSeconds < durationSecondsMin) {
    const text = `may not specify a duration less than ${durationSecondsMin} seconds (10 minutes)`;
    errors.push(invalid("spec.expirationSeconds", expirationSeconds, text));
  }
  return [...errors, ...validateConditions(object)];
}

/** `example.com/name`, where the name may have dots. */
function validateSignerName(name: string): readonly FieldError[] {
  const path = "spec.signerName";
  const [domain = "", ...rest] = name.split("/");
  const signer = rest.join("/");
  if (rest.length !== 1) {
    return [invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")];
  }
  const errors: Errors = [];
  for (const text of dns1123Subdomain(domain)) errors.push(invalid(path, domain, text));
  if (!domain.includes(".")) {
    errors.push(invalid(path, domain, "should be a domain with at least two segments separated by dots"));
  }
  if (signer === "") errors.push(invalid(path, signer, "must not be empty"));
  else for (const text of dns1123Subdomain(signer)) errors.push(invalid(path, signer, text));
  if (signer.split(".").some((segment) => dns1123Label(segment).length > 0) && errors.length === 0) {
    errors.push(invalid(path, signer, "must be DNS labels separated by dots"));
  }
  if (name.length > signerNameMax) {
    errors.push({ type: "FieldValueTooLong", field: path, detail: `may not be more than ${signerNameMax} bytes` });
  }
  return errors;
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

/** A certificate that was issued stays; a new one must be PEM and hold nothing but certificates. */
function validateCertificate(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const path = "status.certificate";
  const [value, before] = [
    ownField(objectAt(next, "status") ?? {}, "certificate"),
    ownField(objectAt(old, "status") ?? {}, "certificate"),
  ];
  if (deepEqual(value, before)) return [];
  if (before !== undefined) return [invalid(path, value, "field is immutable")];
  if (typeof value !== "string") return [];
  const blocks = pemBlocks(value);
  if (blocks.length === 0)
    return [invalid(path, "<certificate data>", "must contain at least one CERTIFICATE PEM block")];
  return blocks
    .filter((block) => block.label !== "CERTIFICATE")
    .map(() => invalid(path, "<certificate data>", "only CERTIFICATE PEM blocks are allowed"));
}
