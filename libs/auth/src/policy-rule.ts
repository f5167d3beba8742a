// RBAC's unit: which verbs on which resources (or paths). Rules only ever allow; nothing denies.

/** What a request wants to do, as rules see it. */
export type RequestAttributes =
  | {
      readonly kind: "resource";
      /** get, list, watch, create, update, patch, delete, deletecollection, ... */
      readonly verb: string;
      /** Empty for the core group. */
      readonly apiGroup: string;
      readonly resource: string;
      /** Empty: the resource itself. */
      readonly subresource: string;
      /** Empty: cluster scope, or all namespaces. */
      readonly namespace: string;
      /** Empty: a collection. */
      readonly name: string;
    }
  | { readonly kind: "path"; readonly verb: string; readonly path: string };

/** As in rbac.authorization.k8s.io/v1. `*` stands for everything in each list. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  /** `pods`, `pods/log`, `*\/scale`. A plain name does not include its subresources, `*` does. */
  readonly resources?: readonly string[];
  /** Absent or empty: every name. */
  readonly resourceNames?: readonly string[];
  /** Paths; a trailing `*` matches what follows. */
  readonly nonResourceURLs?: readonly string[];
}

export function ruleAllows(rule: PolicyRule, attributes: RequestAttributes): boolean {
  if (!includes(rule.verbs, attributes.verb)) return false;
  if (attributes.kind === "path") return (rule.nonResourceURLs ?? []).some((url) => pathMatches(url, attributes.path));
  const names = rule.resourceNames ?? [];
  return (
    includes(rule.apiGroups ?? [], attributes.apiGroup) &&
    (rule.resources ?? []).some((one) => resourceMatches(one, attributes.resource, attributes.subresource)) &&
    (names.length === 0 || names.includes(attributes.name))
  );
}

function includes(list: readonly string[], value: string): boolean {
  return list.includes("*") || list.includes(value);
}

function resourceMatches(ruled: string, resource: string, subresource: string): boolean {
  if (ruled === "*") return true;
  if (subresource === "") return ruled === resource;
  return ruled === `${resource}/${subresource}` || ruled === `*/${subresource}`;
}

function pathMatches(ruled: string, path: string): boolean {
  return ruled.endsWith("*") ? path.startsWith(ruled.slice(0, -1)) : ruled === path;
}
