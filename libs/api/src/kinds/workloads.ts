// Deployments, ReplicaSets, DaemonSets and StatefulSets: a selector that fits the template and never changes, a
// generation that counts changes of the spec, a scale.
import type { DaemonSetSpec, DeploymentSpec, LabelSelector, StatefulSetSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import {
  carryField,
  childOf,
  deepCopy,
  type MutableObject,
  numberAt,
  objectAt,
  semanticEqual,
  textAt,
  typed,
} from "../meta/mutable.ts";
import { dns1123Label } from "../meta/names.ts";
import { labelSelectorMatcher } from "../selectors/label-selector.ts";
import {
  checkEnum,
  checkIntOrPercent,
  checkNonNegative,
  checkNotMoreThanAll,
  checkText,
  type Errors,
  immutable,
  isZeroIntOrPercent,
} from "../validation/basics.ts";
import { validateWorkload } from "../validation/pod-template.ts";
import { checkClaimSpec } from "../validation/storage.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy, ScaleAccess } from "./strategy.ts";

const statefulSetText =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
  "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const statefulSetMutable = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
];

/** The scale of everything that has `spec.replicas`, `status.replicas` and a label selector. */
export const replicaScale: ScaleAccess = {
  get: (object) => {
    const metadata = objectAt(object, "metadata") ?? {};
    const spec = objectAt(object, "spec") ?? {};
    const selector = objectAt(spec, "selector");
    const shown: MutableObject = {};
    for (const key of ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"])
      carryField(shown, metadata, key);
    const text = selector === undefined ? "" : labelSelectorMatcher(typed<LabelSelector>(selector)).toString();
    return {
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: shown,
      spec: { replicas: numberAt(spec, "replicas") ?? 0 },
      status: {
        replicas: numberAt(objectAt(object, "status"), "replicas") ?? 0,
        ...(text === "" ? {} : { selector: text }),
      },
    };
  },
  set: (object, replicas) => {
    childOf(object, "spec")["replicas"] = replicas;
  },
};

/** What is wrong with a Scale that a client sent. */
export function validateScale(scale: JsonObject): readonly FieldError[] {
  const errors: Errors = [];
  checkNonNegative(errors, "spec.replicas", numberAt(objectAt(scale, "spec"), "replicas"));
  return errors;
}

function selectorChange(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const [selector, before] = [
    objectAt(objectAt(next, "spec") ?? {}, "selector"),
    objectAt(objectAt(old, "spec") ?? {}, "selector"),
  ];
  return semanticEqual(selector, before) ? [] : [immutable("spec.selector", selector)];
}

export function statusCounts(object: JsonObject, fields: readonly string[]): readonly FieldError[] {
  const errors: Errors = [];
  const status = objectAt(object, "status");
  for (const field of fields) checkNonNegative(errors, `status.${field}`, numberAt(status, field));
  return errors;
}

/** Replicas that are ready or available are replicas. */
export function statusOrder(object: JsonObject): readonly FieldError[] {
  const status = objectAt(object, "status");
  const count = (field: string): number => numberAt(status, field) ?? 0;
  const errors: Errors = [];
  const atMost = (field: string, bound: string): void => {
    if (count(field) > count(bound)) {
      errors.push(invalid(`status.${field}`, count(field), `cannot be greater than status.${bound}`));
    }
  };
  atMost("readyReplicas", "replicas");
  atMost("availableReplicas", "replicas");
  atMost("availableReplicas", "readyReplicas");
  return errors;
}

export const deployments: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: ["change"],
  generationFields: ["spec", "metadata.annotations"],
  initialStatus: {},
  statusKeepsLabels: true,
  scale: replicaScale,
  validate: (object) => validateDeployment(objectAt(object, "spec") ?? {}),
  validateChange: selectorChange,
  validateStatus: (next) => [
    ...statusCounts(next, [
      "observedGeneration",
      "replicas",
      "updatedReplicas",
      "readyReplicas",
      "availableReplicas",
      "unavailableReplicas",
    ]),
    ...statusOrder(next),
  ],
});

