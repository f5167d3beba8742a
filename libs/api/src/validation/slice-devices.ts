// One device of a ResourceSlice: what it is, how much it has, who must keep off it, what it takes of shared counters.
import type { Counter, Device, DeviceAttribute, DeviceTaint, NodeSelectorTerm } from "../generated/types.generated.ts";
import { duplicate, invalid, required, tooLong, tooMany } from "../meta/field-error.ts";
import { dns1123Label, dns1123Subdomain, labelKey, labelValue } from "../meta/names.ts";
import { checkEnum, checkText, type Errors } from "./basics.ts";
import { checkCapacity } from "./device-capacity.ts";
import { deviceTaintEffects } from "./device-claims.ts";
import { checkAttributeName } from "./device-names.ts";
import { checkItems, checkSet } from "./lists.ts";
import { checkNodeSelector } from "./scheduling.ts";
import type { Sparse } from "./sparse.ts";

const attributesMax = 32;
const attributeLengthMax = 64;
/** The longest name of an attribute: a domain, a slash and an identifier. */
const attributeNameMax = 63 + 1 + 32;
const taintsMax = 16;
const consumptionsMax = 2;
const countersMax = 32;
const counterNameMax = 63;
const conditionsMax = 4;
const semver =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;

/** @param perDevice whether each device of the slice says where it is */
export function checkDevice(errors: Errors, path: string, device: Sparse<Device>, perDevice: boolean): void {
  const { name = "", attributes = {}, capacity = {}, taints = [], consumesCounters = [] } = device;
  checkText(errors, `${path}.name`, name, dns1123Label);
  const count = Object.keys(attributes).length + Object.keys(capacity).length;
  if (count > attributesMax) {
    const text = `the total number of attributes and capacities must not exceed ${attributesMax}`;
    errors.push(invalid(path, count, text));
  }
  for (const [key, attribute] of Object.entries(attributes)) {
    const field = `${path}.attributes[${shortened(key, attributeNameMax)}]`;
    checkAttributeName(errors, field, key);
    checkAttribute(errors, field, attribute);
  }
  for (const [key, amount] of Object.entries(capacity)) {
    const field = `${path}.capacity[${shortened(key, attributeNameMax)}]`;
    checkAttributeName(errors, field, key);
    checkCapacity(errors, field, amount, device.allowMultipleAllocations === true);
  }
  checkItems(errors, `${path}.taints`, taints, { max: taintsMax, check: (taint, at) => checkTaint(errors, at, taint) });
  checkSet(errors, `${path}.consumesCounters`, consumesCounters, {
    max: consumptionsMax,
    keyOf: ({ counterSet = "" }) => counterSet,
    check: ({ counterSet = "", counters = {} }, at) =>
      checkCounters(errors, at, { field: "counterSet", name: counterSet, counters }),
  });
  checkPlace(errors, path, device, perDevice);
  checkBinding(errors, path, device);
}

function checkPlace(errors: Errors, path: string, device: Sparse<Device>, perDevice: boolean): void {
  const { nodeName, nodeSelector, allNodes } = device;
  if (!perDevice) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return;
    const text =
      "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    errors.push(invalid(path, undefined, text));
    return;
  }
  const given: string[] = [];
  if (nodeName === "") errors.push(invalid(`${path}.nodeName`, nodeName, "must not be empty"));
  else if (nodeName !== undefined) {
    given.push("`nodeName`");
    checkText(errors, `${path}.nodeName`, nodeName, dns1123Subdomain);
  }
  if (nodeSelector !== undefined) {
    given.push("`nodeSelector`");
    const terms = nodeSelector.nodeSelectorTerms as readonly NodeSelectorTerm[] | undefined;
    checkNodeSelector(errors, `${path}.nodeSelector`, terms);
  }
  if (allNodes === true) given.push("`allNodes`");
  else if (allNodes === false) {
    errors.push(invalid(`${path}.allNodes`, false, "must be either unset or set to true"));
  }
  const text =
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
  if (given.length === 0) errors.push(required(path, text));
  else if (given.length > 1) errors.push(invalid(path, `{${given.join(", ")}}`, text));
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
  checkEnum(errors, `${path}.effect`, effect, deviceTaintEffects);
}

/** Counters of a set, or what a device takes of them. */
export function checkCounters(
  errors: Errors,
  path: string,
  set: { readonly field: string; readonly name: string; readonly counters: Readonly<Record<string, Sparse<Counter>>> },
): void {
  if (set.name === "") errors.push(required(`${path}.${set.field}`));
  else checkText(errors, `${path}.${set.field}`, set.name, dns1123Label);
  const names = Object.keys(set.counters);
  if (names.length === 0) errors.push(required(`${path}.counters`));
  if (names.length > countersMax) errors.push(tooMany(`${path}.counters`, names.length, countersMax));
  else
    for (const name of names) {
      checkText(errors, `${path}.counters[${shortened(name, counterNameMax)}]`, name, dns1123Label);
    }
}

interface Binding {
  readonly bindingConditions?: readonly string[];
  readonly bindingFailureConditions?: readonly string[];
}

/** Conditions that a pod waits for before it is bound, and those that end the wait: there are both or none. */
export function checkBinding(errors: Errors, path: string, binding: Binding): void {
  const { bindingConditions: awaited = [], bindingFailureConditions: failures = [] } = binding;
  const [field, failureField] = [`${path}.bindingConditions`, `${path}.bindingFailureConditions`];
  const check = (name: string, at: string): void => checkText(errors, at, name, labelKey);
  checkItems(errors, field, awaited, { max: conditionsMax, check });
  checkItems(errors, failureField, failures, { max: conditionsMax, check });
  awaited.forEach((name, i) => {
    if (awaited.indexOf(name) < i) errors.push(duplicate(`${field}[${i}]`, name));
  });
  failures.forEach((name, i) => {
    const at = `${failureField}[${i}]`;
    if (failures.indexOf(name) < i) errors.push(duplicate(at, name));
    if (awaited.includes(name)) {
      errors.push(invalid(at, name, "bindingFailureConditions must not overlap with bindingConditions"));
    }
  });
  if (awaited.length === 0 && failures.length > 0) {
    errors.push(invalid(field, undefined, "bindingConditions are required to use bindingFailureConditions"));
  }
  if (failures.length === 0 && awaited.length > 0) {
    errors.push(invalid(failureField, undefined, "bindingFailureConditions are required to use bindingConditions"));
  }
}

/** Keys that are too long lose their middle where they stand in a path. */
function shortened(key: string, max: number): string {
  if (key.length <= max) return key;
  const rest = max - "...".length;
  return `${key.slice(0, Math.floor((rest + 1) / 2))}...${key.slice(key.length - Math.floor(rest / 2))}`;
}
