// Deployments and ReplicaSets: a number of equal pods; a selector that fits the template and never changes, a generation
// that counts changes of the spec, a scale.
import type { DeploymentSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { numberAt, objectAt, typed } from "../meta/mutable.ts";
import {
  checkIntOrPercent,
  checkNonNegative,
  checkNotMoreThanAll,
  type Errors,
  isZeroIntOrPercent,
} from "../validation/basics.ts";
import { goStruct } from "../validation/changes.ts";
import { validateWorkload } from "../validation/pod-template.ts";
import { defineStrategy } from "./generic.ts";
import { dropUnservedTemplateFields } from "./pod-preparation.ts";
import { collisionChange, replicaScale, selectorChange, statusCounts, statusOrder } from "./scale.ts";
import type { KindStrategy } from "./strategy.ts";

export const deployments: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: ["change"],
  generationFields: ["spec", "metadata.annotations"],
  initialStatus: {},
  statusKeepsLabels: true,
  scale: replicaScale,
  prepareCreate: (object) => dropUnservedTemplateFields(objectAt(object, "spec")),
  prepareUpdate: (next, old) => dropUnservedTemplateFields(objectAt(next, "spec"), objectAt(old, "spec")),
  validate: (object) => validateDeployment(objectAt(object, "spec") ?? {}),
  validateChange: selectorChange,
  validateStatus: (next, old) => [
    ...statusCounts(next, [
      "observedGeneration",
      "replicas",
      "updatedReplicas",
      "readyReplicas",
      "availableReplicas",
      "unavailableReplicas",
      "terminatingReplicas",
      "collisionCount",
    ]),
    ...statusOrder(next, ["updatedReplicas", "readyReplicas", "availableReplicas"]),
    ...collisionChange(next, old),
  ],
});

function validateDeployment(object: JsonObject): readonly FieldError[] {
  const spec = typed<Partial<DeploymentSpec>>(object);
  const errors: Errors = [];
  checkNonNegative(errors, "spec.replicas", spec.replicas);
  errors.push(...validateWorkload(object, { name: "deployment", selectorRequired: true, badSelector: "endsAll" }));
  const { type = "", rollingUpdate } = spec.strategy ?? {};
  if (type !== "Recreate" && type !== "RollingUpdate") {
    const shown = goStruct("io.k8s.api.apps.v1.DeploymentStrategy", objectAt(object, "strategy") ?? {});
    errors.push(notSupported("spec.strategy", shown, ["Recreate", "RollingUpdate"]));
  } else if (type === "Recreate" && rollingUpdate !== undefined) {
    errors.push(forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'"));
  } else if (type === "RollingUpdate") {
    const path = "spec.strategy.rollingUpdate";
    const { maxUnavailable, maxSurge } = rollingUpdate ?? {};
    if (rollingUpdate === undefined) errors.push(required(path, "this should be defaulted and never be nil"));
    checkIntOrPercent(errors, `${path}.maxUnavailable`, maxUnavailable);
    checkIntOrPercent(errors, `${path}.maxSurge`, maxSurge);
    if (rollingUpdate !== undefined && isZeroIntOrPercent(maxUnavailable) && isZeroIntOrPercent(maxSurge)) {
      errors.push(invalid(`${path}.maxUnavailable`, maxUnavailable ?? 0, "may not be 0 when `maxSurge` is 0"));
    }
    checkNotMoreThanAll(errors, `${path}.maxUnavailable`, maxUnavailable);
  }
  checkNonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds);
  checkNonNegative(errors, "spec.revisionHistoryLimit", spec.revisionHistoryLimit);
  const deadline = spec.progressDeadlineSeconds;
  checkNonNegative(errors, "spec.progressDeadlineSeconds", deadline);
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
    errors.push(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"));
  }
  return errors;
}

export const replicaSets: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: ["change"],
  generationFields: ["spec"],
  initialStatus: { replicas: 0 },
  scale: replicaScale,
  prepareCreate: (object) => dropUnservedTemplateFields(objectAt(object, "spec")),
  prepareUpdate: (next, old) => dropUnservedTemplateFields(objectAt(next, "spec"), objectAt(old, "spec")),
  selectorFields: ["status.replicas"],
  selectorValues: (object) => ({ "status.replicas": String(numberAt(objectAt(object, "status"), "replicas") ?? 0) }),
  validate: (object) => {
    const spec = objectAt(object, "spec") ?? {};
    const errors: Errors = [];
    checkNonNegative(errors, "spec.replicas", numberAt(spec, "replicas"));
    checkNonNegative(errors, "spec.minReadySeconds", numberAt(spec, "minReadySeconds"));
    // The recorded server calls a ReplicaSet a deployment here.
    const rules = { name: "deployment", selectorRequired: true, badSelector: "endsAll" } as const;
    return [...errors, ...validateWorkload(spec, rules)];
  },
  validateChange: selectorChange,
  validateStatus: (next) => [
    ...statusCounts(next, [
      "replicas",
      "fullyLabeledReplicas",
      "readyReplicas",
      "availableReplicas",
      "observedGeneration",
      "terminatingReplicas",
    ]),
    ...statusOrder(next, ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"]),
  ],
});
