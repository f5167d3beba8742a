// Small kinds that say how pods may be run: disruption budgets, priority classes, runtime classes.
import type { PodDisruptionBudget, PriorityClass, RuntimeClass, Toleration } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, type FieldError, forbidden, invalid, required } from "../meta/field-error.ts";
import { numberAt, objectAt, ownField, textAt, typed } from "../meta/mutable.ts";
import { dns1123Label } from "../meta/names.ts";
import { validateLabels } from "../meta/object-meta.ts";
import {
  checkEnum,
  checkIntOrPercent,
  checkLabelSelector,
  checkNonNegative,
  checkNotMoreThanAll,
  checkText,
  type Errors,
} from "../validation/basics.ts";
import { checkUnchanged, goStruct } from "../validation/changes.ts";
import { checkTolerations } from "../validation/scheduling.ts";
import { sparse } from "../validation/sparse.ts";
import { checkRequirements } from "../validation/resources.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const evictionPolicies = ["AlwaysAllow", "IfHealthyBudget"];
/** Priorities above are the system's. */
const userPriorityMax = 1_000_000_000;
const systemPriorities: Readonly<Record<string, number>> = {
  "system-node-critical": 2 * userPriorityMax + 1000,
  "system-cluster-critical": 2 * userPriorityMax,
};
const budgetCounts = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"];

export const podDisruptionBudgets: KindStrategy = defineStrategy({
  namespaced: true,
  generationFields: ["spec"],
  allowUnconditionalUpdate: false,
  initialStatus: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
  validate: (object) => {
    const { spec = {} } = sparse<PodDisruptionBudget>(object);
    const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
    const errors: Errors = [];
    if (minAvailable !== undefined && maxUnavailable !== undefined) {
      const shown = objectAt(object, "spec");
      errors.push(invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set"));
    }
    for (const [field, value] of [
      ["spec.minAvailable", minAvailable],
      ["spec.maxUnavailable", maxUnavailable],
    ] as const) {
      checkIntOrPercent(errors, field, value);
      checkNotMoreThanAll(errors, field, value);
    }
    checkLabelSelector(errors, "spec.selector", selector);
    if (policy !== undefined) {
      checkEnum(errors, "spec.unhealthyPodEvictionPolicy", policy, evictionPolicies, "unsupported");
    }
    return errors;
  },
  validateStatus: (next) => {
    const status = objectAt(next, "status");
    const errors: Errors = [];
    for (const field of budgetCounts) checkNonNegative(errors, `status.${field}`, numberAt(status, field));
    return errors;
  },
});

export const priorityClasses: KindStrategy = defineStrategy({
  namespaced: false,
  generationFields: ["value", "globalDefault", "description", "preemptionPolicy"],
  validateNew: (object) => {
    const { value = 0, preemptionPolicy, globalDefault = false } = sparse<PriorityClass>(object);
    const name = textAt(objectAt(object, "metadata"), "name");
    const errors: Errors = [];
    if (name.startsWith("system-")) {
      if (systemPriorities[name] !== value || globalDefault) {
        const text = `priority class names with 'system-' prefix are reserved for system use only. error: ${systemText(name, value)}`;
        errors.push(forbidden("metadata.name", text));
      }
    } else if (value > userPriorityMax) {
      errors.push(forbidden("value", `maximum allowed value of a user defined priority is ${userPriorityMax}`));
    }
    if (preemptionPolicy !== undefined) {
      checkEnum(errors, "preemptionPolicy", preemptionPolicy, ["PreemptLowerPriority", "Never"]);
    }
    return errors;
  },
  validateChange: (next, old) => {
    const errors: Errors = [];
    if (numberAt(next, "value") !== numberAt(old, "value")) {
      errors.push(forbidden("value", "may not be changed in an update."));
    }
    checkUnchanged(errors, "", [next, old], ["preemptionPolicy"]);
    return errors;
  },
});

function systemText(name: string, value: number): string {
  const known = systemPriorities[name];
  if (known === undefined) return `${name} is not a known system priority class`;
  if (known !== value) return `value of ${name} PriorityClass must be ${known}`;
  return `globalDefault of ${name} PriorityClass must be false`;
}

export const runtimeClasses: KindStrategy = defineStrategy({
  namespaced: false,
  validate: (object) => {
    const { handler = "", overhead, scheduling } = sparse<RuntimeClass>(object);
    const errors: Errors = [];
    if (handler === "") errors.push(required("handler"));
    else checkText(errors, "handler", handler, dns1123Label);
    if (overhead?.podFixed !== undefined) {
      const limits = overhead.podFixed as Readonly<Record<string, string>>;
      checkRequirements(errors, "overhead", { limits }, { claimNames: new Set() });
    }
    if (scheduling !== undefined) {
      errors.push(...validateLabels(scheduling.nodeSelector, "scheduling.nodeSelector"));
      const tolerations = tolerationsOf(object);
      checkTolerations(errors, "scheduling.tolerations", tolerations);
      checkTolerationsOnce(errors, "scheduling.tolerations", tolerations);
    }
    return errors;
  },
  validateChange: (next, old): readonly FieldError[] => {
    const errors: Errors = [];
    checkUnchanged(errors, "", [next, old], ["handler"]);
    return errors.map((error) => ({ ...error, badValue: ownField(next, "handler") ?? "" }));
  },
});

/** For how long something is tolerated may be said once. */
function checkTolerationsOnce(errors: Errors, path: string, tolerations: readonly Toleration[]): void {
  const seen = new Set<string>();
  tolerations.forEach((toleration, i) => {
    const { key = "", operator = "", value = "", effect = "" } = toleration;
    const same = JSON.stringify([key, operator, value, effect]);
    if (seen.has(same)) {
      const shown = goStruct("io.k8s.api.core.v1.Toleration", { ...toleration });
      errors.push({ ...duplicate(`${path}[${i}]`, ""), badValue: shown });
    }
    seen.add(same);
  });
}

function tolerationsOf(object: JsonObject): readonly Toleration[] {
  return (
    typed<{ readonly tolerations?: readonly Toleration[] }>(objectAt(object, "scheduling") ?? {}).tolerations ?? []
  );
}
