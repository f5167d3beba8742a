// The scale subresource of everything that has `spec.replicas`, `status.replicas` and a selector, and what such kinds'
// statuses have in common.
import type { LabelSelector } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, invalid } from "../meta/field-error.ts";
import { carryField, childOf, type MutableObject, numberAt, objectAt, semanticEqual, typed } from "../meta/mutable.ts";
import { labelSelectorMatcher } from "../selectors/label-selector.ts";
import { checkNonNegative, type Errors, immutable } from "../validation/basics.ts";
import type { ScaleAccess } from "./strategy.ts";

/** The scale of everything that has `spec.replicas`, `status.replicas` and a label selector. */
export const replicaScale: ScaleAccess = {
  get: (object) => {
    const metadata = objectAt(object, "metadata") ?? {};
    const spec = objectAt(object, "spec") ?? {};
    const selector = objectAt(spec, "selector");
    const shown: MutableObject = {};
    for (const key of ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"])
      carryField(shown, metadata, key);
    const text = selector === undefined ? "" : labelSelectorMatcher(typed<LabelSelector>(selector)).toString();
    return {
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: shown,
      spec: { replicas: numberAt(spec, "replicas") ?? 0 },
      status: {
        replicas: numberAt(objectAt(object, "status"), "replicas") ?? 0,
        ...(text === "" ? {} : { selector: text }),
      },
    };
  },
  set: (object, replicas) => {
    childOf(object, "spec")["replicas"] = replicas;
  },
};

/** What is wrong with a Scale that a client sent. */
export function validateScale(scale: JsonObject): readonly FieldError[] {
  const errors: Errors = [];
  checkNonNegative(errors, "spec.replicas", numberAt(objectAt(scale, "spec"), "replicas"));
  return errors;
}

export function selectorChange(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const [selector, before] = [
    objectAt(objectAt(next, "spec") ?? {}, "selector"),
    objectAt(objectAt(old, "spec") ?? {}, "selector"),
  ];
  return semanticEqual(selector, before) ? [] : [immutable("spec.selector", selector)];
}

/** Counts in a status are not negative. */
export function statusCounts(object: JsonObject, fields: readonly string[]): readonly FieldError[] {
  const errors: Errors = [];
  const status = objectAt(object, "status");
  for (const field of fields) checkNonNegative(errors, `status.${field}`, numberAt(status, field));
  return errors;
}

/** Replicas of any sort are replicas, and those that are available are ready. */
export function statusOrder(object: JsonObject, sorts: readonly string[]): readonly FieldError[] {
  const status = objectAt(object, "status");
  const count = (field: string): number => numberAt(status, field) ?? 0;
  const pairs = [...sorts.map((sort) => [sort, "replicas"] as const), ["availableReplicas", "readyReplicas"] as const];
  return pairs
    .filter(([field, bound]) => count(field) > count(bound))
    .map(([field, bound]) => invalid(`status.${field}`, count(field), `cannot be greater than status.${bound}`));
}

/** The number that keeps names of revisions apart only grows. */
export function collisionChange(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const [count, before] = [next, old].map((object) => numberAt(objectAt(object, "status"), "collisionCount"));
  if (before === undefined || (count !== undefined && count >= before)) return [];
  return [invalid("status.collisionCount", count ?? 0, "cannot be decremented")];
}
