// Jobs and CronJobs. A Job's selector is its own uid, written into the pods' labels, so that no two Jobs share pods.
import type { CronJobSpec, JobSpec, LabelSelector, PodSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, invalid, notSupported, required } from "../meta/field-error.ts";
import {
  childOf,
  type MutableObject,
  numberAt,
  objectAt,
  ownField,
  semanticEqual,
  textAt,
  typed,
} from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain, maxLengthText } from "../meta/names.ts";
import { labelSelectorMatcher, type Labels } from "../selectors/label-selector.ts";
import { checkEnum, checkLabelSelector, checkNonNegative, type Errors, immutable } from "../validation/basics.ts";
import { checkPodFailurePolicy } from "../validation/pod-failure-policy.ts";
import { validatePodTemplate } from "../validation/pod-template.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const uidLabel = "batch.kubernetes.io/controller-uid";
const nameLabel = "batch.kubernetes.io/job-name";
/** A CronJob's Jobs add 11 characters of time to its name. */
const cronJobNameMax = 52;

export const jobs: KindStrategy = defineStrategy({
  namespaced: true,
  generationFields: ["spec"],
  initialStatus: {},
  defaultPropagationPolicy: "Orphan",
  selectorFields: ["status.successful"],
  selectorValues: (object) => ({ "status.successful": String(numberAt(objectAt(object, "status"), "succeeded") ?? 0) }),
  prepareCreate: generateSelector,
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
    const completions = numberAt(spec, "completions");
    const scaled = completions !== numberAt(before, "completions");
    if (scaled && textAt(before, "completionMode") !== "Indexed")
      errors.push(immutable("spec.completions", completions));
    else if (scaled && completions !== undefined && completions !== numberAt(spec, "parallelism")) {
      errors.push(invalid("spec.completions", completions, "can only be modified in tandem with spec.parallelism"));
    }
    for (const field of [
      "selector",
      "template",
      "completionMode",
      "podFailurePolicy",
      "backoffLimitPerIndex",
      "successPolicy",
    ]) {
      const value = ownField(spec, field);
      if (!semanticEqual(value, ownField(before, field))) errors.push(immutable(`spec.${field}`, value));
    }
    return errors;
  },
});

function generateSelector(object: MutableObject): void {
  const meta = childOf(object, "metadata");
  const spec = childOf(object, "spec");
  if (spec["manualSelector"] === true) return;
  const [uid, name] = [textAt(meta, "uid"), textAt(meta, "name")];
  const template = childOf(childOf(spec, "template"), "metadata");
  const labels = { [uidLabel]: uid, [nameLabel]: name, "controller-uid": uid, "job-name": name };
  Object.assign(childOf(template, "labels"), labels);
  // A Job without labels of its own takes its pods': defaulting does so, and sees the generated ones on a read.
  if (Object.keys(objectAt(meta, "labels") ?? {}).length === 0) meta["labels"] = { ...childOf(template, "labels") };
  Object.assign(childOf(childOf(spec, "selector"), "matchLabels"), { [uidLabel]: uid });
}

/** The labels that tie pods to their Job must be the generated ones. */
function validateGeneratedSelector(object: JsonObject): readonly FieldError[] {
  const spec = objectAt(object, "spec") ?? {};
  if (spec["manualSelector"] === true) return [];
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
  return errors;
}

/** Whether generated or given, the selector must find the pods that the template makes. */
function validateSelector(spec: JsonObject): readonly FieldError[] {
  const selector = objectAt(spec, "selector");
  const labels = objectAt(objectAt(objectAt(spec, "template") ?? {}, "metadata") ?? {}, "labels");
  if (selector === undefined) return [required("spec.selector")];
  const errors: Errors = [];
  checkLabelSelector(errors, "spec.selector", typed<LabelSelector>(selector));
  if (errors.length > 0) return errors;
  const matcher = labelSelectorMatcher(typed<LabelSelector>(selector));
  if (matcher.matches(labels === undefined ? {} : typed<Labels>(labels))) return [];
  return [invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")];
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

function validateJobSpec(object: JsonObject, path: string): readonly FieldError[] {
  const spec = typed<Partial<JobSpec>>(object);
  const errors: Errors = [];
  for (const field of [
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
  ] as const) {
    checkNonNegative(errors, `${path}.${field}`, spec[field]);
  }
  if (spec.completionMode !== undefined) {
    checkEnum(errors, `${path}.completionMode`, spec.completionMode, ["NonIndexed", "Indexed"], "unsupported");
    if (spec.completionMode === "Indexed" && spec.completions === undefined) {
      errors.push(required(`${path}.completions`, "when completion mode is Indexed"));
    }
  }
  if (spec.podReplacementPolicy !== undefined) {
    const policies = spec.podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"];
    checkEnum(errors, `${path}.podReplacementPolicy`, spec.podReplacementPolicy, policies, "unsupported");
  }
  const template = objectAt(object, "template") ?? {};
  checkPodFailurePolicy(
    errors,
    `${path}.podFailurePolicy`,
    spec.podFailurePolicy?.rules ?? [],
    typed<Partial<PodSpec>>(objectAt(template, "spec") ?? {}),
  );
  errors.push(...validatePodTemplate(template, `${path}.template`));
  const restartPolicy = textAt(objectAt(template, "spec"), "restartPolicy");
  const field = `${path}.template.spec.restartPolicy`;
  if (restartPolicy === "" || restartPolicy === "Always")
    errors.push(required(field, 'valid values: "OnFailure", "Never"'));
  else if (restartPolicy !== "OnFailure" && restartPolicy !== "Never") {
    errors.push(notSupported(field, restartPolicy, ["OnFailure", "Never"]));
  }
  return errors;
}

export const cronJobs: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: ["change"],
  nameCheck: (name) => [
    ...dns1123Subdomain(name),
    ...(name.length > cronJobNameMax ? [maxLengthText(cronJobNameMax)] : []),
  ],
  generationFields: ["spec"],
  initialStatus: {},
  validate: (object) => {
    const spec = objectAt(object, "spec") ?? {};
    const cron = typed<Partial<CronJobSpec>>(spec);
    const errors: Errors = [];
    if ((cron.schedule ?? "") === "") errors.push(required("spec.schedule"));
    checkNonNegative(errors, "spec.startingDeadlineSeconds", cron.startingDeadlineSeconds);
    checkEnum(errors, "spec.concurrencyPolicy", cron.concurrencyPolicy, ["Allow", "Forbid", "Replace"]);
    checkNonNegative(errors, "spec.successfulJobsHistoryLimit", cron.successfulJobsHistoryLimit);
    checkNonNegative(errors, "spec.failedJobsHistoryLimit", cron.failedJobsHistoryLimit);
    const jobSpec = objectAt(objectAt(spec, "jobTemplate") ?? {}, "spec") ?? {};
    return [...errors, ...validateJobSpec(jobSpec, "spec.jobTemplate.spec")];
  },
});
