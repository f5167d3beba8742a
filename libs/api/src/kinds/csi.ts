// What drivers of container storage write: CSIDrivers, CSINodes, capacities, attachments.
import type {
  CSIDriverSpec,
  CSINodeDriver,
  CSINodeSpec,
  CSIStorageCapacity,
  VolumeAttachmentSpec,
} from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { isObject, listAt, objectAt, semanticEqual, textAt } from "../meta/mutable.ts";
import { dns1123Subdomain, qualifiedName } from "../meta/names.ts";
import { compareQuantities, isQuantity, parseQuantity } from "../quantity/quantity.ts";
import {
  checkEnum,
  checkLabelSelector,
  checkNonNegative,
  checkText,
  type Errors,
  immutable,
} from "../validation/basics.ts";
import { checkUnchanged, goStruct } from "../validation/changes.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const driverNameMax = 63;
const nodeIdMax = 192;
const tokenSecondsMin = 600;
const tokenSecondsMax = 2 ** 32;
const allocatableUpdateSecondsMin = 10;
const lifecycleModes = ["Persistent", "Ephemeral"];
const driverGroupPolicies = ["File", "None", "ReadWriteOnceWithFSType"];

/** Drivers' names are compared without case, so any case will do. */
export function checkDriverName(errors: Errors, path: string, name: string): void {
  if (name === "") {
    errors.push(required(path));
    return;
  }
  if (name.length > driverNameMax) {
    errors.push({ type: "FieldValueTooLong", field: path, detail: `may not be more than ${driverNameMax} bytes` });
  }
  for (const text of dns1123Subdomain(name.toLowerCase())) errors.push(invalid(path, name, text));
}

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
    if (audiences.has(audience)) errors.push(duplicate(`${field}.audience`, audience));
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
    return driversOf(old).flatMap((before) => {
      const now = after.find((driver) => textAt(driver, "name") === textAt(before, "name"));
      if (now === undefined || semanticEqual(fixed(now), fixed(before))) return [];
      return [immutable("spec.drivers", goStruct("io.k8s.api.storage.v1.CSINodeDriver", fixed(now)))];
    });
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
    for (const text of qualifiedName(key)) errors.push(invalid(path, topologyKeys, text));
  });
}

export const csiStorageCapacities: KindStrategy = defineStrategy({
  namespaced: true,
  validate: (object) => {
    const { nodeTopology, storageClassName = "", capacity, maximumVolumeSize } = sparse<CSIStorageCapacity>(object);
    const errors: Errors = [];
    checkLabelSelector(errors, "nodeTopology", nodeTopology);
    checkText(errors, "storageClassName", storageClassName, dns1123Subdomain);
    checkNonNegativeQuantity(errors, "capacity", capacity);
    checkNonNegativeQuantity(errors, "maximumVolumeSize", maximumVolumeSize);
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
  validate: (object) => {
    const { attacher = "", nodeName = "", source = {} } = sparse<VolumeAttachmentSpec>(objectAt(object, "spec") ?? {});
    const errors: Errors = [];
    checkDriverName(errors, "spec.attacher", attacher);
    checkAttachedSource(errors, "spec.source", source);
    checkText(errors, "spec.nodeName", nodeName, dns1123Subdomain);
    return errors;
  },
  validateChange: (next, old) => {
    const [spec, before] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
    if (semanticEqual(spec, before)) return [];
    return [immutable("spec", goStruct("io.k8s.api.storage.v1.VolumeAttachmentSpec", spec))];
  },
});

function checkAttachedSource(
  errors: Errors,
  path: string,
  source: NonNullable<Sparse<VolumeAttachmentSpec>["source"]>,
): void {
  const { persistentVolumeName: name, inlineVolumeSpec: inline } = source;
  const exactlyOne = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  if (inline === undefined && name === undefined) errors.push(required(path, exactlyOne));
  else if (inline !== undefined && name !== undefined) errors.push(forbidden(path, exactlyOne));
  else if (name === "") {
    errors.push(required(`${path}.persistentVolumeName`, "must specify non empty persistentVolumeName"));
  }
}