function validateDeployment(object: JsonObject): readonly FieldError[] {
  const spec = typed<Partial<DeploymentSpec>>(object);
  const errors: Errors = [];
  checkNonNegative(errors, "spec.replicas", spec.replicas);
  errors.push(...validateWorkload(object, { name: "deployment", selectorRequired: true, reportsSelector: true }));
  const { type = "", rollingUpdate } = spec.strategy ?? {};
  if (type !== "Recreate" && type !== "RollingUpdate") {
    errors.push(notSupported("spec.strategy", objectAt(object, "strategy") ?? {}, ["Recreate", "RollingUpdate"]));
  } else if (type === "Recreate" && rollingUpdate !== undefined) {
    errors.push(forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'"));
  } else if (type === "RollingUpdate") {
    const path = "spec.strategy.rollingUpdate";
    const { maxUnavailable, maxSurge } = rollingUpdate ?? {};
    if (rollingUpdate === undefined) errors.push(required(path, "this should be defaulted and never be nil"));
    checkIntOrPercent(errors, `${path}.maxUnavailable`, maxUnavailable);
    checkIntOrPercent(errors, `${path}.maxSurge`, maxSurge);
    if (rollingUpdate !== undefined && isZeroIntOrPercent(maxUnavailable) && isZeroIntOrPercent(maxSurge)) {
      const plain = typeof maxUnavailable === "string" ? !/^\d+%$/.test(maxUnavailable) : false;
      if (!plain)
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
  selectorFields: ["status.replicas"],
  selectorValues: (object) => ({ "status.replicas": String(numberAt(objectAt(object, "status"), "replicas") ?? 0) }),
  validate: (object) => {
    const spec = objectAt(object, "spec") ?? {};
    const errors: Errors = [];
    checkNonNegative(errors, "spec.replicas", numberAt(spec, "replicas"));
    checkNonNegative(errors, "spec.minReadySeconds", numberAt(spec, "minReadySeconds"));
    // The recorded server calls a ReplicaSet a deployment here.
    const rules = { name: "deployment", selectorRequired: true, reportsSelector: true };
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
    ]),
    ...statusOrder(next),
  ],
});

export const daemonSets: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: ["change"],
  generationFields: ["spec"],
  initialStatus: { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
  prepareCreate: (object) => setTemplateGeneration(object, 1),
  prepareUpdate: (next, old) => {
    const annotations = objectAt(objectAt(old, "metadata") ?? {}, "annotations");
    const before = Number(textAt(annotations, templateGenerationAnnotation));
    const [template, oldTemplate] = [objectAt(next, "spec")?.["template"], objectAt(old, "spec")?.["template"]];
    setTemplateGeneration(next, semanticEqual(template, oldTemplate) ? before : before + 1);
  },
  validate: (object) => {
    const spec = objectAt(object, "spec") ?? {};
    const errors: Errors = [];
    errors.push(...validateWorkload(spec, { name: "daemonset", selectorRequired: false, reportsSelector: true }));
    const { updateStrategy, minReadySeconds, revisionHistoryLimit } = typed<Partial<DaemonSetSpec>>(spec);
    checkNonNegative(errors, "spec.minReadySeconds", minReadySeconds);
    const { type = "", rollingUpdate } = updateStrategy ?? {};
    if (type !== "RollingUpdate" && type !== "OnDelete") {
      errors.push(
        notSupported("spec.updateStrategy", objectAt(spec, "updateStrategy") ?? {}, ["RollingUpdate", "OnDelete"]),
      );
    } else if (type === "RollingUpdate") {
      checkDaemonSetRollingUpdate(errors, "spec.updateStrategy.rollingUpdate", rollingUpdate);
    }
    checkNonNegative(errors, "spec.revisionHistoryLimit", revisionHistoryLimit);
    return errors;
  },
  validateChange: selectorChange,
});

