// Jobs: pods that run until they are done. A Job's selector is its own uid, written into the pods' labels, so that no two Jobs share pods.
import type { JobStatus, LabelSelector } from "../generated/types.generated.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { type FieldError, invalid, invalidAltogether, required } from "../meta/field-error.ts";
import {
  carryField,
  childOf,
  deepCopy,
  isObject,
  type MutableObject,
  numberAt,
  objectAt,
  ownField,
  semanticEqual,
  textAt,
  typed,
} from "../meta/mutable.ts";
import { dns1123Label } from "../meta/names.ts";
import { labelSelectorMatcher, type Labels, SelectorError } from "../selectors/label-selector.ts";
import { fieldOrEmptied } from "../structure/emptied.ts";
import { checkLabelSelector, checkNonNegative, type Errors, immutable } from "../validation/basics.ts";
import { goStruct } from "../validation/changes.ts";
import { validateJobSpec } from "../validation/job-spec.ts";
import { defineStrategy } from "./generic.ts";
import { dropUnservedTemplateFields } from "./pod-preparation.ts";
import type { KindStrategy } from "./strategy.ts";

const uidLabel = "batch.kubernetes.io/controller-uid";
const nameLabel = "batch.kubernetes.io/job-name";

export const jobs: KindStrategy = defineStrategy({
  namespaced: true,
  generationFields: ["spec"],
  initialStatus: {},
  defaultPropagationPolicy: "Orphan",
  selectorFields: ["status.successful"],
  selectorValues: (object) => ({ "status.successful": String(numberAt(objectAt(object, "status"), "succeeded") ?? 0) }),
  prepareCreate: (object) => {
    dropUnservedTemplateFields(objectAt(object, "spec"));
    generateSelector(object);
  },
  prepareUpdate: (next, old) => dropUnservedTemplateFields(objectAt(next, "spec"), objectAt(old, "spec")),
  validate: (object) => [
    ...validateGeneratedSelector(object),
    ...validatePodNames(object),
    ...validateJobSpec(objectAt(object, "spec") ?? {}, "spec"),
    ...validateSelector(objectAt(object, "spec") ?? {}),
  ],
  validateChange: (next, old) => {
    const [spec, before] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
    // The recorded server judges the spec once as part of the Job and once as part of the change.
    const errors: Errors = [...validateJobSpec(spec, "spec"), ...validateSelector(spec)];
    checkCompletions(errors, spec, before);
    const template = ownField(spec, "template");
    const oldTemplate = startsLater(old) ? withNewScheduling(before, spec) : ownField(before, "template");
    if (!semanticEqual(template, oldTemplate)) errors.push(immutable("spec.template", shownTemplate(template)));
    for (const field of fixedFields) {
      const value = ownField(spec, field);
      if (!semanticEqual(value, ownField(before, field))) errors.push(immutable(`spec.${field}`, shown(field, value)));
    }
    return errors;
  },
  validateStatus: validateJobStatus,
});

const fixedFields = [
  "selector",
  "completionMode",
  "podFailurePolicy",
  "backoffLimitPerIndex",
  "managedBy",
  "successPolicy",
];

/** Policies are shown as Go shows its structs. */
function shown(field: string, value: JsonValue | undefined): JsonValue | undefined {
  if (!field.endsWith("Policy") || value === undefined || !isObject(value)) return value;
  return goStruct(`io.k8s.api.batch.v1.${field.charAt(0).toUpperCase()}${field.slice(1)}`, value);
}

function shownTemplate(template: JsonValue | undefined): JsonObject {
  return goStruct("io.k8s.api.core.v1.PodTemplateSpec", isObject(template) ? template : {});
}

/** An Indexed Job may grow or shrink with its parallelism; of others the number is fixed. */
function checkCompletions(errors: Errors, spec: JsonObject, before: JsonObject): void {
  const completions = numberAt(spec, "completions");
  if (completions === numberAt(before, "completions")) return;
  if (textAt(before, "completionMode") !== "Indexed") errors.push(immutable("spec.completions", completions));
  else if (completions !== undefined && completions !== numberAt(spec, "parallelism")) {
    errors.push(invalid("spec.completions", completions, "can only be modified in tandem with spec.parallelism"));
  }
}

/** While a Job is suspended and has not begun, a queue may say where its pods are to run. */
function startsLater(job: JsonObject): boolean {
  const started = textAt(objectAt(job, "status"), "startTime") !== "";
  return objectAt(job, "spec")?.["suspend"] === true && !started;
}

/** The old template with what a queue may set taken from the new one. */
function withNewScheduling(before: JsonObject, spec: JsonObject): MutableObject {
  const copy = deepCopy(objectAt(before, "template") ?? {});
  const template = objectAt(spec, "template") ?? {};
  const [podSpec, newSpec] = [childOf(copy, "spec"), objectAt(template, "spec") ?? {}];
  for (const field of ["nodeSelector", "tolerations", "schedulingGates"]) carryField(podSpec, newSpec, field);
  const [meta, newMeta] = [childOf(copy, "metadata"), objectAt(template, "metadata") ?? {}];
  for (const field of ["annotations", "labels"]) carryField(meta, newMeta, field);
  const affinity = childOf(podSpec, "affinity");
  carryField(affinity, objectAt(newSpec, "affinity") ?? {}, "nodeAffinity");
  if (Object.keys(affinity).length === 0) delete podSpec["affinity"];
  return copy;
}

