// CronJobs: a schedule, and the template of the Jobs that are made by it.
import type { CronJobSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { CronError, parseCronSchedule } from "../cron/cron-schedule.ts";
import { isTimeZone } from "../cron/time-zone.ts";
import { type FieldError, invalid, notSupported, required } from "../meta/field-error.ts";
import { objectAt, ownField, textAt, typed } from "../meta/mutable.ts";
import { maxLengthText } from "../meta/names.ts";
import { checkEnum, checkNonNegative, type Errors } from "../validation/basics.ts";
import { validateJobSpec } from "../validation/job-spec.ts";
import { defineStrategy } from "./generic.ts";
import { dropUnservedTemplateFields } from "./pod-preparation.ts";
import type { KindStrategy } from "./strategy.ts";

/** A CronJob's Jobs add 11 characters of time to its name. */
const nameLengthMax = 52;

const specOf = (object: JsonObject): JsonObject => objectAt(object, "spec") ?? {};
const jobSpecOf = (object: JsonObject): JsonObject =>
  objectAt(objectAt(specOf(object), "jobTemplate") ?? {}, "spec") ?? {};
const namesZone = (schedule: string): boolean => schedule.includes("TZ");

export const cronJobs: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: ["change"],
  generationFields: ["spec"],
  initialStatus: {},
  prepareCreate: (object) => dropUnservedTemplateFields(jobSpecOf(object)),
  prepareUpdate: (next, old) => dropUnservedTemplateFields(jobSpecOf(next), jobSpecOf(old)),
  validate: (object) => {
    const spec = specOf(object);
    const cron = typed<Partial<CronJobSpec>>(spec);
    const errors: Errors = [];
    checkSchedule(errors, cron.schedule ?? "");
    checkNonNegative(errors, "spec.startingDeadlineSeconds", cron.startingDeadlineSeconds);
    checkEnum(errors, "spec.concurrencyPolicy", cron.concurrencyPolicy, ["Allow", "Forbid", "Replace"]);
    checkNonNegative(errors, "spec.successfulJobsHistoryLimit", cron.successfulJobsHistoryLimit);
    checkNonNegative(errors, "spec.failedJobsHistoryLimit", cron.failedJobsHistoryLimit);
    return [...errors, ...validateTemplate(jobSpecOf(object))];
  },
  validateNew: (object) => {
    const name = textAt(objectAt(object, "metadata"), "name");
    const errors: Errors = [];
    if (name.length > nameLengthMax) errors.push(invalid("metadata.name", name, maxLengthText(nameLengthMax)));
    if (namesZone(textAt(specOf(object), "schedule"))) errors.push(zoneInSchedule(object));
    return [...errors, ...validateZone(object)];
  },
  validateChange: (next, old) => {
    const [spec, before] = [specOf(next), specOf(old)];
    const [zone, schedule] = [ownField(spec, "timeZone"), textAt(spec, "schedule")];
    const errors: Errors = [];
    // Schedules that named their zone before there was a field for it may go on doing so, but not both.
    if (namesZone(schedule) && !namesZone(textAt(before, "schedule"))) errors.push(zoneInSchedule(next));
    else if (namesZone(schedule) && zone !== undefined) {
      const text = "cannot use both timeZone field and TZ or CRON_TZ in schedule";
      errors.push(invalid("spec.schedule", schedule, text));
    }
    return zone === ownField(before, "timeZone") ? errors : [...errors, ...validateZone(next)];
  },
});

function checkSchedule(errors: Errors, schedule: string): void {
  if (schedule === "") {
    errors.push(required("spec.schedule"));
    return;
  }
  try {
    parseCronSchedule(schedule);
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    errors.push(invalid("spec.schedule", schedule, error.message));
  }
}

function zoneInSchedule(object: JsonObject): FieldError {
  const schedule = textAt(specOf(object), "schedule");
  return invalid("spec.schedule", schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
}

function validateZone(object: JsonObject): readonly FieldError[] {
  const zone = ownField(specOf(object), "timeZone");
  if (typeof zone !== "string") return [];
  const wrong = (detail: string): readonly FieldError[] => [invalid("spec.timeZone", zone, detail)];
  if (zone === "") return wrong("timeZone must be nil or non-empty string");
  if (zone.toLowerCase() === "local") {
    return wrong("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
  }
  return isTimeZone(zone) ? [] : wrong(`unknown time zone ${zone}`);
}

/** The selector of each Job is generated. */
function validateTemplate(spec: JsonObject): readonly FieldError[] {
  const path = "spec.jobTemplate.spec";
  const errors: Errors = [...validateJobSpec(spec, path)];
  const selector = objectAt(spec, "selector");
  if (selector !== undefined) errors.push(invalid(`${path}.selector`, selector, "`selector` will be auto-generated"));
  if (spec["manualSelector"] === true) errors.push(notSupported(`${path}.manualSelector`, true, ["nil", "false"]));
  return errors;
}
