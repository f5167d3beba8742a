// Which flow schema a request belongs to: the first one, by precedence and then by name, of which some rule speaks of
// both who asks and what is asked.
import type { FlowcontrolV1Subject, NonResourcePolicyRule, ResourcePolicyRule } from "@triarch/api";
import { catchAllName, type FlowRule, type FlowSchemaConfig } from "./configuration.ts";

export interface FlowUser {
  readonly name: string;
  readonly groups: readonly string[];
}

export type FlowRequest =
  | {
      readonly kind: "resource";
      readonly verb: string;
      readonly apiGroup: string;
      readonly resource: string;
      /** Empty: the object itself. */
      readonly subresource: string;
      /** Empty: cluster-scoped, or all namespaces. */
      readonly namespace: string;
      readonly name: string;
    }
  | {
      readonly kind: "path";
      /** The method in lower case. */
      readonly verb: string;
      readonly path: string;
    };

const all = "*";
const accountPrefix = "system:serviceaccount:";

/** @returns the schemas as they are asked */
export function inMatchingOrder(schemas: readonly FlowSchemaConfig[]): readonly FlowSchemaConfig[] {
  return schemas.toSorted((a, b) => a.precedence - b.precedence || (a.name < b.name ? -1 : 1));
}

/**
 * One schema's rules, compiled.
 * Cost of `matches`: a look-up per group of the user and rule; what is asked is only looked at for rules of this user.
 */
export class FlowSchemaMatcher {
  readonly #rules: readonly CompiledRule[];
  readonly #matchesAll: boolean;

  constructor({ name, rules }: FlowSchemaConfig) {
    this.#rules = rules.map((rule) => new CompiledRule(rule));
    this.#matchesAll = name === catchAllName;
  }

  matches(user: FlowUser, request: FlowRequest): boolean {
    if (this.#matchesAll) return true;
    for (const rule of this.#rules) if (rule.speaksOf(user) && rule.covers(request)) return true;
    return false;
  }
}

class CompiledRule {
  readonly #anybody: boolean;
  readonly #users: ReadonlySet<string>;
  readonly #groups: ReadonlySet<string>;
  /** All service accounts of a namespace. */
  readonly #prefixes: readonly string[];
  readonly #resources: readonly ResourceMatcher[];
  readonly #paths: readonly PathMatcher[];

  constructor({ subjects, resourceRules, nonResourceRules }: FlowRule) {
    this.#anybody = subjects.some(isAnybody);
    this.#users = new Set(subjects.flatMap(userOf));
    this.#groups = new Set(subjects.flatMap(({ kind, group }) => (kind === "Group" && group ? [group.name] : [])));
    this.#prefixes = subjects.flatMap(accountsOf);
    this.#resources = resourceRules.map((rule) => new ResourceMatcher(rule));
    this.#paths = nonResourceRules.map((rule) => new PathMatcher(rule));
  }

  speaksOf({ name, groups }: FlowUser): boolean {
    if (this.#anybody || this.#users.has(name)) return true;
    if (this.#groups.size > 0) for (const group of groups) if (this.#groups.has(group)) return true;
    for (const prefix of this.#prefixes) if (name.startsWith(prefix)) return true;
    return false;
  }

  covers(request: FlowRequest): boolean {
    if (request.kind === "path") {
      for (const path of this.#paths) if (path.covers(request)) return true;
      return false;
    }
    for (const resource of this.#resources) if (resource.covers(request)) return true;
    return false;
  }
}

function isAnybody({ kind, user, group }: FlowcontrolV1Subject): boolean {
  return (kind === "User" && user?.name === all) || (kind === "Group" && group?.name === all);
}

/** A single service account is a user of that name. */
function userOf({ kind, user, serviceAccount }: FlowcontrolV1Subject): readonly string[] {
  if (kind === "User" && user !== undefined) return [user.name];
  if (kind !== "ServiceAccount" || serviceAccount === undefined || serviceAccount.name === all) return [];
  return [`${accountPrefix}${serviceAccount.namespace}:${serviceAccount.name}`];
}

function accountsOf({ kind, serviceAccount }: FlowcontrolV1Subject): readonly string[] {
  if (kind !== "ServiceAccount" || serviceAccount?.name !== all) return [];
  return [`${accountPrefix}${serviceAccount.namespace}:`];
}

class ResourceMatcher {
  readonly #verbs: Names;
  readonly #groups: Names;
  readonly #resources: Names;
  readonly #namespaces: Names;
  readonly #clusterScope: boolean;

  constructor({ verbs, apiGroups, resources, namespaces = [], clusterScope = false }: ResourcePolicyRule) {
    this.#verbs = new Names(verbs);
    this.#groups = new Names(apiGroups);
    this.#resources = new Names(resources);
    this.#namespaces = new Names(namespaces);
    this.#clusterScope = clusterScope;
  }

  covers(request: FlowRequest & { readonly kind: "resource" }): boolean {
    const { verb, apiGroup, resource, subresource, namespace } = request;
    if (!this.#verbs.has(verb) || !this.#groups.has(apiGroup)) return false;
    if (!this.#resources.isAll && !this.#resources.has(subresource === "" ? resource : `${resource}/${subresource}`)) {
      return false;
    }
    return namespace === "" ? this.#clusterScope : this.#namespaces.has(namespace);
  }
}

class PathMatcher {
  readonly #verbs: Names;
  readonly #paths: Names;
  /** Paths that end in `*`, without it. */
  readonly #prefixes: readonly string[];

  constructor({ verbs, nonResourceURLs }: NonResourcePolicyRule) {
    this.#verbs = new Names(verbs);
    this.#paths = new Names(nonResourceURLs);
    this.#prefixes = nonResourceURLs.filter((url) => url.endsWith(all)).map((url) => url.slice(0, -1));
  }

  covers({ verb, path }: FlowRequest & { readonly kind: "path" }): boolean {
    if (!this.#verbs.has(verb)) return false;
    return this.#paths.has(path) || this.#prefixes.some((prefix) => path.startsWith(prefix));
  }
}

/** Names of which `*` stands for all. */
class Names {
  readonly isAll: boolean;
  readonly #names: ReadonlySet<string>;

  constructor(names: readonly string[]) {
    this.isAll = names.includes(all);
    this.#names = new Set(names);
  }

  has(name: string): boolean {
    return this.isAll || this.#names.has(name);
  }
}
