// Defaults of the groups that configure the API server itself: webhooks and policies, flow control, custom resources,
// aggregated APIs.
import type { MutableObject } from "../meta/mutable.ts";
import { ensureObject, isUnset, objectIn, objectsIn, setDefaults, setMissing } from "./set.ts";
import type { Defaulter } from "./set.ts";

const httpsPort = 443;

export const admissionDefaults: Readonly<Record<string, Defaulter>> = {
  MutatingWebhookConfiguration: (object) => {
    for (const webhook of objectsIn(object, "webhooks")) {
      defaultWebhook(webhook);
      setMissing(webhook, { reinvocationPolicy: "Never" });
    }
  },
  ValidatingWebhookConfiguration: (object) => {
    for (const webhook of objectsIn(object, "webhooks")) defaultWebhook(webhook);
  },
  ValidatingAdmissionPolicy: defaultPolicy,
  MutatingAdmissionPolicy: defaultPolicy,
  ValidatingAdmissionPolicyBinding: defaultPolicyBinding,
  MutatingAdmissionPolicyBinding: defaultPolicyBinding,
};

export const flowControlDefaults: Readonly<Record<string, Defaulter>> = {
  FlowSchema: (object) => {
    setZero(ensureObject(object, "spec"), { matchingPrecedence: 1000 });
  },
  PriorityLevelConfiguration: (object) => {
    const spec = ensureObject(object, "spec");
    const exempt = objectIn(spec, "exempt");
    if (exempt !== undefined) setMissing(exempt, { nominalConcurrencyShares: 0, lendablePercent: 0 });
    const limited = objectIn(spec, "limited");
    if (limited === undefined) return;
    setMissing(limited, { nominalConcurrencyShares: 30, lendablePercent: 0 });
    const queuing = objectIn(objectIn(limited, "limitResponse") ?? {}, "queuing");
    if (queuing !== undefined) setZero(queuing, { queues: 64, handSize: 8, queueLengthLimit: 50 });
  },
};

export const apiExtensionsDefaults: Readonly<Record<string, Defaulter>> = {
  CustomResourceDefinition: (object) => {
    const spec = ensureObject(object, "spec");
    const names = ensureObject(spec, "names");
    const kind = names["kind"];
    if (typeof kind === "string" && kind !== "") {
      setDefaults(names, { singular: kind.toLowerCase(), listKind: `${kind}List` });
    }
    const conversion = ensureObject(spec, "conversion");
    setDefaults(conversion, { strategy: "None" });
    defaultPort(objectIn(objectIn(conversion, "webhook") ?? {}, "clientConfig"));
  },
};

export const apiRegistrationDefaults: Readonly<Record<string, Defaulter>> = {
  APIService: (object) => {
    defaultPort(objectIn(object, "spec"));
  },
};

function defaultPolicy(object: MutableObject): void {
  const spec = ensureObject(object, "spec");
  setMissing(spec, { failurePolicy: "Fail" });
  const constraints = objectIn(spec, "matchConstraints");
  if (constraints !== undefined) defaultMatch(constraints);
}

function defaultPolicyBinding(object: MutableObject): void {
  const match = objectIn(ensureObject(object, "spec"), "matchResources");
  if (match !== undefined) defaultMatch(match);
}

function defaultMatch(match: MutableObject): void {
  setMissing(match, { matchPolicy: "Equivalent" });
  ensureObject(match, "namespaceSelector");
  ensureObject(match, "objectSelector");
  for (const rule of [...objectsIn(match, "resourceRules"), ...objectsIn(match, "excludeResourceRules")]) {
    setMissing(rule, { scope: "*" });
  }
}

function defaultWebhook(webhook: MutableObject): void {
  setMissing(webhook, { failurePolicy: "Fail", matchPolicy: "Equivalent", timeoutSeconds: 10 });
  ensureObject(webhook, "namespaceSelector");
  ensureObject(webhook, "objectSelector");
  defaultPort(objectIn(webhook, "clientConfig"));
  for (const rule of objectsIn(webhook, "rules")) setMissing(rule, { scope: "*" });
}

/** The port of `service` in a client's configuration. */
function defaultPort(config: MutableObject | undefined): void {
  const service = objectIn(config ?? {}, "service");
  if (service !== undefined) setMissing(service, { port: httpsPort });
}

/** For numbers that Go holds by value: zero counts as not set. */
function setZero(object: MutableObject, defaults: Readonly<Record<string, number>>): void {
  for (const [key, value] of Object.entries(defaults))
    if (isUnset(object[key]) || object[key] === 0) object[key] = value;
}
