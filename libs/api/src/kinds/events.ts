// Events, of both API groups, which store one kind under two forms. The old group's form is written by kubelets of every
// age, so little is demanded of it; the new one's strict rules hold for events that have a time of their own.
import type { Event, EventsV1Event } from "../generated/types.generated.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { type FieldError, invalid, required } from "../meta/field-error.ts";
import { objectAt, ownField, semanticEqual, textAt, typed } from "../meta/mutable.ts";
import { dns1123Subdomain, pathSegment, qualifiedName } from "../meta/names.ts";
import { checkText, type Errors, immutable } from "../validation/basics.ts";
import { goStruct } from "../validation/changes.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const noteLengthMax = 1024;
const reportingInstanceLengthMax = 128;
const actionAndReasonLengthMax = 128;
const seriesCountMin = 2;

const referenceFields = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];

/** Each group's form has its own names for what both can be selected by; the old one knows a source besides. */
const coreSelectorFields = [
  ...referenceFields.map((field) => `involvedObject.${field}`),
  ...["reason", "reportingComponent", "source", "type"],
];
const selectorFields = [
  ...referenceFields.map((field) => `regarding.${field}`),
  ...["reason", "reportingController", "type"],
];

/** By the names of both: one cache serves both groups. */
function selectorValues(object: JsonObject): Readonly<Record<string, string>> {
  const about = objectAt(object, "involvedObject") ?? objectAt(object, "regarding");
  const component = textAt(object, "reportingComponent") || textAt(object, "reportingController");
  const source = textAt(objectAt(object, "source") ?? objectAt(object, "deprecatedSource"), "component");
  const values: Record<string, string> = {
    reason: textAt(object, "reason"),
    reportingComponent: component,
    reportingController: component,
    source: source === "" ? component : source,
    type: textAt(object, "type"),
  };
  for (const field of referenceFields) {
    values[`involvedObject.${field}`] = textAt(about, field);
    values[`regarding.${field}`] = textAt(about, field);
  }
  return values;
}

/** What both forms say. */
interface EventFacts {
  /** How the form calls who reports. */
  readonly reporterField: string;
  readonly reporter: string;
  readonly instance: string;
  readonly action: string;
  readonly reason: string;
  readonly message: string;
  readonly eventTime: string | undefined;
  readonly aboutNamespace: string;
}

/** What every event is held to. Paths are the core group's. */
function checkFacts(errors: Errors, object: JsonObject, facts: EventFacts): void {
  const namespace = textAt(objectAt(object, "metadata"), "namespace");
  const about = facts.aboutNamespace;
  const strict = facts.eventTime !== undefined;
  // An event about something in no namespace lives in `default`; old ones live beside what they are about.
  const homes = strict ? ["default", "kube-system"] : ["default"];
  if (about === "" ? !homes.includes(namespace) : !strict && about !== namespace) {
    errors.push(invalid("involvedObject.namespace", about, "does not match event.namespace"));
  }
  if (strict) {
    if (facts.reporter === "") errors.push(required(facts.reporterField));
    checkText(errors, facts.reporterField, facts.reporter, qualifiedName);
    checkLength(errors, "reportingInstance", facts.instance, reportingInstanceLengthMax);
    checkLength(errors, "action", facts.action, actionAndReasonLengthMax);
    checkLength(errors, "reason", facts.reason, actionAndReasonLengthMax);
    if (facts.message.length > noteLengthMax) {
      errors.push(invalid("message", "", `can have at most ${noteLengthMax} characters`));
    }
  }
  checkText(errors, "namespace", namespace, dns1123Subdomain);
}

function checkLength(errors: Errors, field: string, value: string, max: number): void {
  if (value === "") errors.push(required(field));
  else if (value.length > max) errors.push(invalid(field, "", `can have at most ${max} characters`));
}

