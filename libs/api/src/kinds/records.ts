// Events and Leases: small objects that components write often.
import type { Event, EventsV1Event, Lease } from "../generated/types.generated.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { type FieldError, invalid, required } from "../meta/field-error.ts";
import { objectAt, ownField, semanticEqual, textAt, typed } from "../meta/mutable.ts";
import { labelKey, pathSegment } from "../meta/names.ts";
import { checkNonNegative, checkText, type Errors, immutable } from "../validation/basics.ts";
import { defineStrategy, type KindRules } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const noteLengthMax = 1024;
const reportingInstanceLengthMax = 128;
const actionAndReasonLengthMax = 128;

/** Both API groups write one kind; their fields have other names. */
const eventSelectors: Pick<KindRules, "selectorFields" | "selectorValues"> = {
  selectorFields: [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
  selectorValues: (object) => {
    const about = objectAt(object, "involvedObject") ?? objectAt(object, "regarding");
    const component = textAt(object, "reportingComponent") || textAt(object, "reportingController");
    const source = textAt(objectAt(object, "source") ?? objectAt(object, "deprecatedSource"), "component");
    return {
      "involvedObject.kind": textAt(about, "kind"),
      "involvedObject.namespace": textAt(about, "namespace"),
      "involvedObject.name": textAt(about, "name"),
      "involvedObject.uid": textAt(about, "uid"),
      "involvedObject.apiVersion": textAt(about, "apiVersion"),
      "involvedObject.resourceVersion": textAt(about, "resourceVersion"),
      "involvedObject.fieldPath": textAt(about, "fieldPath"),
      reason: textAt(object, "reason"),
      reportingComponent: component,
      source: source === "" ? component : source,
      type: textAt(object, "type"),
    };
  },
};

/** An event about something in no namespace lives in `default`; others beside what they are about. */
function checkNamespace(errors: Errors, object: JsonObject, involved: string): void {
  const namespace = textAt(objectAt(object, "metadata"), "namespace");
  const fits = involved === namespace || (involved === "" && (namespace === "default" || namespace === "kube-system"));
  if (!fits) errors.push(invalid("involvedObject.namespace", involved, "does not match event.namespace"));
}

/** Events of the core group: kubelets of every age write them, so little is demanded. */
export const coreEvents: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: [],
  nameCheck: pathSegment,
  allowCreateOnUpdate: true,
  ...eventSelectors,
  validate: (object) => {
    const errors: Errors = [];
    checkNamespace(errors, object, typed<Event>(object).involvedObject?.namespace ?? "");
    return errors;
  },
});

export const events: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: ["change"],
  allowCreateOnUpdate: true,
  ...eventSelectors,
  validate: (object) => {
    const event = typed<Partial<EventsV1Event>>(object);
    const errors: Errors = [];
    // Without apiVersion nothing says that the kind has namespaces at all.
    if ((event.regarding?.apiVersion ?? "") !== "") checkNamespace(errors, object, event.regarding?.namespace ?? "");
    // Old events that were converted have no eventTime; the strict rules are not for them.
    if (event.eventTime === undefined && (event.deprecatedCount ?? 0) > 0) return errors;
    const { reportingController = "", reportingInstance = "", action = "", reason = "", type = "", note = "" } = event;
    if (reportingController === "") errors.push(required("reportingController"));
    checkText(errors, "reportingController", reportingController, labelKey);
    checkLength(errors, "reportingInstance", reportingInstance, reportingInstanceLengthMax);
    checkLength(errors, "action", action, actionAndReasonLengthMax);
    checkLength(errors, "reason", reason, actionAndReasonLengthMax);
    if (note.length > noteLengthMax)
      errors.push(invalid("message", "", `can have at most ${noteLengthMax} characters`));
    if (type !== "Normal" && type !== "Warning") errors.push(invalid("type", "", `has invalid value: ${type}`));
    return errors;
  },
  validateNew: (object) => {
    const { eventTime, deprecatedCount = 0 } = typed<Partial<EventsV1Event>>(object);
    return eventTime === undefined && deprecatedCount === 0 ? [required("eventTime")] : [];
  },
  validateChange: validateEventChange,
});

function checkLength(errors: Errors, field: string, value: string, max: number): void {
  if (value === "") errors.push(required(field));
  else if (value.length > max) errors.push(invalid(field, "", `can have at most ${max} characters`));
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
  const shown = (field: string): JsonValue | undefined => ownField(next, field) ?? (texts.has(field) ? "" : undefined);
  return fixedEventFields
    .filter(([field]) => !semanticEqual(ownField(next, field), ownField(old, field)))
    .map(([field, path]) => immutable(path, shown(field)));
}

export const leases: KindStrategy = defineStrategy({
  namespaced: true,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  validate: (object) => {
    const { spec = {} } = typed<Lease>(object);
    const errors: Errors = [];
    if (spec.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) {
      errors.push(invalid("spec.leaseDurationSeconds", spec.leaseDurationSeconds, "must be greater than 0"));
    }
    checkNonNegative(errors, "spec.leaseTransitions", spec.leaseTransitions);
    if (spec.holderIdentity === "") errors.push(invalid("spec.holderIdentity", "", "must not be empty"));
    return errors;
  },
});
