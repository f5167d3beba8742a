// Limits of a namespace: what one object may ask for (LimitRange), and what all of them together may (ResourceQuota).
import type { LimitRange, LimitRangeItem, ResourceQuota, ResourceQuotaSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, type FieldError, forbidden, invalid, required } from "../meta/field-error.ts";
import { childOf, objectAt, textAt, typed } from "../meta/mutable.ts";
import { type NameCheck, qualifiedName } from "../meta/names.ts";
import { fieldOrEmptied } from "../structure/emptied.ts";
import { checkText, type Errors, immutable } from "../validation/basics.ts";
import { checkAmountsAgree, type LimitAmounts } from "../validation/limit-amounts.ts";
import {
  checkQuotaList,
  containerResourceName,
  isQuotaResource,
  type ResourceList,
  resourceName,
} from "../validation/resources.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const limitTypes = ["Container", "PersistentVolumeClaim", "Pod"];

export const limitRanges: KindStrategy = defineStrategy({
  namespaced: true,
  allowCreateOnUpdate: true,
  metaPasses: ["object"],
  // Nameless limits are called after their uid.
  prepareCreate: (object) => {
    const meta = childOf(object, "metadata");
    if (textAt(meta, "name") === "") meta["name"] = textAt(meta, "uid");
  },
  validate: (object) => {
    const errors: Errors = [];
    const types = new Set<string>();
    const limits: readonly Partial<LimitRangeItem>[] = typed<LimitRange>(object).spec?.limits ?? [];
    limits.forEach((limit, i) => {
      const field = `spec.limits[${i}]`;
      const type = limit.type ?? "";
      checkText(errors, `${field}.type`, type, limitType);
      if (types.has(type)) errors.push(duplicate(`${field}.type`, type));
      types.add(type);
      checkLimit(errors, field, limit);
    });
    return errors;
  },
});

const limitType: NameCheck = (type) => {
  const texts = qualifiedName(type);
  if (texts.length > 0 || type.includes("/") || limitTypes.includes(type)) return texts;
  return ["must be a standard limit type or fully qualified"];
};

function checkLimit(errors: Errors, path: string, limit: Partial<LimitRangeItem>): void {
  const ofPod = limit.type === "Pod";
  const nameCheck = ofPod || limit.type === "Container" ? containerResourceName : resourceName;
  for (const list of ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const) {
    const names = Object.keys(limit[list] ?? {});
    if (ofPod && (list === "default" || list === "defaultRequest")) {
      if (names.length > 0) errors.push(forbidden(`${path}.${list}`, "may not be specified when `type` is 'Pod'"));
      continue;
    }
    for (const name of names) checkText(errors, `${path}.${list}[${name}]`, name, nameCheck);
  }
  const bounded = limit.min?.["storage"] !== undefined || limit.max?.["storage"] !== undefined;
  if (limit.type === "PersistentVolumeClaim" && !bounded) {
    const text = "either minimum or maximum storage value is required, but neither was provided";
    errors.push(required(`${path}.limits`, text));
  }
  const lists: Readonly<Record<keyof LimitAmounts, ResourceList>> = {
    min: limit.min ?? {},
    max: limit.max ?? {},
    fallback: ofPod ? {} : (limit.default ?? {}),
    request: ofPod ? {} : (limit.defaultRequest ?? {}),
    ratio: limit.maxLimitRequestRatio ?? {},
  };
  for (const name of new Set(Object.values(lists).flatMap((list) => Object.keys(list)))) {
    checkAmountsAgree(errors, path, name, {
      min: lists.min[name],
      max: lists.max[name],
      fallback: lists.fallback[name],
      request: lists.request[name],
      ratio: lists.ratio[name],
    });
  }
}

const timing = ["Terminating", "NotTerminating"];
const effort = ["BestEffort", "NotBestEffort"];
const scopes = [...timing, ...effort, "PriorityClass", "CrossNamespacePodAffinity", "VolumeAttributesClass"];
/** Scopes that a pod is in or not, without values. */
const plainScopes = [...timing, ...effort, "CrossNamespacePodAffinity"];

