// StatefulSets: pods that have names and volumes of their own and keep them.
import type { StatefulSetSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { forbidden, invalid, required } from "../meta/field-error.ts";
import {
  carryField,
  deepCopy,
  type MutableObject,
  objectAt,
  ownField,
  semanticEqual,
  textAt,
  typed,
} from "../meta/mutable.ts";
import { dns1123Label } from "../meta/names.ts";
import { copyWithEmptied } from "../structure/emptied.ts";
import {
  checkEnum,
  checkIntOrPercent,
  checkNonNegative,
  checkNotMoreThanAll,
  checkText,
  type Errors,
  isZeroIntOrPercent,
} from "../validation/basics.ts";
import { goStruct } from "../validation/changes.ts";
import { validateWorkload } from "../validation/pod-template.ts";
import { checkClaimSpec } from "../validation/storage.ts";
import { defineStrategy } from "./generic.ts";
import { dropUnservedTemplateFields } from "./pod-preparation.ts";
import { collisionChange, replicaScale, statusCounts, statusOrder } from "./scale.ts";
import type { KindStrategy } from "./strategy.ts";

const immutableText =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
  "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const mutableFields = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
];

export const statefulSets: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: ["change"],
  nameCheck: dns1123Label,
  generationFields: ["spec"],
  initialStatus: { replicas: 0, availableReplicas: 0 },
  scale: replicaScale,
  prepareCreate: (object) => dropUnserved(object),
  prepareUpdate: (next, old) => dropUnserved(next, old),
  validate: (object) => {
    const spec = objectAt(object, "spec") ?? {};
    const typedSpec = typed<Partial<StatefulSetSpec>>(spec);
    const errors: Errors = [];
    const policy = typedSpec.podManagementPolicy ?? "";
    if (policy === "") errors.push(required("spec.podManagementPolicy"));
    else if (policy !== "OrderedReady" && policy !== "Parallel") {
      errors.push(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"));
    }
    checkUpdateStrategy(errors, objectAt(spec, "updateStrategy") ?? {});
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
    const rules = { name: "statefulset", selectorRequired: true, badSelector: "hidesTemplate" } as const;
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
    for (const field of mutableFields) carryField(copy, before, field);
    return semanticEqual(copy, before) ? [] : [forbidden("spec", immutableText)];
  },
  validateStatus: (next, old) => [
    ...statusCounts(next, [
      "replicas",
      "readyReplicas",
      "currentReplicas",
      "updatedReplicas",
      "availableReplicas",
      "observedGeneration",
      "collisionCount",
    ]),
    ...statusOrder(next, ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"]),
    ...collisionChange(next, old),
  ],
});

/** How many pods may be unavailable at once is a feature of later versions. */
function dropUnserved(object: JsonObject, old?: JsonObject): void {
  const [spec, before] = [objectAt(object, "spec"), objectAt(old ?? {}, "spec")];
  dropUnservedTemplateFields(spec, before);
  const updateOf = (one: JsonObject | undefined): JsonObject | undefined =>
    objectAt(objectAt(one ?? {}, "updateStrategy") ?? {}, "rollingUpdate");
  const update = updateOf(spec);
  if (update === undefined || ownField(updateOf(before) ?? {}, "maxUnavailable") !== undefined) return;
  delete (update as MutableObject)["maxUnavailable"];
}

function checkUpdateStrategy(errors: Errors, strategy: JsonObject): void {
  const path = "spec.updateStrategy";
  const { type = "", rollingUpdate } = typed<NonNullable<StatefulSetSpec["updateStrategy"]>>(strategy);
  if (type === "") errors.push(required(path));
  else if (type === "OnDelete") {
    const text = "only allowed for updateStrategy 'RollingUpdate'";
    if (rollingUpdate !== undefined) {
      errors.push(invalid(`${path}.rollingUpdate`, objectAt(strategy, "rollingUpdate"), text));
    }
  } else if (type !== "RollingUpdate") {
    const shown = goStruct("io.k8s.api.apps.v1.StatefulSetUpdateStrategy", strategy);
    errors.push(invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'"));
  } else if (rollingUpdate !== undefined) {
    checkNonNegative(errors, `${path}.rollingUpdate.partition`, rollingUpdate.partition);
    const unavailable = rollingUpdate.maxUnavailable;
    if (unavailable === undefined) return;
    const field = `${path}.rollingUpdate.maxUnavailable`;
    checkIntOrPercent(errors, field, unavailable);
    if (isZeroIntOrPercent(unavailable)) errors.push(invalid(field, unavailable, "cannot be 0"));
    checkNotMoreThanAll(errors, field, unavailable);
  }
}

function withClaimVolumes(spec: JsonObject): JsonObject {
  const copy = copyWithEmptied(spec);
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
