// Persistent volumes and claims for them. What a volume is never changes; a claim may be asked to grow.
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import {
  carryField,
  childOf,
  type MutableObject,
  objectAt,
  ownField,
  semanticEqual,
  textAt,
  typed,
} from "../meta/mutable.ts";
import { qualifiedName } from "../meta/names.ts";
import { timeText } from "../meta/time.ts";
import { compareQuantities, parseQuantity } from "../quantity/quantity.ts";
import { copyWithEmptied } from "../structure/emptied.ts";
import { type Errors, immutable } from "../validation/basics.ts";
import { goStruct } from "../validation/changes.ts";
import { persistentVolumeSourceOrder } from "../validation/go-layouts.ts";
import { checkPersistentVolumeSpec, persistentVolumeSources } from "../validation/persistent-volumes.ts";
import { checkBasicAmount, isNativeResource } from "../validation/resources.ts";
import { checkClaimSpec } from "../validation/storage.ts";
import { structDiff } from "../validation/struct-diff.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const oldClassAnnotation = "volume.beta.kubernetes.io/storage-class";
const resizeStates = [
  "ControllerResizeInProgress",
  "ControllerResizeInfeasible",
  "NodeResizeInProgress",
  "NodeResizeInfeasible",
  "NodeResizePending",
];

const specOf = (object: JsonObject): JsonObject => objectAt(object, "spec") ?? {};