export const resourceQuotas: KindStrategy = defineStrategy({
  namespaced: true,
  initialStatus: {},
  metaPasses: ["change"],
  validate: (object) => {
    const errors: Errors = [];
    const { spec = {} } = typed<ResourceQuota>(object);
    checkQuotaList(errors, "spec.hard", spec.hard);
    checkScopes(errors, spec);
    checkScopeSelector(errors, spec);
    return errors;
  },
  validateChange: (next, old) => {
    const [given, before] = [scopesOf(next), scopesOf(old)];
    if (given.size === before.size && [...given].every((scope) => before.has(scope))) return [];
    return [immutable("spec.scopes", fieldOrEmptied(objectAt(next, "spec") ?? {}, "scopes"))];
  },
  validateStatus: (next): readonly FieldError[] => {
    const errors: Errors = [];
    const { status } = typed<ResourceQuota>(next);
    checkQuotaList(errors, "status.hard", status?.hard);
    checkQuotaList(errors, "status.used", status?.used);
    return errors;
  },
});

function scopesOf(object: JsonObject): ReadonlySet<string> {
  return new Set(typed<ResourceQuota>(object).spec?.scopes ?? []);
}

function checkScopes(errors: Errors, spec: ResourceQuotaSpec): void {
  const given = spec.scopes ?? [];
  const refuse = (detail: string): void => {
    errors.push(invalid("spec.scopes", given, detail));
  };
  for (const scope of given) {
    if (!scopes.includes(scope)) refuse("unsupported scope");
    for (let i = countedOutside(scope, spec).length; i > 0; i--) refuse("unsupported scope applied to resource");
  }
  for (const pair of [effort, timing]) if (pair.every((one) => given.includes(one))) refuse("conflicting scopes");
}

/** Resources of a quota that objects in a scope don't use. */
function countedOutside(scope: string, spec: ResourceQuotaSpec): readonly string[] {
  return Object.keys(spec.hard ?? {}).filter((name) => isQuotaResource(name) && !isCountedIn(scope, name));
}

const podCompute = /^(?:(?:requests\.|limits\.)?(?:cpu|memory))$/;

function isCountedIn(scope: string, name: string): boolean {
  if (scope === "BestEffort") return name === "pods";
  if (scope === "VolumeAttributesClass") return name === "persistentvolumeclaims" || name === "requests.storage";
  return !scopes.includes(scope) || name === "pods" || podCompute.test(name);
}

/** Kubernetes names the list of expressions, never the one that is wrong. */
function checkScopeSelector(errors: Errors, spec: ResourceQuotaSpec): void {
  const path = "spec.scopeSelector.matchExpressions";
  const expressions = spec.scopeSelector?.matchExpressions ?? [];
  for (const { scopeName: scope = "", operator = "", values = [] } of expressions as readonly Partial<
    (typeof expressions)[number]
  >[]) {
    if (!scopes.includes(scope)) errors.push(invalid(`${path}.scopeName`, scope, "unsupported scope"));
    for (const name of countedOutside(scope, spec)) {
      errors.push(invalid(path, name, "unsupported scope applied to resource"));
    }
    if (plainScopes.includes(scope) && operator !== "Exists") {
      const text =
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, " +
        "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
      errors.push(invalid(`${path}.operator`, operator, text));
    }
    checkOperator(errors, path, operator, values);
  }
  const names = expressions.map(({ scopeName }) => scopeName);
  for (const pair of [effort, timing]) {
    if (pair.every((one) => names.includes(one))) {
      errors.push(invalid("spec.scopeSelector.matchExpressions", spec.scopes ?? [], "conflicting scopes"));
    }
  }
}

function checkOperator(errors: Errors, path: string, operator: string, values: readonly string[]): void {
  if (operator === "In" || operator === "NotIn") {
    if (values.length > 0) return;
    const text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
    errors.push(required(`${path}.values`, text));
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (values.length === 0) return;
    const text = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
    errors.push(invalid(`${path}.values`, values, text));
  } else {
    errors.push(invalid(`${path}.operator`, operator, "not a valid selector operator"));
  }
}
