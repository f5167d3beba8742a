// Namespaces and nodes.
import type { Node, Taint } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import {
  carryField,
  childOf,
  deepEqual,
  listAt,
  type MutableObject,
  objectAt,
  textAt,
  typed,
} from "../meta/mutable.ts";
import { dns1123Label, labelKey, labelValue } from "../meta/names.ts";
import { cidrFamily, validCidr } from "../validation/addresses.ts";
import { checkText, type Errors } from "../validation/basics.ts";
import { taintEffects } from "../validation/scheduling.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const nameLabel = "kubernetes.io/metadata.name";
const contentFinalizer = "kubernetes";

/** The label by which selectors find one namespace; it can't be lost or lie. */
function labelWithName(object: MutableObject): void {
  const meta = childOf(object, "metadata");
  const name = textAt(meta, "name");
  if (name !== "") childOf(meta, "labels")[nameLabel] = name;
}

export const namespaces: KindStrategy = defineStrategy({
  namespaced: false,
  nameCheck: dns1123Label,
  initialStatus: { phase: "Active" },
  selectorFields: ["status.phase"],
  selectorValues: (object) => ({ "status.phase": textAt(objectAt(object, "status"), "phase") }),
  prepareCreate: (object) => {
    labelWithName(object);
    const spec = childOf(object, "spec");
    const present = listAt(spec, "finalizers") as readonly string[];
    spec["finalizers"] = present.includes(contentFinalizer) ? [...present] : [...present, contentFinalizer];
  },
  prepareUpdate: (next, old) => {
    labelWithName(next);
    carryField(childOf(next, "spec"), objectAt(old, "spec") ?? {}, "finalizers");
  },
  holdsDeletion: (object) => listAt(objectAt(object, "spec") ?? {}, "finalizers").length > 0,
  onMarkedForDeletion: (next) => {
    childOf(next, "status")["phase"] = "Terminating";
  },
  validateStatus: (next) => {
    const phase = textAt(objectAt(next, "status"), "phase");
    const deleted = textAt(objectAt(next, "metadata"), "deletionTimestamp") !== "";
    if (deleted && phase !== "Terminating") {
      return [invalid("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")];
    }
    if (!deleted && phase !== "Active") {
      return [invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")];
    }
    return [];
  },
});

/** The `finalize` subresource: everything stays but `spec.finalizers`, which the namespace controller empties. */
export function prepareForFinalize(next: MutableObject, old: JsonObject): void {
  const finalizers = [...(listAt(objectAt(next, "spec") ?? {}, "finalizers") as readonly string[])];
  for (const key of new Set([...Object.keys(next), ...Object.keys(old)])) {
    if (key !== "metadata") carryField(next, old, key);
  }
  const spec = childOf(next, "spec");
  if (finalizers.length > 0) spec["finalizers"] = finalizers;
  else delete spec["finalizers"];
}

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
  prepareCreate: (object) => matchPodCidrs(childOf(object, "spec")),
  prepareUpdate: (next) => matchPodCidrs(childOf(next, "spec")),
  validate: validateNode,
  validateChange: (next, old) => {
    const [spec, before] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
    const errors: Errors = [];
    // The recorded server judges taints once as part of the node and once as part of the change.
    checkTaints(errors, "metadata.taints", typed<Node>(next).spec?.taints ?? []);
    if (listAt(before, "podCIDRs").length > 0 && !deepEqual(listAt(spec, "podCIDRs"), listAt(before, "podCIDRs"))) {
      errors.push(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'));
    }
    const providerId = textAt(before, "providerID");
    if (providerId !== "" && textAt(spec, "providerID") !== providerId) {
      errors.push(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'));
    }
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

function validateNode(object: JsonObject): readonly FieldError[] {
  const { spec = {} } = typed<Node>(object);
  const errors: Errors = [];
  checkTaints(errors, "metadata.taints", spec.taints ?? []);
  const cidrs = spec.podCIDRs ?? [];
  cidrs.forEach((cidr, i) => checkText(errors, `spec.podCIDRs[${i}]`, cidr, validCidr));
  const families = cidrs.map(cidrFamily).filter((family) => family !== undefined);
  if (new Set(families).size < families.length) {
    errors.push(invalid("spec.podCIDRs", cidrs, "may specify no more than one CIDR for each IP family"));
  }
  return errors;
}

function checkTaints(errors: Errors, path: string, taints: readonly Taint[]): void {
  const pairs = new Set<string>();
  taints.forEach((taint, i) => {
    const field = `${path}[${i}]`;
    const { key = "", value = "", effect = "" } = taint as Partial<Taint>;
    checkText(errors, `${field}.key`, key, labelKey);
    checkText(errors, `${field}.value`, value, labelValue);
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
