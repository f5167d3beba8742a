// ResourceSlices: the devices that a driver offers, on one node or on those that a selector finds.
import type {
  Counter,
  Device,
  DeviceAttribute,
  DeviceTaint,
  NodeSelector,
  NodeSelectorTerm,
  ResourcePool,
  ResourceSliceSpec,
} from "../generated/types.generated.ts";
import { duplicate, forbidden, invalid, required, tooLong, tooMany } from "../meta/field-error.ts";
import { objectAt } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain, labelKey, labelValue } from "../meta/names.ts";
import { checkEnum, checkText, type Errors } from "../validation/basics.ts";
import { checkUnchanged } from "../validation/changes.ts";
import { attributeName, checkCount, checkDriver, checkNamesOnce } from "../validation/device-claims.ts";
import { checkNodeSelector } from "../validation/scheduling.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const devicesMax = 128;
/** Where devices have taints, counters or lists, which cost more. */
const elaborateDevicesMax = 64;
const attributesMax = 32;
const attributeLengthMax = 64;
const taintsMax = 16;
const counterSetsMax = 8;
const countersMax = 32;
const poolNameMax = 253;
const semver =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;

export const resourceSlices: KindStrategy = defineStrategy({
  namespaced: false,
  metaPasses: ["change"],
  generationFields: ["spec"],
  selectorFields: ["spec.nodeName", "spec.driver"],
  selectorValues: (object) => {
    const { nodeName = "", driver = "" } = sparse<ResourceSliceSpec>(objectAt(object, "spec") ?? {});
    return { "spec.nodeName": nodeName, "spec.driver": driver };
  },
  validate: (object) => {
    const spec = sparse<ResourceSliceSpec>(objectAt(object, "spec") ?? {});
    const { driver = "", pool = {}, devices = [], sharedCounters = [] } = spec;
    const errors: Errors = [];
    checkDriver(errors, "spec.driver", driver);
    checkPool(errors, "spec.pool", pool);
    checkPlace(errors, "spec", spec, { forWhom: "", fields: sliceFields });
    if (spec.nodeSelector !== undefined && (spec.nodeSelector.nodeSelectorTerms ?? []).length !== 1) {
      const field = "spec.nodeSelector.nodeSelectorTerms";
      errors.push(invalid(field, undefined, "must have exactly one node selector term"));
    }
    if (sharedCounters.length > 0 && devices.length > 0) {
      errors.push(invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed"));
    }
    checkCount(errors, "spec.devices", devices, devices.some(isElaborate) ? elaborateDevicesMax : devicesMax);
    checkNamesOnce(errors, "spec.devices", devices);
    const perDevice = spec.perDeviceNodeSelection === true;
    devices.forEach((device, i) => checkDevice(errors, `spec.devices[${i}]`, device, perDevice));
    checkCount(errors, "spec.sharedCounters", sharedCounters, counterSetsMax);
    checkNamesOnce(errors, "spec.sharedCounters", sharedCounters);
    sharedCounters.forEach(({ name = "", counters = {} }, i) => {
      checkCounters(errors, `spec.sharedCounters[${i}]`, { field: "name", name, counters });
    });
    return errors;
  },
  validateChange: (next, old) => {
    const [spec, before] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
    const errors: Errors = [];
    checkUnchanged(errors, "spec.pool.", [objectAt(spec, "pool") ?? {}, objectAt(before, "pool") ?? {}], ["name"]);
    checkUnchanged(errors, "spec.", [spec, before], ["driver", "nodeName"]);
    return errors;
  },
});

function checkPool(errors: Errors, path: string, pool: Sparse<ResourcePool>): void {
  const { name = "", resourceSliceCount = 0, generation = 0 } = pool;
  if (name === "") errors.push(required(`${path}.name`));
  else {
    if (name.length > poolNameMax) errors.push(tooLong(`${path}.name`, poolNameMax));
    for (const part of name.split("/")) checkText(errors, `${path}.name`, part, dns1123Subdomain);
  }
  if (resourceSliceCount <= 0) {
    errors.push(invalid(`${path}.resourceSliceCount`, resourceSliceCount, "must be greater than zero"));
  }
  if (generation < 0) errors.push(invalid(`${path}.generation`, generation, "must be greater than or equal to zero"));
}

interface Place {
  readonly nodeName?: string;
  readonly nodeSelector?: Sparse<NodeSelector>;
  readonly allNodes?: boolean;
  readonly perDeviceNodeSelection?: boolean;
}

const sliceFields = ["nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection"] as const;
const deviceFields = ["nodeName", "nodeSelector", "allNodes"] as const;

/** Where devices are, in exactly one of the ways that there are to say so. */
function checkPlace(
  errors: Errors,
  path: string,
  place: Place,
  { forWhom, fields }: { readonly forWhom: string; readonly fields: readonly (typeof sliceFields)[number][] },
): void {
  const { nodeName, nodeSelector } = place;
  if (nodeName === "") {
    errors.push(invalid(`${path}.nodeName`, nodeName, "must be either unset or set to a non-empty string"));
  } else if (nodeName !== undefined) checkText(errors, `${path}.nodeName`, nodeName, dns1123Subdomain);
  if (nodeSelector !== undefined) {
    const terms = nodeSelector.nodeSelectorTerms as readonly NodeSelectorTerm[] | undefined;
    checkNodeSelector(errors, `${path}.nodeSelector`, terms);
  }
  for (const flag of ["allNodes", "perDeviceNodeSelection"] as const) {
    if (place[flag] === false) errors.push(invalid(`${path}.${flag}`, false, "must be either unset or set to true"));
  }
  const given = fields.filter((field) => place[field] !== undefined && place[field] !== false && place[field] !== "");
  const text = `exactly one of ${fields.map((field) => `\`${field}\``).join(", ")} is required${forWhom}`;
  if (given.length === 0) errors.push(required(path, text));
  else if (given.length > 1) {
    const shown = `{${given.map((field) => `\`${field}\``).join(", ")}}`;
    errors.push(invalid(path, shown, `${text}, but multiple fields are set`));
  }
}

function isElaborate({ taints = [], consumesCounters = [], attributes = {} }: Sparse<Device>): boolean {
  const hasList = ({ bools, ints, strings, versions }: Sparse<DeviceAttribute>): boolean =>
    [bools, ints, strings, versions].some((list) => list !== undefined);
  return taints.length > 0 || consumesCounters.length > 0 || Object.values(attributes).some(hasList);
}

function checkDevice(errors: Errors, path: string, device: Sparse<Device>, perDevice: boolean): void {
  const { name = "", attributes = {}, capacity = {}, taints = [], consumesCounters = [] } = device;
  checkText(errors, `${path}.name`, name, dns1123Label);
  const count = Object.keys(attributes).length + Object.keys(capacity).length;
  if (count > attributesMax) {
    const text = `the total number of attributes and capacities must not exceed ${attributesMax}`;
    errors.push(invalid(path, count, text));
  }
  for (const [key, attribute] of Object.entries(attributes)) {
    checkText(errors, `${path}.attributes`, key, attributeName);
    checkAttribute(errors, `${path}.attributes[${key}]`, attribute);
  }
  for (const [key, { requestPolicy }] of Object.entries(capacity)) {
    checkText(errors, `${path}.capacity`, key, attributeName);
    if (requestPolicy !== undefined && device.allowMultipleAllocations !== true) {
      errors.push(forbidden(`${path}.capacity[${key}].requestPolicy`, "allowMultipleAllocations must be true"));
    }
  }
  checkCount(errors, `${path}.taints`, taints, taintsMax);
  taints.forEach((taint, i) => checkTaint(errors, `${path}.taints[${i}]`, taint));
  const sets = consumesCounters.map(({ counterSet = "" }) => counterSet);
  consumesCounters.forEach(({ counterSet = "", counters = {} }, i) => {
    const field = `${path}.consumesCounters[${i}]`;
    checkCounters(errors, field, { field: "counterSet", name: counterSet, counters });
    if (sets.indexOf(counterSet) < i) errors.push(duplicate(field, counterSet));
  });
  checkDevicePlace(errors, path, device, perDevice);
}

function checkDevicePlace(errors: Errors, path: string, device: Sparse<Device>, perDevice: boolean): void {
  if (perDevice) {
    const forWhom = " when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    checkPlace(errors, path, device, { forWhom, fields: deviceFields });
  } else if (deviceFields.some((field) => device[field] !== undefined)) {
    const text =
      "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    errors.push(invalid(path, undefined, text));
  }
}

function checkAttribute(errors: Errors, path: string, attribute: Sparse<DeviceAttribute>): void {
  const { string, version } = attribute;
  if (string !== undefined && string.length > attributeLengthMax) {
    errors.push(tooLong(`${path}.string`, attributeLengthMax));
  }
  if (version !== undefined) {
    if (!semver.test(version)) {
      errors.push(invalid(`${path}.version`, version, "must be a string compatible with semver.org spec 2.0.0"));
    }
    if (version.length > attributeLengthMax) errors.push(tooLong(`${path}.version`, attributeLengthMax));
  }
  if (Object.keys(attribute).length !== 1) errors.push(invalid(path, "", "exactly one value must be specified"));
}

function checkTaint(errors: Errors, path: string, taint: Sparse<DeviceTaint>): void {
  const { key = "", value = "", effect } = taint;
  checkText(errors, `${path}.key`, key, labelKey);
  if (value !== "") checkText(errors, `${path}.value`, value, labelValue);
  checkEnum(errors, `${path}.effect`, effect, ["NoExecute", "NoSchedule", "None"]);
}

function checkCounters(
  errors: Errors,
  path: string,
  set: { readonly field: string; readonly name: string; readonly counters: Readonly<Record<string, Sparse<Counter>>> },
): void {
  if (set.name === "") errors.push(required(`${path}.${set.field}`));
  else checkText(errors, `${path}.${set.field}`, set.name, dns1123Label);
  const names = Object.keys(set.counters);
  if (names.length === 0) errors.push(required(`${path}.counters`));
  if (names.length > countersMax) errors.push(tooMany(`${path}.counters`, names.length, countersMax));
  for (const name of names) checkText(errors, `${path}.counters`, name, dns1123Label);
}