export const coreEvents: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: [],
  nameCheck: pathSegment,
  allowCreateOnUpdate: true,
  selectorFields: coreSelectorFields,
  selectorValues,
  validate: (object) => {
    const event = typed<Partial<Event>>(object);
    const errors: Errors = [];
    checkFacts(errors, object, {
      reporterField: "reportingComponent",
      reporter: event.reportingComponent ?? "",
      instance: event.reportingInstance ?? "",
      action: event.action ?? "",
      reason: event.reason ?? "",
      message: event.message ?? "",
      eventTime: event.eventTime,
      aboutNamespace: event.involvedObject?.namespace ?? "",
    });
    return errors;
  },
});

export const events: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: ["change"],
  allowCreateOnUpdate: true,
  selectorFields,
  selectorValues,
  validate: (object) => {
    const event = typed<Partial<EventsV1Event>>(object);
    const errors: Errors = [];
    checkFacts(errors, object, {
      reporterField: "reportingController",
      reporter: event.reportingController ?? "",
      instance: event.reportingInstance ?? "",
      action: event.action ?? "",
      reason: event.reason ?? "",
      message: event.note ?? "",
      eventTime: event.eventTime,
      aboutNamespace: event.regarding?.namespace ?? "",
    });
    return errors;
  },
  validateNew: validateNewEvent,
  validateChange: validateEventChange,
});

/** Fields of the old form that a new event has no use for, by the names that it has for them. */
const deprecatedFields: readonly (readonly [string, string])[] = [
  ["deprecatedFirstTimestamp", "firstTimestamp"],
  ["deprecatedLastTimestamp", "lastTimestamp"],
  ["deprecatedCount", "count"],
  ["deprecatedSource", "source"],
];

function validateNewEvent(object: JsonObject): readonly FieldError[] {
  const { eventTime, type = "" } = typed<Partial<EventsV1Event>>(object);
  const errors: Errors = [...validateSeries(object)];
  if (eventTime === undefined) errors.push(required("eventTime"));
  if (type !== "Normal" && type !== "Warning") errors.push(invalid("type", "", `has invalid value: ${type}`));
  for (const [field, path] of deprecatedFields) {
    const value = ownField(object, field);
    // Go writes a source of nothing as `{}`.
    if (!semanticEqual(value, undefined) && value !== 0) errors.push(invalid(path, "", "needs to be unset"));
  }
  return errors;
}

function validateSeries(object: JsonObject): readonly FieldError[] {
  const { series } = typed<Partial<EventsV1Event>>(object);
  if (series === undefined) return [];
  const errors: Errors = [];
  if ((series.count ?? 0) < seriesCountMin) errors.push(invalid("series.count", "", "should be at least 2"));
  if (series.lastObservedTime === undefined) errors.push(required("series.lastObservedTime"));
  return errors;
}

/** Only the series may go on. Paths are the core group's. */
const fixedEventFields: readonly (readonly [string, string])[] = [
  ["regarding", "involvedObject"],
  ["reason", "reason"],
  ["note", "message"],
  ["deprecatedSource", "source"],
  ["deprecatedFirstTimestamp", "firstTimestamp"],
  ["deprecatedLastTimestamp", "lastTimestamp"],
  ["deprecatedCount", "count"],
  // Twice, as in the recorded server.
  ["reason", "reason"],
  ["type", "type"],
  ["eventTime", "eventTime"],
  ["action", "action"],
  ["related", "related"],
  ["reportingController", "reportingController"],
  ["reportingInstance", "reportingInstance"],
];

function validateEventChange(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const texts = new Set(["reason", "note", "type", "action", "reportingController", "reportingInstance"]);
  const shown = (field: string): JsonValue | undefined => {
    const value = ownField(next, field) ?? (texts.has(field) ? "" : undefined);
    if (field === "deprecatedSource") return goStruct("io.k8s.api.core.v1.EventSource", objectAt(next, field) ?? {});
    const refers = field === "regarding" || (field === "related" && value !== undefined);
    return refers ? goStruct("io.k8s.api.core.v1.ObjectReference", objectAt(next, field) ?? {}) : value;
  };
  const series = semanticEqual(ownField(next, "series"), ownField(old, "series")) ? [] : validateSeries(next);
  const changed = fixedEventFields
    .filter(([field]) => !semanticEqual(ownField(next, field), ownField(old, field)))
    .map(([field, path]) => immutable(path, shown(field)));
  return [...series, ...changed];
}
