// HorizontalPodAutoscalers, in both versions: what is judged is always the stored form, autoscaling/v2.
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscalerSpec,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { childOf, numberAt, objectAt, textAt } from "../meta/mutable.ts";
import { pathSegment } from "../meta/names.ts";
import { isQuantity, parseQuantity } from "../quantity/quantity.ts";
import { storedAutoscalerVersion } from "../schema/autoscaler-versions.ts";
import { convertToVersion } from "../schema/versions.ts";
import { checkNonNegative, checkText, type Errors } from "../validation/basics.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const metricTypes = ["ContainerResource", "External", "Object", "Pods", "Resource"];
const targetTypes = ["Utilization", "Value", "AverageValue"];
const selectPolicies = ["Disabled", "Max", "Min"];
const stabilizationSecondsMax = 3600;
const policyPeriodSecondsMax = 1800;

export const horizontalPodAutoscalers: KindStrategy = defineStrategy({
  namespaced: true,
  initialStatus: { desiredReplicas: 0 },
  prepareCreate: (object) => {
    const status = childOf(object, "status");
    if (textAt(object, "apiVersion") === storedAutoscalerVersion) status["currentMetrics"] = null;
    else status["currentReplicas"] = 0;
  },
  validate: (object) => validateSpec(objectAt(convertToVersion(object, storedAutoscalerVersion), "spec") ?? {}),
  validateStatus: (next) => {
    const status = objectAt(next, "status");
    const errors: Errors = [];
    checkNonNegative(errors, "status.currentReplicas", numberAt(status, "currentReplicas"));
    checkNonNegative(errors, "status.desiredReplicas", numberAt(status, "desiredReplicas"));
    return errors;
  },
});

function validateSpec(object: JsonObject): readonly FieldError[] {
  const spec = sparse<HorizontalPodAutoscalerSpec>(object);
  const { minReplicas, maxReplicas = 0, scaleTargetRef = {}, metrics = [], behavior } = spec;
  const errors: Errors = [];
  if (minReplicas !== undefined && minReplicas < 1) {
    errors.push(invalid("spec.minReplicas", minReplicas, "must be greater than or equal to 1"));
  }
  if (maxReplicas === 0) errors.push(required("spec.maxReplicas", "must be set and greater than 0"));
  else if (maxReplicas < 0) {
    errors.push(invalid("spec.maxReplicas", maxReplicas, "must be greater than or equal to 1"));
  }
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(invalid("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`"));
  }
  checkReference(errors, "spec.scaleTargetRef", scaleTargetRef, "withGroup");
  metrics.forEach((metric, i) => checkMetric(errors, `spec.metrics[${i}]`, metric));
  if (behavior?.scaleUp !== undefined) checkRules(errors, "spec.behavior.scaleUp", behavior.scaleUp);
  if (behavior?.scaleDown !== undefined) checkRules(errors, "spec.behavior.scaleDown", behavior.scaleDown);
  return errors;
}

