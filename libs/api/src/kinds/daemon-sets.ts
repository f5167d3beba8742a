// DaemonSets: a pod on every node that fits.
import type { DaemonSetSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { invalid, notSupported, required } from "../meta/field-error.ts";
import { childOf, type MutableObject, objectAt, semanticEqual, textAt, typed } from "../meta/mutable.ts";
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
import { collisionChange, selectorChange, statusCounts } from "./scale.ts";
import type { KindStrategy } from "./strategy.ts";

/** An old field of DaemonSets, which apps/v1 still shows as an annotation. */
export const templateGenerationAnnotation = "deprecated.daemonset.template.generation";

export const daemonSets: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: ["change"],
  changesFirst: true,
  generationFields: ["spec"],
  initialStatus: { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
  prepareCreate: (object) => {
    dropUnservedTemplateFields(objectAt(object, "spec"));
    setTemplateGeneration(object, 1);
  },
  prepareUpdate: (next, old) => {
    dropUnservedTemplateFields(objectAt(next, "spec"), objectAt(old, "spec"));
    const annotations = objectAt(objectAt(old, "metadata") ?? {}, "annotations");
    const before = Number(textAt(annotations, templateGenerationAnnotation));
    const [template, oldTemplate] = [objectAt(next, "spec")?.["template"], objectAt(old, "spec")?.["template"]];
    setTemplateGeneration(next, semanticEqual(template, oldTemplate) ? before : before + 1);
  },
  validate: (object) => {
    const spec = objectAt(object, "spec") ?? {};
    const errors: Errors = [];
    errors.push(
      ...validateWorkload(spec, { name: "daemonset", selectorRequired: false, badSelector: "isNotSaidAgain" }),
    );
    const { updateStrategy, minReadySeconds, revisionHistoryLimit } = typed<Partial<DaemonSetSpec>>(spec);
    checkNonNegative(errors, "spec.minReadySeconds", minReadySeconds);
    const { type = "", rollingUpdate } = updateStrategy ?? {};
    if (type !== "RollingUpdate" && type !== "OnDelete") {
      errors.push(notSupported("spec.updateStrategy", shownStrategy(spec), ["RollingUpdate", "OnDelete"]));
    } else if (type === "RollingUpdate") {
      checkDaemonSetRollingUpdate(errors, "spec.updateStrategy.rollingUpdate", rollingUpdate);
    }
    checkNonNegative(errors, "spec.revisionHistoryLimit", revisionHistoryLimit);
    return errors;
  },
  validateChange: selectorChange,
  validateStatus: (next, old) => [
    ...statusCounts(next, [
      "currentNumberScheduled",
      "numberMisscheduled",
      "desiredNumberScheduled",
      "numberReady",
      "observedGeneration",
      "updatedNumberScheduled",
      "numberAvailable",
      "numberUnavailable",
      "collisionCount",
    ]),
    ...collisionChange(next, old),
  ],
});

const shownStrategy = (spec: JsonObject): JsonObject =>
  goStruct("io.k8s.api.apps.v1.DaemonSetUpdateStrategy", objectAt(spec, "updateStrategy") ?? {});

function setTemplateGeneration(object: MutableObject, generation: number): void {
  childOf(childOf(object, "metadata"), "annotations")[templateGenerationAnnotation] = String(generation);
}

type DaemonSetRollingUpdate = NonNullable<NonNullable<DaemonSetSpec["updateStrategy"]>["rollingUpdate"]>;

function checkDaemonSetRollingUpdate(errors: Errors, path: string, update: DaemonSetRollingUpdate | undefined): void {
  if (update === undefined) {
    errors.push(required(path));
    return;
  }
  const { maxUnavailable, maxSurge } = update;
  checkIntOrPercent(errors, `${path}.maxUnavailable`, maxUnavailable);
  checkIntOrPercent(errors, `${path}.maxSurge`, maxSurge);
  checkNotMoreThanAll(errors, `${path}.maxUnavailable`, maxUnavailable);
  checkNotMoreThanAll(errors, `${path}.maxSurge`, maxSurge);
  const [noneUnavailable, noSurge] = [isZeroIntOrPercent(maxUnavailable), isZeroIntOrPercent(maxSurge)];
  if (!noneUnavailable && !noSurge) {
    errors.push(invalid(`${path}.maxSurge`, maxSurge, "may not be set when maxUnavailable is non-zero"));
  } else if (noneUnavailable && noSurge) {
    errors.push(required(`${path}.maxUnavailable`, "cannot be 0 when maxSurge is 0"));
  }
}
