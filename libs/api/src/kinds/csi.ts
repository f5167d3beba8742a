// What drivers of container storage write: CSIDrivers, CSINodes, capacities, attachments.
import type {
  CSIDriverSpec,
  CSINodeDriver,
  CSINodeSpec,
  CSIStorageCapacity,
  VolumeAttachment,
  VolumeAttachmentSpec,
  VolumeAttachmentStatus,
} from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
  tooLong,
} from "../meta/field-error.ts";
import { isObject, listAt, objectAt, ownField, semanticEqual, textAt } from "../meta/mutable.ts";
import { dns1123Subdomain, qualifiedName } from "../meta/names.ts";
import { compareQuantities, isQuantity, parseQuantity } from "../quantity/quantity.ts";
import {
  checkEnum,
  checkLabelSelector,
  checkNonNegative,
  checkRange,
  checkText,
  type Errors,
  immutable,
} from "../validation/basics.ts";
import { checkUnchanged, goStruct } from "../validation/changes.ts";
import { checkInlineVolumeSpec } from "../validation/persistent-volumes.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { checkDriverName } from "../validation/volume-sources.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const nodeIdMax = 256;
const attachmentMetadataLengthMax = 256 * 1024;
const errorMessageLengthMax = 1024;
const errorCodeMax = 2 ** 31 - 1;
const tokenSecondsMin = 600;
const tokenSecondsMax = 2 ** 32;
const allocatableUpdateSecondsMin = 10;
const lifecycleModes = ["Persistent", "Ephemeral"];
const driverGroupPolicies = ["File", "None", "ReadWriteOnceWithFSType"];

export const csiDrivers: KindStrategy = defineStrategy({
  namespaced: false,
  allowUnconditionalUpdate: false,
  validate: (object) => {
    const spec = sparse<CSIDriverSpec>(objectAt(object, "spec") ?? {});
    const errors: Errors = [];
    if (spec.attachRequired === undefined) errors.push(required("spec.attachedRequired"));
    for (const field of ["podInfoOnMount", "storageCapacity"] as const) {
      if (spec[field] === undefined) errors.push(required(`spec.${field}`));
    }
    if (spec.fsGroupPolicy === undefined) errors.push(required("spec.fsGroupPolicy"));
    else checkEnum(errors, "spec.fsGroupPolicy", spec.fsGroupPolicy, driverGroupPolicies, "unsupported");
    checkTokenRequests(errors, "spec.tokenRequests", spec.tokenRequests ?? []);
    for (const mode of spec.volumeLifecycleModes ?? []) {
      if (!lifecycleModes.includes(mode)) {
        errors.push(notSupported("spec.volumeLifecycleModes", mode, lifecycleModes));
      }
    }
    const period = spec.nodeAllocatableUpdatePeriodSeconds;
    if (period !== undefined && period < allocatableUpdateSecondsMin) {
      const text = `must be greater than or equal to ${allocatableUpdateSecondsMin} seconds`;
      errors.push(invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, text));
    }
    return errors;
  },
  validateChange: (next, old) => {
    const [spec, before] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
    const errors: Errors = [];
    if (spec["attachRequired"] !== before["attachRequired"]) {
      errors.push(immutable("spec.attachedRequired", spec["attachRequired"]));
    }
    checkUnchanged(errors, "spec.", [spec, before], ["volumeLifecycleModes"]);
    return errors;
  },
});

function checkTokenRequests(
  errors: Errors,
  path: string,
  requests: NonNullable<Sparse<CSIDriverSpec>["tokenRequests"]>,
): void {
  const audiences = new Set<string>();
  requests.forEach(({ audience = "", expirationSeconds: seconds }, i) => {
    const field = `${path}[${i}]`;
    if (audiences.has(audience)) {
      errors.push(duplicate(`${field}.audience`, audience));
      return;
    }
    audiences.add(audience);
    if (seconds === undefined) return;
    if (seconds < tokenSecondsMin) {
      errors.push(invalid(`${field}.expirationSeconds`, seconds, "may not specify a duration less than 10 minutes"));
    }
    if (seconds > tokenSecondsMax) {
      errors.push(
        invalid(`${field}.expirationSeconds`, seconds, "may not specify a duration larger than 2^32 seconds"),
      );
    }
  });
}

export const csiNodes: KindStrategy = defineStrategy({
  namespaced: false,
  allowUnconditionalUpdate: false,
  validate: (object) => {
    const errors: Errors = [];
    const names = new Set<string>();
    (sparse<CSINodeSpec>(objectAt(object, "spec") ?? {}).drivers ?? []).forEach((driver, i) => {
      const path = `spec.drivers[${i}]`;
      checkNodeDriver(errors, path, driver);
      const { name = "" } = driver;
      if (names.has(name)) errors.push(duplicate(`${path}.name`, name));
      names.add(name);
    });
    return errors;
  },
  validateChange: (next, old) => {
    const driversOf = (object: JsonObject): readonly JsonObject[] =>
      listAt(objectAt(object, "spec") ?? {}, "drivers").filter(isObject);
    // How many volumes a node takes may change, what the driver registered may not.
    const fixed = ({ allocatable: _, ...driver }: JsonObject): JsonObject => driver;
    const after = driversOf(next);
    return driversOf(old).flatMap((before) =>
      after
        .filter((now) => textAt(now, "name") === textAt(before, "name") && !semanticEqual(fixed(now), fixed(before)))
        .map((now) => immutable("spec.drivers", goStruct("io.k8s.api.storage.v1.CSINodeDriver", fixed(now)))),
    );
  },
});

