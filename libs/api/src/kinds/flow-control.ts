// FlowSchemas and PriorityLevelConfigurations: which requests wait where. The two levels that every server needs can't be
// changed (`exempt`, `catch-all`).
import type {
  FlowcontrolV1Subject,
  FlowSchemaSpec,
  LimitedPriorityLevelConfiguration,
  NonResourcePolicyRule,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
  ResourcePolicyRule,
} from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { isObject, listAt, objectAt, textAt } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain } from "../meta/names.ts";
import { checkEnum, checkRange, checkText, type Errors } from "../validation/basics.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const precedenceMax = 10_000;
const queuesMax = 10_000_000;
/** A hand is dealt from one hash of 64 bits, of which four stay unused. */
const handBitsMax = 60;
const distinguishers = ["ByNamespace", "ByUser"];
const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
const exemptName = "exempt";

export const flowSchemas: KindStrategy = defineStrategy({
  namespaced: false,
  metaPasses: ["object"],
  generationFields: ["spec"],
  initialStatus: {},
  statusKeepsLabels: true,
  validate: validateFlowSchema,
  validateStatus: validateConditions,
});

function validateFlowSchema(object: JsonObject): readonly FieldError[] {
  const spec = sparse<FlowSchemaSpec>(objectAt(object, "spec") ?? {});
  const { matchingPrecedence: precedence = 0, distinguisherMethod, priorityLevelConfiguration = {}, rules = [] } = spec;
  const errors: Errors = [];
  const path = "spec.matchingPrecedence";
  if (precedence <= 0) errors.push(invalid(path, precedence, "must be a positive value"));
  if (precedence > precedenceMax) errors.push(invalid(path, precedence, `must not be greater than ${precedenceMax}`));
  if (precedence === 1 && textAt(objectAt(object, "metadata"), "name") !== exemptName) {
    errors.push(invalid(path, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  }
  if (distinguisherMethod !== undefined && !distinguishers.includes(distinguisherMethod.type ?? "")) {
    const shown = { Type: distinguisherMethod.type ?? "" };
    errors.push(notSupported("spec.distinguisherMethod.type", shown, distinguishers));
  }
  const level = priorityLevelConfiguration.name ?? "";
  const levelPath = "spec.priorityLevelConfiguration.name";
  if (level === "") errors.push(required(levelPath, "must reference a priority level"));
  else checkText(errors, levelPath, level, dns1123Subdomain);
  rules.forEach(({ subjects = [], resourceRules = [], nonResourceRules = [] }, i) => {
    const field = `spec.rules[${i}]`;
    subjects.forEach((subject, j) => checkSubject(errors, `${field}.subjects[${j}]`, subject));
    if (subjects.length === 0) errors.push(required(`${field}.subjects`, "subjects must contain at least one value"));
    if (resourceRules.length === 0 && nonResourceRules.length === 0) {
      errors.push(required(field, "at least one of resourceRules and nonResourceRules has to be non-empty"));
    }
    resourceRules.forEach((rule, j) => checkResourceRule(errors, `${field}.resourceRules[${j}]`, rule));
    nonResourceRules.forEach((rule, j) => checkUrlRule(errors, `${field}.nonResourceRules[${j}]`, rule));
  });
  return errors;
}

const subjectFields = { ServiceAccount: "serviceAccount", User: "user", Group: "group" } as const;

function checkSubject(errors: Errors, path: string, subject: Sparse<FlowcontrolV1Subject>): void {
  const { kind = "" } = subject;
  if (kind !== "ServiceAccount" && kind !== "User" && kind !== "Group") {
    errors.push(notSupported(`${path}.kind`, kind, ["Group", "ServiceAccount", "User"]));
    return;
  }
  const own = subjectFields[kind];
  const found = subject[own];
  const field = `${path}.${own}`;
  if (found === undefined) errors.push(required(field, `${own} is required when subject kind is '${kind}'`));
  else {
    const { name = "" } = found;
    if (name === "") errors.push(required(`${field}.name`));
    else if (kind === "ServiceAccount" && name !== "*") checkText(errors, `${field}.name`, name, dns1123Subdomain);
    if (kind === "ServiceAccount") {
      const namespace = subject.serviceAccount?.namespace ?? "";
      if (namespace === "") errors.push(required(`${field}.namespace`, "must specify namespace for service account"));
      else checkText(errors, `${field}.namespace`, namespace, dns1123Label);
    }
  }
  for (const [otherKind, other] of Object.entries(subjectFields)) {
    if (other !== own && subject[other] !== undefined) {
      errors.push(forbidden(`${path}.${other}`, `${other} is forbidden when subject kind is not '${otherKind}'`));
    }
  }
}

function checkVerbs(errors: Errors, path: string, wanted: readonly string[]): void {
  if (wanted.length === 0) errors.push(required(path, "verbs must contain at least one value"));
  else if (wanted.includes("*")) checkAlone(errors, path, wanted, "verbs");
  else if (!wanted.every((verb) => verbs.includes(verb))) errors.push(notSupported(path, wanted, verbs));
}

/** `*` stands for all, so nothing else may stand beside it. */
function checkAlone(errors: Errors, path: string, values: readonly string[], what: string): void {
  if (values.length > 1 && values.includes("*")) {
    errors.push(invalid(path, values, `if '*' is present, must not specify other ${what}`));
  }
}

function checkResourceRule(errors: Errors, path: string, rule: Sparse<ResourcePolicyRule>): void {
  const { verbs: wanted = [], apiGroups = [], resources = [], namespaces = [], clusterScope = false } = rule;
  checkVerbs(errors, `${path}.verbs`, wanted);
  if (apiGroups.length === 0) {
    errors.push(required(`${path}.apiGroups`, "resource rules must supply at least one api group"));
  }
  checkAlone(errors, `${path}.apiGroups`, apiGroups, "api groups");
  if (resources.length === 0) {
    errors.push(required(`${path}.resources`, "resource rules must supply at least one resource"));
  }
  checkAlone(errors, `${path}.resources`, resources, "resources");
  if (namespaces.length === 0 && !clusterScope) {
    const text = "resource rules that are not cluster scoped must supply at least one namespace";
    errors.push(required(`${path}.namespaces`, text));
  }
  checkAlone(errors, `${path}.namespaces`, namespaces, "namespaces");
  if (namespaces.includes("*")) return;
  namespaces.forEach((namespace, i) => {
    for (const text of dns1123Label(namespace)) {
      const intro = "each member of this list must be '*' or a DNS-1123 label; ";
      errors.push(invalid(`${path}.namespaces[${i}]`, namespace, intro + text));
    }
  });
}

function checkUrlRule(errors: Errors, path: string, rule: Sparse<NonResourcePolicyRule>): void {
  const { verbs: wanted = [], nonResourceURLs: urls = [] } = rule;
  checkVerbs(errors, `${path}.verbs`, wanted);
  if (urls.length === 0) {
    errors.push(required(`${path}.nonResourceURLs`, "nonResourceURLs must contain at least one value"));
  }
  checkAlone(errors, `${path}.nonResourceURLs`, urls, "non-resource URLs");
  if (urls.includes("*")) return;
  urls.forEach((url, i) => checkText(errors, `${path}.nonResourceURLs[${i}]`, url, urlPath));
}

function urlPath(url: string): readonly string[] {
  if (url === "") return ["must not be empty"];
  if (url === "/") return [];
  if (!url.startsWith("/")) return ["must start with slash"];
  if (url.includes(" ")) return ["must not contain white-space"];
  if (url.includes("//")) return ["must not contain double slash"];
  const wildcards = url.split("*").length - 1;
  return wildcards > 1 || (wildcards === 1 && !url.endsWith("*")) ? ["wildcard can only do suffix matching"] : [];
}

export const priorityLevelConfigurations: KindStrategy = defineStrategy({
  namespaced: false,
  metaPasses: ["object"],
  generationFields: ["spec"],
  initialStatus: {},
  statusKeepsLabels: true,
  validate: (object) => {
    const spec = sparse<PriorityLevelConfigurationSpec>(objectAt(object, "spec") ?? {});
    const { type = "", limited, exempt } = spec;
    const errors: Errors = [];
    const isExempt = textAt(objectAt(object, "metadata"), "name") === exemptName;
    if (isExempt !== (type === "Exempt") && (isExempt || type === "Exempt")) {
      errors.push(invalid("spec.type", type, "type must be 'Exempt' if and only if name is 'exempt'"));
    }
    checkEnum(errors, "spec.type", type, ["Exempt", "Limited"]);
    if (type === "Exempt") {
      if (limited !== undefined) errors.push(forbidden("spec.limited", "must be nil if the type is not Limited"));
      checkShares(errors, "spec.exempt", exempt ?? {});
    } else if (type === "Limited") {
      if (exempt !== undefined) errors.push(forbidden("spec.exempt", "must be nil if the type is Limited"));
      if (limited === undefined) errors.push(required("spec.limited", "must not be empty when type is Limited"));
      else checkLimited(errors, "spec.limited", limited);
    }
    return errors;
  },
  validateStatus: validateConditions,
});

function checkShares(
  errors: Errors,
  path: string,
  {
    nominalConcurrencyShares: shares = 0,
    lendablePercent = 0,
  }: { nominalConcurrencyShares?: number; lendablePercent?: number },
): void {
  if (shares < 0) {
    errors.push(invalid(`${path}.nominalConcurrencyShares`, shares, "must be a non-negative integer"));
  }
  checkRange(errors, `${path}.lendablePercent`, lendablePercent, 0, 100);
}

function checkLimited(errors: Errors, path: string, limited: Sparse<LimitedPriorityLevelConfiguration>): void {
  const { limitResponse = {}, borrowingLimitPercent = 0 } = limited;
  checkShares(errors, path, limited);
  const { type = "", queuing } = limitResponse;
  const field = `${path}.limitResponse`;
  checkEnum(errors, `${field}.type`, type, ["Queue", "Reject"]);
  if (type === "Reject" && queuing !== undefined) {
    errors.push(forbidden(`${field}.queuing`, "must be nil if limited.limitResponse.type is not Limited"));
  } else if (type === "Queue" && queuing === undefined) {
    errors.push(required(`${field}.queuing`, "must not be empty if limited.limitResponse.type is Limited"));
  } else if (type === "Queue" && queuing !== undefined) {
    checkQueuing(errors, `${field}.queuing`, queuing);
  }
  if (borrowingLimitPercent < 0) {
    const text = "if specified, must be a non-negative integer";
    errors.push(invalid(`${path}.borrowingLimitPercent`, borrowingLimitPercent, text));
  }
}

function checkQueuing(errors: Errors, path: string, queuing: Sparse<QueuingConfiguration>): void {
  const { queueLengthLimit = 0, queues = 0, handSize = 0 } = queuing;
  if (queueLengthLimit <= 0) errors.push(invalid(`${path}.queueLengthLimit`, queueLengthLimit, "must be positive"));
  if (queues <= 0) errors.push(invalid(`${path}.queues`, queues, "must be positive"));
  else if (queues > queuesMax) errors.push(invalid(`${path}.queues`, queues, `must not be greater than ${queuesMax}`));
  if (handSize <= 0) errors.push(invalid(`${path}.handSize`, handSize, "must be positive"));
  else if (handSize > queues) {
    errors.push(invalid(`${path}.handSize`, handSize, `should not be greater than queues (${queues})`));
  } else if (handBits(queues, handSize) > handBitsMax) {
    const bits = handBits(queues, handSize);
    const text = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${handBitsMax}`;
    errors.push(invalid(`${path}.handSize`, handSize, `${text}, is ${bits}`));
  }
}

/** Bits that dealing a hand without putting cards back uses up. */
function handBits(deckSize: number, handSize: number): number {
  return Math.ceil(
    Array.from({ length: handSize }, (_, i) => Math.log2(deckSize - i)).reduce((sum, bits) => sum + bits, 0),
  );
}

function validateConditions(next: JsonObject): readonly FieldError[] {
  const conditions = listAt(objectAt(next, "status") ?? {}, "conditions").filter(isObject);
  const types = conditions.map((condition) => textAt(condition, "type"));
  return types.flatMap((type, i) => {
    const path = `status.conditions[${i}].type`;
    if (type === "") return [required(path, "must not be empty")];
    return types.indexOf(type) < i ? [duplicate(path, type)] : [];
  });
}
