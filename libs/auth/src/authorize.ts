// May this user do this? The first rule that allows decides; no rule, no access.
import { groupRules, userRules } from "./builtin-rules.ts";
import { nodeAllows } from "./node-authorizer.ts";
import { ruleAllows, type PolicyRule, type RequestAttributes } from "./policy-rule.ts";
import { mastersGroup, nodeNameOf, type UserInfo } from "./user.ts";

export interface Authorizer {
  /** Cost: the number of rules of the user and its groups. */
  allows(user: UserInfo, attributes: RequestAttributes): boolean;
  /** All that the user's own rules allow in a namespace. What the node authorizer allows beside them is in no rule. */
  rulesFor(user: UserInfo, namespace: string): readonly PolicyRule[];
}

export interface AuthorizerOptions {
  /** Rules from elsewhere (stored roles), asked after the built-in ones. */
  readonly rulesFor?: (user: UserInfo, namespace: string) => readonly PolicyRule[];
}

const everything: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

export function createAuthorizer(options: AuthorizerOptions = {}): Authorizer {
  return {
    rulesFor: (user, namespace) => [
      ...(user.groups.includes(mastersGroup) ? everything : []),
      ...(userRules.get(user.name) ?? []),
      ...user.groups.flatMap((group) => groupRules.get(group) ?? []),
      ...(options.rulesFor?.(user, namespace) ?? []),
    ],
    allows: (user, attributes) => {
      if (user.groups.includes(mastersGroup)) return true;
      const nodeName = nodeNameOf(user);
      if (nodeName !== undefined && nodeAllows(nodeName, attributes)) return true;
      const allows = (rule: PolicyRule): boolean => ruleAllows(rule, attributes);
      if (userRules.get(user.name)?.some(allows) === true) return true;
      if (user.groups.some((group) => groupRules.get(group)?.some(allows) === true)) return true;
      const namespace = attributes.kind === "resource" ? attributes.namespace : "";
      return options.rulesFor?.(user, namespace).some(allows) === true;
    },
  };
}

/** Kubernetes' sentence: `User "jane" cannot list resource "pods" in API group "" in the namespace "default"`. */
export function refusalText(user: UserInfo, attributes: RequestAttributes): string {
  const who = `User ${JSON.stringify(user.name)} cannot ${attributes.verb}`;
  if (attributes.kind === "path") return `${who} path ${JSON.stringify(attributes.path)}`;
  const { resource, subresource, apiGroup, namespace } = attributes;
  const what = subresource === "" ? resource : `${resource}/${subresource}`;
  const scope = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  return `${who} resource ${JSON.stringify(what)} in API group ${JSON.stringify(apiGroup)} ${scope}`;
}