function checkNodeDriver(errors: Errors, path: string, driver: Sparse<CSINodeDriver>): void {
  const { name = "", nodeID: nodeId = "", topologyKeys = [], allocatable } = driver;
  checkDriverName(errors, `${path}.name`, name);
  if (nodeId === "") errors.push(required(`${path}.nodeID`));
  else if (nodeId.length > nodeIdMax) {
    errors.push(invalid(`${path}.nodeID`, nodeId, `must be ${nodeIdMax} characters or less`));
  }
  checkNonNegative(errors, `${path}.allocatable.count`, allocatable?.count);
  topologyKeys.forEach((key, i) => {
    if (key === "") errors.push(required(path));
    if (topologyKeys.indexOf(key) < i) errors.push(duplicate(path, key));
    checkText(errors, path, key, qualifiedName);
  });
}

export const csiStorageCapacities: KindStrategy = defineStrategy({
  namespaced: true,
  validate: (object) => {
    const { nodeTopology, storageClassName = "", capacity } = sparse<CSIStorageCapacity>(object);
    const errors: Errors = [];
    checkLabelSelector(errors, "nodeTopology", nodeTopology);
    checkText(errors, "storageClassName", storageClassName, dns1123Subdomain);
    // What one volume may have at most is not judged.
    checkNonNegativeQuantity(errors, "capacity", capacity);
    return errors;
  },
  validateChange: (next, old) => {
    const errors: Errors = [];
    checkUnchanged(errors, "", [next, old], ["nodeTopology", "storageClassName"]);
    return errors;
  },
});

function checkNonNegativeQuantity(errors: Errors, path: string, quantity: string | undefined): void {
  if (quantity === undefined || !isQuantity(quantity)) return;
  if (compareQuantities(parseQuantity(quantity), parseQuantity("0")) < 0) {
    errors.push(invalid(path, quantity, "must be greater than or equal to 0"));
  }
}

export const volumeAttachments: KindStrategy = defineStrategy({
  namespaced: false,
  allowUnconditionalUpdate: false,
  initialStatus: { attached: false },
  validate: validateAttachment,
  validateNew: (object) => {
    const name = sparse<VolumeAttachment>(object).spec?.source?.persistentVolumeName;
    const errors: Errors = [];
    if (name !== undefined) checkText(errors, "spec.source.persistentVolumeName", name, dns1123Subdomain);
    return errors;
  },
  validateChange: attachmentKept,
  validateStatus: (next, old) => [...validateAttachment(next), ...attachmentKept(next, old)],
});

function attachmentKept(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const [spec, before] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
  if (semanticEqual(spec, before)) return [];
  return [immutable("spec", goStruct("io.k8s.api.storage.v1.VolumeAttachmentSpec", spec))];
}

function validateAttachment(object: JsonObject): readonly FieldError[] {
  const spec = objectAt(object, "spec") ?? {};
  const { attacher = "", nodeName = "" } = sparse<VolumeAttachmentSpec>(spec);
  const errors: Errors = [];
  checkDriverName(errors, "spec.attacher", attacher);
  checkAttachedSource(errors, "spec.source", objectAt(spec, "source") ?? {});
  checkText(errors, "spec.nodeName", nodeName, dns1123Subdomain);
  const { attachmentMetadata = {}, ...status } = sparse<VolumeAttachmentStatus>(objectAt(object, "status") ?? {});
  if (Object.entries(attachmentMetadata).flat().join("").length > attachmentMetadataLengthMax) {
    errors.push(tooLong("status.attachmentMetadata", attachmentMetadataLengthMax));
  }
  for (const field of ["attachError", "detachError"] as const) {
    const { message = "", errorCode = 0 } = status[field] ?? {};
    // Kubernetes names the bound of the metadata here.
    if (message.length > errorMessageLengthMax) {
      errors.push(tooLong(`status.${field}.message`, attachmentMetadataLengthMax));
    }
    checkRange(errors, `status.${field}.errorCode`, errorCode, 0, errorCodeMax);
  }
  return errors;
}

function checkAttachedSource(errors: Errors, path: string, source: JsonObject): void {
  const [name, inline] = [ownField(source, "persistentVolumeName"), objectAt(source, "inlineVolumeSpec")];
  const exactlyOne = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  if (inline === undefined && name === undefined) errors.push(required(path, exactlyOne));
  else if (inline !== undefined && name !== undefined) errors.push(forbidden(path, exactlyOne));
  else if (name === "") {
    errors.push(required(`${path}.persistentVolumeName`, "must specify non empty persistentVolumeName"));
  } else if (inline !== undefined) checkInlineVolumeSpec(errors, `${path}.inlineVolumeSpec`, inline);
}
