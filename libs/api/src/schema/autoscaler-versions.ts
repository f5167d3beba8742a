// HorizontalPodAutoscalers are stored as autoscaling/v2. In v1 a target for the CPU has a field; other metrics, what
// controls the speed of scaling, conditions and measurements stand in annotations, as JSON.
//
//   v2: spec.metrics[cpu], spec.metrics[others…], spec.behavior, status.conditions, status.currentMetrics
//   v1: spec.targetCPUUtilizationPercentage, and the annotations metrics, behavior, conditions, current-metrics
import type { JsonObject, JsonValue } from "../json.ts";
import {
  childOf,
  deepCopy,
  isList,
  isObject,
  listAt,
  type MutableObject,
  type MutableValue,
  numberAt,
  objectAt,
  ownField,
  textAt,
} from "../meta/mutable.ts";
import { prune } from "../structure/structure.ts";

export const storedAutoscalerVersion = "autoscaling/v2";
const served = "autoscaling/v1";
const typeNames = {
  [served]: "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler",
  [storedAutoscalerVersion]: "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
} as const;

const annotationPrefix = "autoscaling.alpha.kubernetes.io/";
const defaultCpuPercentage = 80;

/** Is there a conversion from one of these versions to the other? */
export function isAutoscalerVersion(apiVersion: string): apiVersion is keyof typeof typeNames {
  return apiVersion === served || apiVersion === storedAutoscalerVersion;
}

/** A converted copy. Annotations that can't be read count as absent, as in Kubernetes. */
export function convertAutoscaler(object: JsonObject, apiVersion: keyof typeof typeNames): JsonObject {
  const next = deepCopy(object);
  if (apiVersion === served) toServed(next);
  else toStored(next);
  next["apiVersion"] = apiVersion;
  return prune(typeNames[apiVersion], next);
}

function toServed(object: MutableObject): void {
  const spec = childOf(object, "spec");
  const status = childOf(object, "status");
  const notes: Record<string, JsonValue> = {};
  const others = listAt(spec, "metrics").filter(isObject);
  const cpu = others.findIndex((metric) => cpuPercentage(metric, "target") !== undefined);
  const target = cpu < 0 ? undefined : cpuPercentage(others.splice(cpu, 1)[0] ?? {}, "target");
  if (target !== undefined) spec["targetCPUUtilizationPercentage"] = target;
  if (others.length > 0) notes["metrics"] = others.map((metric) => renameMetric(metric, "target", flatten));
  const behavior = objectAt(spec, "behavior");
  if (behavior !== undefined) notes["behavior"] = goBehavior(behavior);
  const measured = listAt(status, "currentMetrics").filter(isObject);
  const current = measured.map((metric) => cpuPercentage(metric, "current")).find((value) => value !== undefined);
  if (current !== undefined) status["currentCPUUtilizationPercentage"] = current;
  if (measured.length > 0) {
    notes["current-metrics"] = measured.map((metric) => renameMetric(metric, "current", flatten));
  }
  if (listAt(status, "conditions").length > 0) notes["conditions"] = listAt(status, "conditions");
  for (const field of ["metrics", "behavior"]) delete spec[field];
  for (const field of ["currentMetrics", "conditions"]) delete status[field];
  if (Object.keys(notes).length === 0) return;
  const annotations = childOf(childOf(object, "metadata"), "annotations");
  for (const [name, value] of Object.entries(notes)) annotations[annotationPrefix + name] = JSON.stringify(value);
}

function toStored(object: MutableObject): void {
  const spec = childOf(object, "spec");
  const status = childOf(object, "status");
  const [metrics, behavior, measured, conditions] = takeNotes(object);
  const target = numberAt(spec, "targetCPUUtilizationPercentage");
  const others = listsObjects(metrics).map((metric) => renameMetric(metric, "target", unflatten));
  const all = [...(target === undefined ? [] : [cpuMetric(target)]), ...others];
  spec["metrics"] = all.length > 0 ? all : [cpuMetric(defaultCpuPercentage)];
  if (isObject(behavior)) spec["behavior"] = schemaBehavior(behavior);
  if (isList(measured)) {
    status["currentMetrics"] = listsObjects(measured).map((metric) => renameMetric(metric, "current", unflatten));
  }
  if (isList(conditions)) status["conditions"] = listsObjects(conditions).map(deepCopy);
  delete spec["targetCPUUtilizationPercentage"];
  delete status["currentCPUUtilizationPercentage"];
}

/** Takes the annotations that stand for fields out of the object. */
function takeNotes(object: MutableObject): readonly (JsonValue | undefined)[] {
  const metadata = childOf(object, "metadata");
  const annotations = childOf(metadata, "annotations");
  const notes = ["metrics", "behavior", "current-metrics", "conditions"].map((name) => {
    const text = textAt(annotations, annotationPrefix + name);
    delete annotations[annotationPrefix + name];
    return readJson(text);
  });
  if (Object.keys(annotations).length === 0) delete metadata["annotations"];
  return notes;
}

function readJson(text: string): JsonValue | undefined {
  try {
    return text === "" ? undefined : (JSON.parse(text) as JsonValue);
  } catch {
    return undefined;
  }
}