export const persistentVolumes: KindStrategy = defineStrategy({
  namespaced: false,
  initialStatus: { phase: "Pending" },
  finalizers: ["kubernetes.io/pv-protection"],
  metaPasses: ["object", "object"],
  prepareCreate: (object, { nowMs }) => {
    childOf(object, "status")["lastPhaseTransitionTime"] = timeText(nowMs);
  },
  prepareStatusUpdate: (next, old, { nowMs }) => keepTransitionTime(next, old, nowMs),
  validate: validateVolume,
  validateChange: (next, old) => {
    const [spec, before] = [specOf(next), specOf(old)];
    // Kubernetes judges a changed volume once as a volume and once as part of the change.
    const errors: Errors = [...validateVolume(next)];
    const source = withoutNewSecret(spec, before);
    if (!semanticEqual(sourceOf(source), sourceOf(before))) {
      const shown = structDiff("io.k8s.api.core.v1.PersistentVolumeSpec", before, source, persistentVolumeSourceOrder);
      const text = `spec.persistentvolumesource is immutable after creation\n${shown}`;
      errors.push(forbidden("spec.persistentvolumesource", text));
    }
    const mode = ownField(spec, "volumeMode");
    if (mode !== ownField(before, "volumeMode")) errors.push(immutable("volumeMode", mode));
    const affinity = objectAt(before, "nodeAffinity");
    if (affinity !== undefined && !sameAffinity(objectAt(spec, "nodeAffinity"), affinity)) {
      const text = "field is immutable, except for updating from beta label to GA";
      const now = objectAt(spec, "nodeAffinity");
      const shown = now === undefined ? undefined : goStruct("io.k8s.api.core.v1.VolumeNodeAffinity", now);
      errors.push(invalid("nodeAffinity", shown, text));
    }
    const [name, oldName] = [
      ownField(spec, "volumeAttributesClassName"),
      ownField(before, "volumeAttributesClassName"),
    ];
    if (oldName !== undefined && name === undefined) {
      errors.push(forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden"));
    }
    return errors;
  },
});

/** When the phase last changed: said by whoever changes it, or now. */
function keepTransitionTime(next: MutableObject, old: JsonObject, nowMs: number): void {
  const [status, before] = [childOf(next, "status"), objectAt(old, "status") ?? {}];
  const key = "lastPhaseTransitionTime";
  const given = ownField(status, key);
  const changed = textAt(status, "phase") !== textAt(before, "phase");
  const said = given !== undefined && given !== ownField(before, key);
  if (changed && !said) status[key] = timeText(nowMs);
  else if (!changed && given === undefined) carryField(status, before, key);
}

function validateVolume(object: JsonObject): readonly FieldError[] {
  const errors: Errors = [];
  checkPersistentVolumeSpec(errors, "spec", specOf(object), textAt(objectAt(object, "metadata"), "name"));
  return errors;
}

function sourceOf(spec: JsonObject): JsonObject {
  return Object.fromEntries(persistentVolumeSources.map((field) => [field, ownField(spec, field)]));
}

/** The secret for growing a volume may be added later. */
function withoutNewSecret(spec: JsonObject, before: JsonObject): JsonObject {
  const [csi, oldCsi] = [objectAt(spec, "csi"), objectAt(before, "csi")];
  if (csi === undefined || oldCsi === undefined || objectAt(oldCsi, "controllerExpandSecretRef") !== undefined) {
    return spec;
  }
  const copy = copyWithEmptied(spec);
  delete childOf(copy, "csi")["controllerExpandSecretRef"];
  return copy;
}

/** Labels of nodes that have a newer name now. */
const newerLabels: Readonly<Record<string, string>> = {
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
  "beta.kubernetes.io/os": "kubernetes.io/os",
  "beta.kubernetes.io/arch": "kubernetes.io/arch",
  "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
};

function sameAffinity(next: JsonObject | undefined, old: JsonObject): boolean {
  if (semanticEqual(next, old)) return true;
  const renamed = (key: string, value: unknown): unknown =>
    key === "key" && typeof value === "string" ? (newerLabels[value] ?? value) : value;
  const withNewNames = JSON.parse(JSON.stringify(old, renamed)) as JsonObject;
  return semanticEqual(next, withNewNames);
}

export const persistentVolumeClaims: KindStrategy = defineStrategy({
  namespaced: true,
  initialStatus: { phase: "Pending" },
  finalizers: ["kubernetes.io/pvc-protection"],
  prepareCreate: (object) => {
    const spec = childOf(object, "spec");
    dropUnservedSource(spec, {});
    matchSources(spec);
  },
  prepareUpdate: (next, old) => dropUnservedSource(childOf(next, "spec"), specOf(old)),
  validate: (object) => {
    const errors: Errors = [];
    checkClaimSpec(errors, "spec", typed<Partial<PersistentVolumeClaimSpec>>(specOf(object)));
    return errors;
  },
  validateChange: validateClaimChange,
  validateStatus: validateClaimStatus,
});

/**
 * What a claim can't be filled from goes without a word: sources in other namespaces, and, in the old field, all that are
 * neither claims nor snapshots. A claim that has a source already keeps what it says.
 */
function dropUnservedSource(spec: MutableObject, before: JsonObject): void {
  const old = objectAt(before, "dataSourceRef");
  if (textAt(objectAt(spec, "dataSourceRef"), "namespace") !== "" && old === undefined) delete spec["dataSourceRef"];
  if (old !== undefined || objectAt(before, "dataSource") !== undefined) return;
  const source = objectAt(spec, "dataSource");
  if (source === undefined || objectAt(spec, "dataSourceRef") !== undefined) return;
  const name = `${textAt(source, "apiGroup")}/${textAt(source, "kind")}`;
  if (!["/PersistentVolumeClaim", "snapshot.storage.k8s.io/VolumeSnapshot"].includes(name)) delete spec["dataSource"];
}

/** Of the old field and the new one a new claim has both. */
function matchSources(spec: MutableObject): void {
  const [source, ref] = [objectAt(spec, "dataSource"), objectAt(spec, "dataSourceRef")];
  if (source !== undefined && ref === undefined) carryField(spec, { dataSourceRef: source }, "dataSourceRef");
  else if (ref !== undefined && source === undefined && textAt(ref, "namespace") === "") {
    const { namespace: _, ...local } = ref;
    carryField(spec, { dataSource: local }, "dataSource");
  }
}

function validateClaimChange(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const [spec, before] = [specOf(next), specOf(old)];
  const errors: Errors = [];
  const [annotation, oldAnnotation] = [oldClassOf(next), oldClassOf(old)];
  const moved = spec["storageClassName"] === oldAnnotation && ownField(before, "storageClassName") === undefined;
  const upgraded = oldAnnotation !== "" && moved && (annotation === "" || annotation === oldAnnotation);
  if (!upgraded && annotation !== oldAnnotation) {
    errors.push(immutable(`metadata.annotations.${oldClassAnnotation}`, annotation));
  }
  const rest = withChangeableFields(next, old);
  if (!semanticEqual(rest, before)) {
    const text =
      "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
    const shown = structDiff("io.k8s.api.core.v1.PersistentVolumeClaimSpec", before, rest);
    errors.push(forbidden("spec", `${text}\n${shown}`));
  }
  const [size, oldSize] = [requested(next), requested(old)];
  if (compareQuantities(size, oldSize) < 0) {
    const capacity = typed<PersistentVolumeClaim>(old).status?.capacity?.["storage"];
    if (compareQuantities(size, parseQuantity(capacity ?? "0")) <= 0) {
      errors.push(forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"));
    }
  }
  const mode = ownField(spec, "volumeMode");
  if (mode !== ownField(before, "volumeMode")) errors.push(immutable("volumeMode", mode));
  const [name, oldName] = [ownField(spec, "volumeAttributesClassName"), ownField(before, "volumeAttributesClassName")];
  if (oldName !== undefined && name === undefined) {
    errors.push(forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden"));
  } else if (oldName !== undefined && oldName !== "" && name === "") {
    errors.push(
      forbidden("spec.volumeAttributesClassName", "update from non-nil value to an empty string is forbidden"),
    );
  }
  return errors;
}

/** The new spec with everything put back that may change: what differs then is forbidden. */
function withChangeableFields(next: JsonObject, old: JsonObject): JsonObject {
  const [copy, before] = [copyWithEmptied(specOf(next)), specOf(old)];
  if (textAt(before, "volumeName") === "") carryField(copy, before, "volumeName");
  // A claim made without a class may get one.
  const annotation = oldClassOf(old);
  const named = ownField(copy, "storageClassName");
  if (ownField(before, "storageClassName") === undefined && (annotation === "" || named === annotation)) {
    carryField(copy, before, "storageClassName");
  }
  if (textAt(objectAt(next, "status"), "phase") !== "Bound") return copy;
  const requests = objectAt(objectAt(copy, "resources") ?? {}, "requests");
  if (requests !== undefined) {
    carryField(requests as MutableObject, objectAt(objectAt(before, "resources") ?? {}, "requests") ?? {}, "storage");
  }
  if (ownField(copy, "volumeAttributesClassName") !== undefined) carryField(copy, before, "volumeAttributesClassName");
  return copy;
}

function oldClassOf(object: JsonObject): string {
  return textAt(objectAt(objectAt(object, "metadata") ?? {}, "annotations"), oldClassAnnotation);
}

function requested(object: JsonObject): ReturnType<typeof parseQuantity> {
  return parseQuantity(typed<PersistentVolumeClaim>(object).spec?.resources?.requests?.["storage"] ?? "0");
}

function validateClaimStatus(next: JsonObject): readonly FieldError[] {
  const { spec, status = {} } = typed<PersistentVolumeClaim>(next);
  const errors: Errors = [];
  if ((spec?.accessModes ?? []).length === 0) errors.push(required("Spec.accessModes"));
  for (const [name, value] of Object.entries(status.capacity ?? {})) {
    checkBasicAmount(errors, `status.capacity[${name}]`, value);
  }
  for (const [name, state] of Object.entries(status.allocatedResourceStatuses ?? {})) {
    checkClaimResource(errors, "status.allocatedResourceStatus", name);
    if (!resizeStates.includes(state)) {
      errors.push(notSupported("status.allocatedResourceStatus", name, resizeStates));
    }
  }
  for (const [name, value] of Object.entries(status.allocatedResources ?? {})) {
    const known = checkClaimResource(errors, "status.allocatedResources", name);
    if (known) checkBasicAmount(errors, `status.allocatedResources[${name}]`, value);
  }
  return errors;
}

/** Of Kubernetes' own resources a claim has only storage. */
function checkClaimResource(errors: Errors, path: string, name: string): boolean {
  const texts = qualifiedName(name);
  for (const text of texts) errors.push(invalid(path, name, text));
  if (texts.length > 0) return false;
  if (name === "storage" || !isNativeResource(name)) return true;
  errors.push(notSupported(path, name, ["storage"]));
  return false;
}