/** An old field of DaemonSets, which apps/v1 still shows as an annotation. */
export const templateGenerationAnnotation = "deprecated.daemonset.template.generation";

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

export const statefulSets: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: ["change"],
  nameCheck: dns1123Label,
  generationFields: ["spec"],
  initialStatus: { replicas: 0, availableReplicas: 0 },
  scale: replicaScale,
  validate: (object) => {
    const spec = objectAt(object, "spec") ?? {};
    const typedSpec = typed<Partial<StatefulSetSpec>>(spec);
    const errors: Errors = [];
    checkEnum(errors, "spec.podManagementPolicy", typedSpec.podManagementPolicy, ["OrderedReady", "Parallel"]);
    const { type = "", rollingUpdate } = typedSpec.updateStrategy ?? {};
    if (type === "") errors.push(required("spec.updateStrategy"));
    else if (type !== "RollingUpdate" && type !== "OnDelete") {
      errors.push(
        invalid("spec.updateStrategy", objectAt(spec, "updateStrategy"), "must be 'RollingUpdate' or 'OnDelete'"),
      );
    }
    checkNonNegative(errors, "spec.updateStrategy.rollingUpdate.partition", rollingUpdate?.partition);
    for (const field of ["whenDeleted", "whenScaled"] as const) {
      const value = typedSpec.persistentVolumeClaimRetentionPolicy?.[field];
      if (value !== undefined) {
        checkEnum(
          errors,
          `spec.persistentVolumeClaimRetentionPolicy.${field}`,
          value,
          ["Retain", "Delete"],
          "unsupported",
        );
      }
    }
    checkNonNegative(errors, "spec.replicas", typedSpec.replicas);
    checkNonNegative(errors, "spec.minReadySeconds", typedSpec.minReadySeconds);
    checkNonNegative(errors, "spec.ordinals.start", typedSpec.ordinals?.start);
    if ((typedSpec.serviceName ?? "") !== "")
      checkText(errors, "spec.serviceName", typedSpec.serviceName ?? "", dns1123Label);
    // Mounts may name claims that the controller will add as volumes.
    const rules = { name: "statefulset", selectorRequired: true, reportsSelector: false };
    return [...errors, ...validateWorkload(withClaimVolumes(spec), rules)];
  },
  validateNew: (object) => {
    const errors: Errors = [];
    const claims = typed<Partial<StatefulSetSpec>>(objectAt(object, "spec") ?? {}).volumeClaimTemplates ?? [];
    claims.forEach(({ spec = {} }, i) => checkClaimSpec(errors, `spec.volumeClaimTemplates[${i}].spec`, spec));
    return errors;
  },
  validateChange: (next, old) => {
    const copy = deepCopy(objectAt(next, "spec") ?? {});
    const before = objectAt(old, "spec") ?? {};
    for (const field of statefulSetMutable) carryField(copy, before, field);
    return semanticEqual(copy, before) ? [] : [forbidden("spec", statefulSetText)];
  },
});

function withClaimVolumes(spec: JsonObject): JsonObject {
  const copy = deepCopy(spec);
  const claims = typed<Partial<StatefulSetSpec>>(spec).volumeClaimTemplates ?? [];
  const podSpec = objectAt(objectAt(copy, "template") ?? {}, "spec");
  if (claims.length === 0 || podSpec === undefined) return copy;
  const volumes = Array.isArray(podSpec["volumes"]) ? podSpec["volumes"] : [];
  const added = claims.map(({ metadata }) => {
    const name = textAt(metadata === undefined ? undefined : ({ ...metadata } as JsonObject), "name");
    return { name, persistentVolumeClaim: { claimName: name } };
  });
  (podSpec as MutableObject)["volumes"] = [...added, ...(volumes as MutableObject[])];
  return copy;
}