function listsObjects(value: JsonValue | undefined): readonly JsonObject[] {
  return isList(value) ? value.filter(isObject) : [];
}

type Reading = "target" | "current";

/** The part of a CPU's usage that a metric wants or shows, where it is about the CPU of whole pods. */
function cpuPercentage(metric: JsonObject, reading: Reading): number | undefined {
  const resource = objectAt(metric, "resource");
  if (textAt(metric, "type") !== "Resource" || textAt(resource, "name") !== "cpu") return undefined;
  return numberAt(objectAt(resource ?? {}, reading), "averageUtilization");
}

function cpuMetric(percentage: number): MutableObject {
  const target = { type: "Utilization", averageUtilization: percentage };
  return { type: "Resource", resource: { name: "cpu", target } };
}

/** `pods` of a metric of type `Pods`. */
const sources = ["object", "pods", "resource", "containerResource", "external"];

function renameMetric(
  metric: JsonObject,
  reading: Reading,
  rename: (name: string, source: JsonObject, reading: Reading) => MutableObject,
): MutableObject {
  const next: MutableObject = { type: textAt(metric, "type") };
  for (const name of sources) {
    const source = objectAt(metric, name);
    if (source !== undefined) next[name] = rename(name, source, reading);
  }
  return next;
}

/** v1's name of a value of a target (`target…`) or a reading (`current…`). */
function valueNames(name: string, reading: Reading): readonly (readonly [v2: string, v1: string])[] {
  return [
    ["value", `${reading}Value`],
    // An Object metric's average alone has no prefix.
    ["averageValue", name === "object" ? "averageValue" : `${reading}AverageValue`],
    ["averageUtilization", `${reading}AverageUtilization`],
  ];
}

function flatten(name: string, source: JsonObject, reading: Reading): MutableObject {
  const flat: MutableObject = {};
  const metric = objectAt(source, "metric");
  const described = objectAt(source, "describedObject");
  const selector = objectAt(metric ?? {}, "selector");
  if (described !== undefined) flat["target"] = deepCopy(described);
  if (metric !== undefined) flat["metricName"] = textAt(metric, "name");
  if (selector !== undefined) flat[name === "external" ? "metricSelector" : "selector"] = deepCopy(selector);
  for (const field of ["name", "container"]) if (textAt(source, field) !== "") flat[field] = textAt(source, field);
  const values = objectAt(source, reading) ?? {};
  for (const [from, to] of valueNames(name, reading)) copyTo(flat, to, ownField(values, from));
  return flat;
}

function unflatten(name: string, flat: JsonObject, reading: Reading): MutableObject {
  const source: MutableObject = {};
  const described = objectAt(flat, "target");
  const selector = objectAt(flat, name === "external" ? "metricSelector" : "selector");
  if (described !== undefined) source["describedObject"] = deepCopy(described);
  if (ownField(flat, "metricName") !== undefined) {
    source["metric"] = {
      name: textAt(flat, "metricName"),
      ...(selector === undefined ? {} : { selector: deepCopy(selector) }),
    };
  }
  for (const field of ["name", "container"]) if (textAt(flat, field) !== "") source[field] = textAt(flat, field);
  const values: MutableObject = {};
  for (const [to, from] of valueNames(name, reading)) copyTo(values, to, ownField(flat, from));
  const type = ["averageUtilization", "averageValue", "value"].find((field) => field in values) ?? "value";
  const typeNamesOf: Readonly<Record<string, string>> = {
    averageUtilization: "Utilization",
    averageValue: "AverageValue",
    value: "Value",
  };
  if (reading === "target") values["type"] = typeNamesOf[type] ?? "";
  source[reading] = values;
  return source;
}

function copyTo(target: MutableObject, key: string, value: JsonValue | undefined): void {
  if (value !== undefined && value !== null) target[key] = value as MutableValue;
}

/** The annotation holds Go's struct, not the API's: names in capitals, every field written. */
function goBehavior(behavior: JsonObject): JsonObject {
  const rules = (name: string): JsonValue => {
    const found = objectAt(behavior, name);
    if (found === undefined) return null;
    const policies = listAt(found, "policies").filter(isObject);
    return {
      StabilizationWindowSeconds: numberAt(found, "stabilizationWindowSeconds") ?? null,
      SelectPolicy: ownField(found, "selectPolicy") ?? null,
      Policies: policies.map((policy) => ({
        Type: textAt(policy, "type"),
        Value: numberAt(policy, "value") ?? 0,
        PeriodSeconds: numberAt(policy, "periodSeconds") ?? 0,
      })),
      Tolerance: ownField(found, "tolerance") ?? null,
    };
  };
  return { ScaleUp: rules("scaleUp"), ScaleDown: rules("scaleDown") };
}

function schemaBehavior(go: JsonObject): MutableObject {
  const lowerFirst = (value: JsonValue): MutableValue => {
    if (isList(value)) return value.map(lowerFirst);
    if (!isObject(value)) return value;
    const present = Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
    return Object.fromEntries(
      present.map(([key, field]) => [key.charAt(0).toLowerCase() + key.slice(1), lowerFirst(field ?? null)]),
    );
  };
  return lowerFirst(go) as MutableObject;
}