function generateSelector(object: MutableObject): void {
  const meta = childOf(object, "metadata");
  const spec = childOf(object, "spec");
  if (spec["manualSelector"] === true) return;
  const [uid, name] = [textAt(meta, "uid"), textAt(meta, "name")];
  const template = childOf(childOf(spec, "template"), "metadata");
  const labels = { [uidLabel]: uid, [nameLabel]: name, "controller-uid": uid, "job-name": name };
  // What the client wrote there himself is not overwritten, but must be the same.
  const all = Object.entries({ ...labels, ...objectAt(template, "labels") });
  // In the order of Go's maps, which errors show.
  template["labels"] = Object.fromEntries(all.sort(([left], [right]) => (left < right ? -1 : 1)));
  // A Job without labels of its own takes its pods': defaulting does so, and sees the generated ones on a read.
  if (Object.keys(objectAt(meta, "labels") ?? {}).length === 0) meta["labels"] = { ...childOf(template, "labels") };
  const selected = childOf(childOf(spec, "selector"), "matchLabels");
  if (!Object.hasOwn(selected, uidLabel)) selected[uidLabel] = uid;
}

/** The labels that tie pods to their Job must be the generated ones. */
function validateGeneratedSelector(object: JsonObject): readonly FieldError[] {
  const spec = objectAt(object, "spec") ?? {};
  const selector = objectAt(spec, "selector");
  if (spec["manualSelector"] === true || selector === undefined) return [];
  const metadata = objectAt(object, "metadata");
  const [uid, name] = [textAt(metadata, "uid"), textAt(metadata, "name")];
  const labels = objectAt(objectAt(objectAt(spec, "template") ?? {}, "metadata") ?? {}, "labels");
  const errors: Errors = [];
  const path = "spec.template.metadata.labels";
  for (const [key, wanted] of [
    ["controller-uid", uid],
    ["job-name", name],
    [uidLabel, uid],
    [nameLabel, name],
  ] as const) {
    const found = labels === undefined ? undefined : ownField(labels, key);
    if (found === undefined) errors.push(required(`${path}[${key}]`, `must be '${wanted}'`));
    else if (found !== wanted) errors.push(invalid(`${path}[${key}]`, labels, `must be '${wanted}'`));
  }
  const generated = { "controller-uid": uid, "job-name": name, [uidLabel]: uid, [nameLabel]: name };
  if (matches(selector, generated) === false) {
    errors.push(invalid("spec.selector", selector, "`selector` not auto-generated"));
  }
  return errors;
}

/** `undefined` where the selector is wrong itself. */
function matches(selector: JsonObject, labels: Labels): boolean | undefined {
  try {
    return labelSelectorMatcher(typed<LabelSelector>(selector)).matches(labels);
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
}

/** Whether generated or given, the selector must find the pods that the template makes. */
function validateSelector(spec: JsonObject): readonly FieldError[] {
  const selector = objectAt(spec, "selector");
  const metadata = objectAt(objectAt(spec, "template") ?? {}, "metadata") ?? {};
  const labels = fieldOrEmptied(metadata, "labels") as JsonObject | undefined;
  const errors: Errors = [];
  if (selector === undefined) errors.push(required("spec.selector"));
  else checkLabelSelector(errors, "spec.selector", typed<LabelSelector>(selector));
  if (selector === undefined || matches(selector, typed<Labels>(labels ?? {})) === false) {
    errors.push(invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
  }
  return errors;
}

/** Pods of an Indexed Job are called after it and their index, which must be a name too. */
function validatePodNames(object: JsonObject): readonly FieldError[] {
  const spec = objectAt(object, "spec");
  const completions = numberAt(spec, "completions") ?? 0;
  if (textAt(spec, "completionMode") !== "Indexed" || completions <= 0) return [];
  const name = textAt(objectAt(object, "metadata"), "name");
  const last = `${name}-${completions - 1}`;
  if (dns1123Label(last).length === 0) return [];
  return [invalid("metadata.name", name, `will not able to create pod with invalid DNS label: ${last}`)];
}

function validateJobStatus(next: JsonObject): readonly FieldError[] {
  const status = typed<Partial<JobStatus>>(objectAt(next, "status") ?? {});
  const errors: Errors = [];
  for (const field of ["active", "succeeded", "failed", "ready", "terminating"] as const) {
    checkNonNegative(errors, `status.${field}`, status[field]);
  }
  const holds = (type: string): boolean =>
    (status.conditions ?? []).some((condition) => condition.type === type && condition.status === "True");
  if (holds("Complete") && holds("Failed")) {
    errors.push(invalidAltogether("status.conditions", "cannot set Complete=True and Failed=true conditions"));
  }
  if (!holds("Complete") && !holds("Failed")) return errors;
  const active = status.active ?? 0;
  if (active > 0) errors.push(invalid("status.active", active, "active>0 is invalid for finished job"));
  if (status.startTime === undefined) {
    errors.push(required("status.startTime", "startTime is required for finished job"));
  }
  return errors;
}
