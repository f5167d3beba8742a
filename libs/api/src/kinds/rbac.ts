// Roles and their bindings. Names may hold nearly anything: `system:kube-scheduler`.
import type { ClusterRole, PolicyRule, Role, RoleBinding, Subject } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, invalid, notSupported, required } from "../meta/field-error.ts";
import { objectAt, semanticEqual } from "../meta/mutable.ts";
import { dns1123Subdomain, pathSegment } from "../meta/names.ts";
import { checkLabelSelector, checkText, type Errors } from "../validation/basics.ts";
import { goStruct } from "../validation/changes.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { defineStrategy, type KindRules } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const rbacGroup = "rbac.authorization.k8s.io";
const shared: Pick<KindRules, "nameCheck" | "allowCreateOnUpdate"> = {
  nameCheck: pathSegment,
  allowCreateOnUpdate: true,
};

export const roles: KindStrategy = defineStrategy({
  ...shared,
  namespaced: true,
  validate: (object) => validateRules(sparse<Role>(object).rules ?? [], true),
});

export const clusterRoles: KindStrategy = defineStrategy({
  ...shared,
  namespaced: false,
  validate: (object) => {
    const { rules = [], aggregationRule } = sparse<ClusterRole>(object);
    const errors: Errors = [...validateRules(rules, false)];
    if (aggregationRule === undefined) return errors;
    const path = "aggregationRule.clusterRoleSelectors";
    const selectors = aggregationRule.clusterRoleSelectors ?? [];
    if (selectors.length === 0) {
      errors.push(required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil"));
    }
    selectors.forEach((selector, i) => {
      const found: Errors = [];
      checkLabelSelector(found, `${path}[${i}]`, selector);
      errors.push(...found);
      // A selector that can't be compiled is reported once more as a whole.
      if (found.length > 0) errors.push(invalid(`${path}[${i}]`, undefined, "invalid label selector."));
    });
    return errors;
  },
});

function validateRules(rules: readonly Sparse<PolicyRule>[], namespaced: boolean): readonly FieldError[] {
  const errors: Errors = [];
  rules.forEach((rule, i) => {
    const path = `rules[${i}]`;
    const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs: urls = [] } = rule;
    if (verbs.length === 0) errors.push(required(`${path}.verbs`, "verbs must contain at least one value"));
    if (urls.length > 0) {
      const field = `${path}.nonResourceURLs`;
      if (namespaced) errors.push(invalid(field, urls, "namespaced rules cannot apply to non-resource URLs"));
      if (apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0) {
        errors.push(invalid(field, urls, "rules cannot apply to both regular resources and non-resource URLs"));
      }
      return;
    }
    if (apiGroups.length === 0) {
      errors.push(required(`${path}.apiGroups`, "resource rules must supply at least one api group"));
    }
    if (resources.length === 0) {
      errors.push(required(`${path}.resources`, "resource rules must supply at least one resource"));
    }
  });
  return errors;
}

export const roleBindings: KindStrategy = defineStrategy({
  ...shared,
  namespaced: true,
  validate: (object) => validateBinding(object, ["Role", "ClusterRole"]),
  validateChange: validateRoleRefKept,
});

export const clusterRoleBindings: KindStrategy = defineStrategy({
  ...shared,
  namespaced: false,
  validate: (object) => validateBinding(object, ["ClusterRole"]),
  validateChange: validateRoleRefKept,
});

function validateBinding(object: JsonObject, roleKinds: readonly string[]): readonly FieldError[] {
  const { roleRef: { apiGroup = "", kind = "", name = "" } = {}, subjects = [] } = sparse<RoleBinding>(object);
  const errors: Errors = [];
  if (apiGroup !== rbacGroup) errors.push(notSupported("roleRef.apiGroup", apiGroup, [rbacGroup]));
  if (!roleKinds.includes(kind)) errors.push(notSupported("roleRef.kind", kind, roleKinds));
  if (name === "") errors.push(required("roleRef.name"));
  else checkText(errors, "roleRef.name", name, pathSegment);
  subjects.forEach((subject, i) => checkSubject(errors, `subjects[${i}]`, subject, roleKinds.includes("Role")));
  return errors;
}

function checkSubject(errors: Errors, path: string, subject: Sparse<Subject>, inNamespace: boolean): void {
  const { apiGroup = "", kind = "", name = "", namespace = "" } = subject;
  if (name === "") errors.push(required(`${path}.name`));
  switch (kind) {
    case "ServiceAccount":
      if (name !== "") checkText(errors, `${path}.name`, name, dns1123Subdomain);
      if (apiGroup !== "") errors.push(notSupported(`${path}.apiGroup`, apiGroup, [""]));
      // A binding in a namespace means that namespace's account where it names none.
      if (!inNamespace && namespace === "") errors.push(required(`${path}.namespace`));
      return;
    case "User":
    case "Group":
      if (apiGroup !== rbacGroup) errors.push(notSupported(`${path}.apiGroup`, apiGroup, [rbacGroup]));
      return;
    default:
      errors.push(notSupported(`${path}.kind`, kind, ["ServiceAccount", "User", "Group"]));
  }
}

function validateRoleRefKept(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const [roleRef, before] = [objectAt(next, "roleRef") ?? {}, objectAt(old, "roleRef") ?? {}];
  if (semanticEqual(roleRef, before)) return [];
  return [invalid("roleRef", goStruct("io.k8s.api.rbac.v1.RoleRef", roleRef), "cannot change roleRef")];
}
