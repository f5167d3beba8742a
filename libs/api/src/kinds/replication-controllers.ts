// ReplicationControllers: the first kind that kept a number of pods running. Its selector is a plain map, and may change.
import type { Labels } from "../selectors/label-selector.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, invalid, notSupported, required, forbidden } from "../meta/field-error.ts";
import { carryField, type MutableObject, numberAt, objectAt, textAt, typed } from "../meta/mutable.ts";
import { declaredSubdomain } from "../meta/names.ts";
import { labelMapMatcher } from "../selectors/label-selector.ts";
import { fieldOrEmptied } from "../structure/emptied.ts";
import { checkNonNegative, type Errors } from "../validation/basics.ts";
import { validatePodTemplate } from "../validation/pod-template.ts";
import { defineStrategy } from "./generic.ts";
import { dropUnservedTemplateFields } from "./pod-preparation.ts";
import type { KindStrategy } from "./strategy.ts";
import { replicaScale, statusCounts, statusOrder } from "./scale.ts";

export const replicationControllers: KindStrategy = defineStrategy({
  namespaced: true,
  nameCheck: declaredSubdomain,
  generationFields: ["spec"],
  initialStatus: { replicas: 0 },
  metaPasses: ["change"],
  defaultPropagationPolicy: "Orphan",
  selectorFields: ["status.replicas"],
  selectorValues: (object) => ({ "status.replicas": String(numberAt(objectAt(object, "status"), "replicas") ?? 0) }),
  scale: {
    get: (object) => {
      const scale = replicaScale.get({ ...object, spec: withoutSelector(objectAt(object, "spec") ?? {}) });
      const text = labelMapMatcher(selectorOf(object)).toString();
      const status = { ...objectAt(scale, "status"), ...(text === "" ? {} : { selector: text }) };
      return { ...scale, status };
    },
    set: (object, replicas) => replicaScale.set(object, replicas),
  },
  prepareCreate: (object) => dropUnservedTemplateFields(objectAt(object, "spec")),
  prepareUpdate: (next, old) => dropUnservedTemplateFields(objectAt(next, "spec"), objectAt(old, "spec")),
  validate: validateController,
  validateStatus: (next) => [
    ...statusCounts(next, [
      "replicas",
      "fullyLabeledReplicas",
      "readyReplicas",
      "availableReplicas",
      "observedGeneration",
    ]),
    ...statusOrder(next, ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"]),
  ],
});

function selectorOf(object: JsonObject): Labels {
  return typed<Labels>(objectAt(objectAt(object, "spec") ?? {}, "selector") ?? {});
}

function withoutSelector(spec: JsonObject): JsonObject {
  const copy: MutableObject = {};
  for (const key of Object.keys(spec)) if (key !== "selector") carryField(copy, spec, key);
  return copy;
}

function validateController(object: JsonObject): readonly FieldError[] {
  const spec = objectAt(object, "spec") ?? {};
  const errors: Errors = [];
  checkNonNegative(errors, "spec.minReadySeconds", numberAt(spec, "minReadySeconds"));
  const selector = selectorOf(object);
  const selects = Object.keys(selector).length > 0;
  if (!selects) errors.push(required("spec.selector"));
  checkNonNegative(errors, "spec.replicas", numberAt(spec, "replicas"));
  const template = objectAt(spec, "template");
  if (template === undefined) return [...errors, required("spec.template")];
  const path = "spec.template";
  const labels = fieldOrEmptied(objectAt(template, "metadata") ?? {}, "labels") as JsonObject | undefined;
  if (selects && !labelMapMatcher(selector).matches(typed<Labels>(labels ?? {}))) {
    errors.push(invalid(`${path}.metadata.labels`, labels, "`selector` does not match template `labels`"));
  }
  errors.push(...validatePodTemplate(template, path));
  const podSpec = objectAt(template, "spec");
  const policy = textAt(podSpec, "restartPolicy");
  if (policy !== "Always") errors.push(notSupported(`${path}.spec.restartPolicy`, policy, ["Always"]));
  if (numberAt(podSpec, "activeDeadlineSeconds") !== undefined) {
    const text = "activeDeadlineSeconds in ReplicationController is not Supported";
    errors.push(forbidden(`${path}.spec.activeDeadlineSeconds`, text));
  }
  return errors;
}
