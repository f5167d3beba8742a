// What webhooks and admission policies share: which requests they are about, and conditions in CEL.
import type { MatchCondition, MatchResources, RuleWithOperations } from "../generated/types.generated.ts";
import { duplicate, invalid, notSupported, required, tooMany } from "../meta/field-error.ts";
import { qualifiedName } from "../meta/names.ts";
import { checkEnum, checkLabelSelector, checkText, type Errors } from "./basics.ts";
import { celProblem } from "./cel-syntax.ts";
import type { Sparse } from "./sparse.ts";

const operationNames = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const scopes = ["*", "Cluster", "Namespaced"];
const matchPolicies = ["Equivalent", "Exact"];
const conditionsMax = 64;

export function checkMatchPolicy(errors: Errors, path: string, policy: string | undefined): void {
  if (policy !== undefined) checkEnum(errors, path, policy, matchPolicies, "unsupported");
}

export function checkFailurePolicy(errors: Errors, path: string, policy: string | undefined): void {
  if (policy !== undefined) checkEnum(errors, path, policy, ["Fail", "Ignore"], "unsupported");
}

export function checkRule(errors: Errors, path: string, rule: Sparse<RuleWithOperations>): void {
  const { operations = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  if (operations.length === 0) errors.push(required(`${path}.operations`));
  checkAlone(errors, `${path}.operations`, operations, "operations");
  operations.forEach((operation, i) => {
    if (!operationNames.includes(operation)) {
      errors.push(notSupported(`${path}.operations[${i}]`, operation, operationNames));
    }
  });
  if (apiGroups.length === 0) errors.push(required(`${path}.apiGroups`));
  checkAlone(errors, `${path}.apiGroups`, apiGroups, "API groups");
  if (apiVersions.length === 0) errors.push(required(`${path}.apiVersions`));
  checkAlone(errors, `${path}.apiVersions`, apiVersions, "API versions");
  apiVersions.forEach((version, i) => {
    if (version === "") errors.push(required(`${path}.apiVersions[${i}]`));
  });
  checkResourceNames(errors, `${path}.resources`, resources);
  if (scope !== undefined && !scopes.includes(scope)) errors.push(notSupported(`${path}.scope`, scope, scopes));
}

/** `*` stands for all, so nothing else may stand beside it. */
function checkAlone(errors: Errors, path: string, values: readonly string[], what: string): void {
  if (values.length > 1 && values.includes("*")) {
    errors.push(invalid(path, values, `if '*' is present, must not specify other ${what}`));
  }
}

/** `pods`, `pods/log`, `pods/*`, `*` (all but subresources), `*\/status`, `*\/*`. */
function checkResourceNames(errors: Errors, path: string, resources: readonly string[]): void {
  if (resources.length === 0) errors.push(required(path));
  if (resources.length > 1 && resources.includes("*/*")) {
    errors.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  }
  if (resources.includes("*") && resources.some((resource) => resource !== "*" && !resource.includes("/"))) {
    const text = "if '*' is present, must not specify other resources without subresources";
    errors.push(invalid(path, resources, text));
  }
  resources.forEach((resource, i) => {
    const field = `${path}[${i}]`;
    const [name = "", subresource] = resource.split("/");
    if (resource === "") errors.push(required(field));
    else if (subresource === undefined || resource === "*/*") return;
    else if (subresource !== "*" && resources.includes(`${name}/*`)) {
      errors.push(invalid(field, resource, `if '${name}/*' is present, must not specify ${resource}`));
    } else if (name !== "*" && resources.includes(`*/${subresource}`)) {
      errors.push(invalid(field, resource, `if '*/${subresource}' is present, must not specify ${resource}`));
    }
  });
}

/** @param whole must there be rules, selectors and a policy, or may the binding leave them to its policy? */
export function checkMatchResources(errors: Errors, path: string, match: Sparse<MatchResources>, whole: boolean): void {
  const { resourceRules = [], excludeResourceRules = [], matchPolicy, namespaceSelector, objectSelector } = match;
  if (matchPolicy === undefined) errors.push(required(`${path}.matchPolicy`));
  else checkMatchPolicy(errors, `${path}.matchPolicy`, matchPolicy);
  checkLabelSelector(errors, `${path}.namespaceSelector`, namespaceSelector);
  checkLabelSelector(errors, `${path}.objectSelector`, objectSelector);
  resourceRules.forEach((rule, i) => checkNamedRule(errors, `${path}.resourceRules[${i}]`, rule));
  excludeResourceRules.forEach((rule, i) => checkNamedRule(errors, `${path}.excludeResourceRules[${i}]`, rule));
  if (whole && resourceRules.length === 0) errors.push(required(`${path}.resourceRules`));
}

function checkNamedRule(
  errors: Errors,
  path: string,
  rule: Sparse<RuleWithOperations & { resourceNames?: readonly string[] }>,
): void {
  checkRule(errors, path, rule);
  const { resourceNames = [] } = rule;
  resourceNames.forEach((name, i) => {
    const field = `${path}.resourceNames[${i}]`;
    if (name === "" || name.includes("/") || name.includes("%")) errors.push(invalid(field, name, "must be a name"));
    if (resourceNames.indexOf(name) < i) errors.push(duplicate(field, name));
  });
}

export function checkMatchConditions(
  errors: Errors,
  path: string,
  conditions: readonly Sparse<MatchCondition>[],
): void {
  if (conditions.length > conditionsMax) errors.push(tooMany(path, conditions.length, conditionsMax));
  const names = conditions.map(({ name = "" }) => name);
  conditions.forEach(({ name = "", expression = "" }, i) => {
    const field = `${path}[${i}]`;
    checkExpression(errors, `${field}.expression`, expression, "");
    if (name === "") errors.push(required(`${field}.name`));
    else {
      checkText(errors, `${field}.name`, name, qualifiedName);
      if (names.indexOf(name) < i) errors.push(duplicate(`${field}.name`, name));
    }
  });
}

/** An expression that must be there and be CEL by its grammar. @param whenMissing the sentence where it is blank */
export function checkExpression(errors: Errors, path: string, expression: string, whenMissing: string): void {
  if (expression.trim() === "") {
    errors.push(required(path, whenMissing));
    return;
  }
  const problem = celProblem(expression);
  if (problem !== undefined) errors.push(invalid(path, expression, `compilation failed: ${problem}`));
}
