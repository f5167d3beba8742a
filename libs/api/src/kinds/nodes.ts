// Nodes: what they have, what keeps pods off them, the addresses of their pods.
import type { Node, Taint } from "../generated/types.generated.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { childOf, listAt, type MutableObject, objectAt, textAt, typed } from "../meta/mutable.ts";
import { configMapKey, dns1123Label, dns1123Subdomain, labelKey, labelValue } from "../meta/names.ts";
import { cidrFamily, validCidr } from "../validation/addresses.ts";
import { checkText, type Errors } from "../validation/basics.ts";
import { checkAmount } from "../validation/resources.ts";
import { taintEffects } from "../validation/scheduling.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const nodeInfoFields = [
  "machineID",
  "systemUUID",
  "bootID",
  "kernelVersion",
  "osImage",
  "containerRuntimeVersion",
  "kubeletVersion",
  "kubeProxyVersion",
  "operatingSystem",
  "architecture",
];

export const nodes: KindStrategy = defineStrategy({
  namespaced: false,
  initialStatus: {
    daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
    nodeInfo: Object.fromEntries(nodeInfoFields.map((field) => [field, ""])),
  },
  keepsStatusOnCreate: true,
  selectorFields: ["spec.unschedulable"],
  selectorValues: (object) => ({
    "spec.unschedulable": String(objectAt(object, "spec")?.["unschedulable"] === true),
  }),
  prepareCreate: (object) => {
    matchPodCidrs(childOf(object, "spec"));
    dropUnread(object, {});
  },
  prepareUpdate: (next, old) => {
    matchPodCidrs(childOf(next, "spec"));
    dropUnread(next, old);
  },
  prepareStatusUpdate: (next, old) => dropUnread(next, old),
  validate: validateNode,
  validateChange: (next, old) => {
    const [spec, before] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
    const errors: Errors = [];
    checkAmounts(errors, next);
    checkAddresses(errors, next);
    // The recorded server judges taints once as part of the node and once as part of the change.
    checkTaints(errors, "metadata.taints", typed<Node>(next).spec?.taints ?? []);
    checkCidrChange(errors, listAt(spec, "podCIDRs"), listAt(before, "podCIDRs"));
    const providerId = textAt(before, "providerID");
    if (providerId !== "" && textAt(spec, "providerID") !== providerId) {
      errors.push(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'));
    }
    checkConfigSource(errors, "spec.configSource", objectAt(spec, "configSource"));
    if (textAt(spec, "externalID") !== textAt(before, "externalID")) {
      errors.push(forbidden("spec.externalID", "may not be updated"));
    }
    return errors;
  },
  // A kubelet may write more than status through this path, so it is judged as any change is.
  validateStatus: (next) => {
    const errors: Errors = [];
    checkAmounts(errors, next);
    checkAddresses(errors, next);
    return errors;
  },
});

/** `podCIDR` is the first of `podCIDRs`; clients may set either. */
function matchPodCidrs(spec: MutableObject): void {
  const cidr = textAt(spec, "podCIDR");
  const cidrs = listAt(spec, "podCIDRs") as readonly string[];
  if (cidr !== "") spec["podCIDRs"] = [cidr, ...cidrs.slice(1)];
  else if (cidrs[0] !== undefined) spec["podCIDR"] = cidrs[0];
}

/** A kubelet's configuration in the API, which nobody reads any more: what a node doesn't have already it doesn't get. */
function dropUnread(node: MutableObject, old: JsonObject): void {
  for (const [part, field] of [
    ["spec", "configSource"],
    ["status", "config"],
  ] as const) {
    if (objectAt(objectAt(old, part) ?? {}, field) === undefined) delete childOf(node, part)[field];
  }
}

/** One error for each block that is another one; one altogether where there are more or less of them. */
function checkCidrChange(errors: Errors, cidrs: readonly JsonValue[], before: readonly JsonValue[]): void {
  if (before.length === 0) return;
  const changed = before.filter((cidr, i) => cidr !== cidrs[i]).length;
  for (let count = cidrs.length === before.length ? changed : 1; count > 0; count--) {
    errors.push(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'));
  }
}

function validateNode(object: JsonObject): readonly FieldError[] {
  const { spec = {} } = typed<Node>(object);
  const errors: Errors = [];
  checkTaints(errors, "metadata.taints", spec.taints ?? []);
  checkAmounts(errors, object);
  const cidrs = spec.podCIDRs ?? [];
  cidrs.forEach((cidr, i) => checkText(errors, `spec.podCIDRs[${i}]`, cidr, validCidr));
  if (cidrs.length > 1) checkDualStack(errors, cidrs);
  return errors;
}

function checkDualStack(errors: Errors, cidrs: readonly string[]): void {
  const families = cidrs.map(cidrFamily);
  const wrong = cidrs.find((_, i) => families[i] === undefined);
  if (wrong !== undefined) {
    const why = `failed to parse cidr value:${JSON.stringify(wrong)} with error:invalid CIDR address: ${wrong}`;
    const detail = `invalid PodCIDRs. failed to check with dual stack with error:${why}`;
    errors.push({ type: "InternalError", field: "spec.podCIDRs", detail });
  }
  if (wrong !== undefined || cidrs.length > 2 || new Set(families).size < 2) {
    errors.push(invalid("spec.podCIDRs", cidrs, "may specify no more than one CIDR for each IP family"));
  }
}

function checkTaints(errors: Errors, path: string, taints: readonly Taint[]): void {
  const pairs = new Set<string>();
  taints.forEach((taint, i) => {
    const field = `${path}[${i}]`;
    const { key = "", value = "", effect = "" } = taint as Partial<Taint>;
    checkText(errors, `${field}.key`, key, labelKey);
    const texts = labelValue(value);
    if (texts.length > 0) errors.push(invalid(`${field}.value`, value, texts.join(";")));
    if (effect === "") errors.push(required(`${field}.effect`));
    else if (!taintEffects.includes(effect)) errors.push(notSupported(`${field}.effect`, effect, taintEffects));
    const pair = `${effect}/${key}`;
    if (pairs.has(pair)) {
      const shown = { Key: key, Value: value, Effect: effect, TimeAdded: null };
      const detail = "taints must be unique by key and effect pair";
      errors.push({ type: "FieldValueDuplicate", field, detail, badValue: shown });
    }
    pairs.add(pair);
  });
}

/** What the node has, and what of it pods may use. */
function checkAmounts(errors: Errors, object: JsonObject): void {
  const { status } = typed<Node>(object);
  for (const list of ["capacity", "allocatable"] as const) {
    for (const [name, value] of Object.entries(status?.[list] ?? {})) {
      checkAmount(errors, `status.${list}.${name}`, name, value);
    }
  }
}

function checkAddresses(errors: Errors, object: JsonObject): void {
  const seen = new Set<string>();
  (typed<Node>(object).status?.addresses ?? []).forEach((address, i) => {
    const key = `${address.type}/${address.address}`;
    if (seen.has(key))
      errors.push(duplicate(`status.addresses[${i}]`, { Type: address.type, Address: address.address }));
    seen.add(key);
  });
}

/** Nobody reads it any more; what is there must still make sense. */
function checkConfigSource(errors: Errors, path: string, source: JsonObject | undefined): void {
  if (source === undefined) return;
  const map = objectAt(source, "configMap");
  if (map === undefined) {
    errors.push(invalid(path, source, "exactly one reference subfield must be non-nil"));
    return;
  }
  const field = `${path}.configMap`;
  for (const name of ["uid", "resourceVersion"]) {
    if (textAt(map, name) !== "") errors.push(forbidden(`${field}.${name}`, `${name} must not be set in spec`));
  }
  for (const [name, check] of [
    ["namespace", dns1123Label],
    ["name", dns1123Subdomain],
    ["kubeletConfigKey", configMapKey],
  ] as const) {
    const value = textAt(map, name);
    if (value === "") errors.push(required(`${field}.${name}`, `${name} must be set`));
    else checkText(errors, `${field}.${name}`, value, check);
  }
}
