// The spec of a Job, alone or in the template of a CronJob.
import type { JobSpec, PodSpec, SuccessPolicy } from "../generated/types.generated.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { type FieldError, invalid, notSupported, required, tooLong, tooMany } from "../meta/field-error.ts";
import { objectAt, textAt, typed } from "../meta/mutable.ts";
import { checkDomainPrefixedPath, checkEnum, checkNonNegative, type Errors } from "./basics.ts";
import { checkPodFailurePolicy } from "./pod-failure-policy.ts";
import { validatePodTemplate } from "./pod-template.ts";

const managerLengthMax = 63;
/** Indexed Jobs keep the state of every index. */
const indexesMax = 100_000;
/** The same for the many indexes of a Job that counts failures of each. */
const parallelIndexesMax = 10_000;
const successRulesMax = 20;
const successIndexesLengthMax = 64 * 1024;

type Spec = Partial<JobSpec>;

export function validateJobSpec(object: JsonObject, path: string): readonly FieldError[] {
  const spec = typed<Spec>(object);
  const errors: Errors = [];
  for (const field of [
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
  ] as const) {
    checkNonNegative(errors, `${path}.${field}`, spec[field]);
  }
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(required(`${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified"));
  }
  checkManager(errors, `${path}.managedBy`, spec.managedBy);
  checkMode(errors, path, spec);
  const template = objectAt(object, "template") ?? {};
  const podSpec = typed<Partial<PodSpec>>(objectAt(template, "spec") ?? {});
  checkPodFailurePolicy(errors, `${path}.podFailurePolicy`, spec, podSpec);
  checkSuccessPolicy(errors, `${path}.successPolicy`, spec);
  if (spec.podReplacementPolicy !== undefined) {
    const policies = spec.podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"];
    checkEnum(errors, `${path}.podReplacementPolicy`, spec.podReplacementPolicy, policies, "unsupported");
  }
  errors.push(...validatePodTemplate(template, `${path}.template`));
  const restartPolicy = textAt(objectAt(template, "spec"), "restartPolicy");
  const field = `${path}.template.spec.restartPolicy`;
  if (restartPolicy === "" || restartPolicy === "Always") {
    errors.push(required(field, 'valid values: "OnFailure", "Never"'));
  } else if (restartPolicy !== "OnFailure" && restartPolicy !== "Never") {
    errors.push(notSupported(field, restartPolicy, ["OnFailure", "Never"]));
  } else if (spec.podFailurePolicy !== undefined && restartPolicy !== "Never") {
    errors.push(invalid(field, restartPolicy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
  return errors;
}

function checkManager(errors: Errors, path: string, manager: string | undefined): void {
  if (manager === undefined) return;
  if (manager === "") errors.push(required(path));
  else checkDomainPrefixedPath(errors, path, manager);
  if (manager.length > managerLengthMax) errors.push(tooLong(path, managerLengthMax));
}

function checkMode(errors: Errors, path: string, spec: Spec): void {
  const mode = spec.completionMode;
  if (mode !== undefined) {
    checkEnum(errors, `${path}.completionMode`, mode, ["NonIndexed", "Indexed"], "unsupported");
  }
  if (mode === "Indexed") checkIndexed(errors, path, spec);
  if (mode !== undefined && mode !== "NonIndexed") return;
  for (const field of ["backoffLimitPerIndex", "maxFailedIndexes"] as const) {
    if (spec[field] !== undefined)
      errors.push(invalid(`${path}.${field}`, spec[field], "requires indexed completion mode"));
  }
}

function checkIndexed(errors: Errors, path: string, spec: Spec): void {
  const { completions, parallelism = 0, maxFailedIndexes, backoffLimitPerIndex } = spec;
  const atMost = (field: "parallelism" | "maxFailedIndexes", max: number, when: string): void => {
    const value = spec[field] ?? 0;
    if (value > max)
      errors.push(invalid(`${path}.${field}`, value, `must be less than or equal to ${max} when ${when}`));
  };
  if (completions === undefined) errors.push(required(`${path}.completions`, "when completion mode is Indexed"));
  atMost("parallelism", indexesMax, "completion mode is Indexed");
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions) {
    errors.push(invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, "must be less than or equal to completions"));
  }
  atMost("maxFailedIndexes", indexesMax, "completion mode is Indexed");
  if ((completions ?? 0) <= indexesMax || backoffLimitPerIndex === undefined) return;
  const when = `completions are above ${indexesMax} and used with backoff limit per index`;
  if (maxFailedIndexes === undefined)
    errors.push(required(`${path}.maxFailedIndexes`, `must be specified when ${when}`));
  if (parallelism > parallelIndexesMax) atMost("parallelism", parallelIndexesMax, when);
  atMost("maxFailedIndexes", parallelIndexesMax, when);
}

function checkSuccessPolicy(errors: Errors, path: string, spec: Spec): void {
  const policy = spec.successPolicy;
  if (policy === undefined) return;
  if ((spec.completionMode ?? "NonIndexed") !== "Indexed") {
    errors.push(invalid(path, policy as unknown as JsonValue, "requires indexed completion mode"));
    return;
  }
  const { rules = [] }: Partial<SuccessPolicy> = policy;
  if (rules.length === 0) {
    const text = "at least one rules must be specified when success policy is specified";
    errors.push(required(`${path}.rules`, text));
  }
  if (rules.length > successRulesMax) errors.push(tooMany(`${path}.rules`, rules.length, successRulesMax));
  rules.forEach((rule, i) => checkSuccessRule(errors, `${path}.rules[${i}]`, rule, spec.completions ?? 0));
}

function checkSuccessRule(
  errors: Errors,
  path: string,
  { succeededCount: count, succeededIndexes: indexes }: SuccessPolicy["rules"][number],
  completions: number,
): void {
  if (count === undefined && indexes === undefined) {
    errors.push(required(path, "at least one of succeededCount or succeededIndexes must be specified"));
  }
  let total = 0;
  if (indexes !== undefined) {
    const field = `${path}.succeededIndexes`;
    if (indexes.length > successIndexesLengthMax) errors.push(tooLong(field, successIndexesLengthMax));
    const counted = countIndexes(indexes, completions);
    if (typeof counted === "number") total = counted;
    else errors.push(invalid(field, indexes, `error parsing succeededIndexes: ${counted.why}`));
  }
  if (count === undefined) return;
  const field = `${path}.succeededCount`;
  checkNonNegative(errors, field, count);
  if (count > completions) {
    const text = `must be less than or equal to ${completions} (the number of specified completions)`;
    errors.push(invalid(field, count, text));
  }
  if (indexes !== undefined && count > total) {
    const text = `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`;
    errors.push(invalid(field, count, text));
  }
}

/** `1,3-5`: ascending, below `completions`. @returns how many, or why the text is wrong */
function countIndexes(text: string, completions: number): number | { readonly why: string } {
  if (text === "") return 0;
  let [count, last] = [0, -1];
  for (const part of text.split(",")) {
    const bounds = part.split("-");
    if (bounds.length > 2)
      return {
        why: `the fragment ${JSON.stringify(part)} violates the requirement that an index interval can have at most two parts separated by '-'`,
      };
    for (const bound of bounds) {
      if (!/^[+-]?\d+$/.test(bound))
        return { why: `cannot convert string to integer for index: ${JSON.stringify(bound)}` };
      if (Number(bound) >= completions) return { why: `too large index: ${JSON.stringify(bound)}` };
    }
    const [low = 0, high = low] = bounds.map(Number);
    if (low <= last) return { why: `non-increasing order, previous: ${last}, current: ${low}` };
    if (bounds.length === 2 && low >= high) return { why: `non-increasing order, previous: ${low}, current: ${high}` };
    count += high - low + 1;
    last = high;
  }
  return count;
}