function checkReference(
  errors: Errors,
  path: string,
  reference: Sparse<CrossVersionObjectReference>,
  group: "withGroup" | "anyGroup",
): void {
  for (const field of ["kind", "name"] as const) {
    const value = reference[field] ?? "";
    if (value === "") errors.push(required(`${path}.${field}`));
    else checkText(errors, `${path}.${field}`, value, pathSegment);
  }
  const { apiVersion = "" } = reference;
  const parts = apiVersion.split("/");
  if (parts.length > 2) {
    errors.push(invalid(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  } else if (group === "withGroup" && (parts.length < 2 || parts[0] === "")) {
    errors.push(invalid(`${path}.apiVersion`, apiVersion, "apiVersion must specify API group"));
  }
}

const sourceFields = {
  Object: "object",
  External: "external",
  Pods: "pods",
  Resource: "resource",
  ContainerResource: "containerResource",
} as const;

function checkMetric(errors: Errors, path: string, metric: Sparse<MetricSpec>): void {
  const { type = "" } = metric;
  if (type === "") errors.push(required(`${path}.type`, "must specify a metric source type"));
  if (!metricTypes.includes(type)) errors.push(notSupported(`${path}.type`, type, metricTypes));
  const present = Object.values(sourceFields).filter((field) => metric[field] !== undefined);
  checkSource(errors, path, metric, present[0]);
  const expected = Object.hasOwn(sourceFields, type) ? sourceFields[type as keyof typeof sourceFields] : undefined;
  if (expected === undefined) errors.push(notSupported(`${path}.type`, type, metricTypes));
  else if (!present.includes(expected)) {
    errors.push(required(`${path}.${expected}`, "must populate information for the given metric source"));
  }
  if (present.length === 1 || expected === undefined) return;
  for (const field of present.filter((one) => one !== expected)) {
    errors.push(forbidden(`${path}.${field}`, "must populate the given metric source only"));
  }
}

/** Only the first source is judged; that there are more is an error anyway. */
function checkSource(errors: Errors, path: string, metric: Sparse<MetricSpec>, first: string | undefined): void {
  const { object, external, pods, resource, containerResource } = metric;
  if (first === "object" && object !== undefined) {
    checkReference(errors, `${path}.object.describedObject`, object.describedObject ?? {}, "anyGroup");
    checkIdentifier(errors, `${path}.object.metric`, object.metric ?? {});
    checkTarget(errors, `${path}.object.target`, object.target ?? {});
    checkTotalOrAverage(errors, `${path}.object.target`, object.target ?? {});
  } else if (first === "external" && external !== undefined) {
    checkIdentifier(errors, `${path}.external.metric`, external.metric ?? {});
    checkTarget(errors, `${path}.external.target`, external.target ?? {});
    checkTotalOrAverage(errors, `${path}.external.target`, external.target ?? {});
  } else if (first === "pods" && pods !== undefined) {
    checkIdentifier(errors, `${path}.pods.metric`, pods.metric ?? {});
    checkTarget(errors, `${path}.pods.target`, pods.target ?? {});
    if (!isPositive(pods.target?.averageValue)) {
      errors.push(required(`${path}.pods.target.averageValue`, "must specify a positive target averageValue"));
    }
  } else if (first === "resource" && resource !== undefined) {
    checkResource(errors, `${path}.resource`, resource);
  } else if (first === "containerResource" && containerResource !== undefined) {
    if ((containerResource.container ?? "") === "") {
      errors.push(required(`${path}.containerResource.container`, "must specify a container name"));
    }
    checkResource(errors, `${path}.containerResource`, containerResource);
  }
}

function checkIdentifier(errors: Errors, path: string, { name = "" }: Sparse<MetricIdentifier>): void {
  if (name === "") errors.push(required(`${path}.name`, "must specify a metric name"));
  else checkText(errors, `${path}.name`, name, pathSegment);
}

function checkTarget(errors: Errors, path: string, target: Sparse<MetricTarget>): void {
  const { type = "", value, averageValue, averageUtilization } = target;
  if (type === "") errors.push(required(`${path}.type`, "must specify a metric target type"));
  if (!targetTypes.includes(type)) {
    errors.push(invalid(`${path}.type`, type, "must be either Utilization, Value, or AverageValue"));
  }
  if (value !== undefined && !isPositive(value)) errors.push(invalid(`${path}.value`, value, "must be positive"));
  if (averageUtilization !== undefined && averageUtilization < 1) {
    errors.push(invalid(`${path}.averageUtilization`, averageUtilization, "must be greater than 0"));
  }
  if (averageValue !== undefined && !isPositive(averageValue)) {
    errors.push(invalid(`${path}.averageValue`, averageValue, "must be positive"));
  }
}

function checkTotalOrAverage(errors: Errors, path: string, { value, averageValue }: Sparse<MetricTarget>): void {
  if (value === undefined && averageValue === undefined) {
    errors.push(required(`${path}.averageValue`, "must set either a target value for metric or a per-pod target"));
  }
  if (value !== undefined && averageValue !== undefined) {
    errors.push(forbidden(`${path}.value`, "may not set both a target value for metric and a per-pod target"));
  }
}

function checkResource(errors: Errors, path: string, source: { name?: string; target?: Sparse<MetricTarget> }): void {
  const { name = "", target = {} } = source;
  if (name === "") errors.push(required(`${path}.name`, "must specify a resource name"));
  checkTarget(errors, `${path}.target`, target);
  const { averageUtilization, averageValue } = target;
  if (averageUtilization === undefined && averageValue === undefined) {
    const text = "must set either a target raw value or a target utilization";
    errors.push(required(`${path}.target.averageUtilization`, text));
  }
  if (averageUtilization !== undefined && averageValue !== undefined) {
    const text = "may not set both a target raw value and a target utilization";
    errors.push(forbidden(`${path}.target.averageValue`, text));
  }
}

function checkRules(errors: Errors, path: string, rules: Sparse<HPAScalingRules>): void {
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  if (window !== undefined && window < 0) {
    errors.push(invalid(`${path}.stabilizationWindowSeconds`, window, "must be greater than or equal to zero"));
  } else if (window !== undefined && window > stabilizationSecondsMax) {
    const text = `must be less than or equal to ${stabilizationSecondsMax}`;
    errors.push(invalid(`${path}.stabilizationWindowSeconds`, window, text));
  }
  if (selectPolicy !== undefined && !selectPolicies.includes(selectPolicy)) {
    errors.push(notSupported(`${path}.selectPolicy`, selectPolicy, selectPolicies));
  }
  if (policies.length === 0) errors.push(required(`${path}.policies`, "must specify at least one Policy"));
  policies.forEach(({ type = "", value = 0, periodSeconds = 0 }, i) => {
    const field = `${path}.policies[${i}]`;
    if (type !== "Pods" && type !== "Percent") errors.push(notSupported(`${field}.type`, type, ["Percent", "Pods"]));
    if (value <= 0) errors.push(invalid(`${field}.value`, value, "must be greater than zero"));
    if (periodSeconds <= 0) {
      errors.push(invalid(`${field}.periodSeconds`, periodSeconds, "must be greater than zero"));
    } else if (periodSeconds > policyPeriodSecondsMax) {
      const text = `must be less than or equal to ${policyPeriodSecondsMax}`;
      errors.push(invalid(`${field}.periodSeconds`, periodSeconds, text));
    }
  });
  if (tolerance !== undefined && isQuantity(tolerance) && parseQuantity(tolerance).nanos < 0n) {
    errors.push(invalid(`${path}.tolerance`, tolerance, "must be greater than or equal to 0"));
  }
}

function isPositive(quantity: string | undefined): boolean {
  return quantity !== undefined && isQuantity(quantity) && parseQuantity(quantity).nanos > 0n;
}
