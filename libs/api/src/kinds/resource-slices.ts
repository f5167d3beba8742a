// ResourceSlices: the devices that a driver offers, on one node or on those that a selector finds.
import type {
  Device,
  DeviceAttribute,
  NodeSelectorTerm,
  ResourcePool,
  ResourceSliceSpec,
} from "../generated/types.generated.ts";
import { invalid, required } from "../meta/field-error.ts";
import { objectAt } from "../meta/mutable.ts";
import { dns1123Subdomain } from "../meta/names.ts";
import { checkText, type Errors } from "../validation/basics.ts";
import { checkUnchanged } from "../validation/changes.ts";
import { checkPoolName } from "../validation/device-names.ts";
import { checkSet } from "../validation/lists.ts";
import { checkNodeSelector } from "../validation/scheduling.ts";
import { checkCounters, checkDevice } from "../validation/slice-devices.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { checkDriverName } from "../validation/volume-sources.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const devicesMax = 128;
/** Where devices have taints, counters or lists, which cost more. */
const elaborateDevicesMax = 64;
const counterSetsMax = 8;

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
    checkDriverName(errors, "spec.driver", driver);
    checkPool(errors, "spec.pool", pool);
    checkPlace(errors, "spec", spec);
    if (sharedCounters.length > 0 && devices.length > 0) {
      errors.push(invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed"));
    }
    checkSet(errors, "spec.devices", devices, {
      max: devices.some(isElaborate) ? elaborateDevicesMax : devicesMax,
      keyOf: ({ name = "" }) => name,
      check: (device, at) => checkDevice(errors, at, device, spec.perDeviceNodeSelection === true),
    });
    checkSet(errors, "spec.sharedCounters", sharedCounters, {
      max: counterSetsMax,
      keyOf: ({ name = "" }) => name,
      check: ({ name = "", counters = {} }, at) => checkCounters(errors, at, { field: "name", name, counters }),
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
  checkPoolName(errors, `${path}.name`, name);
  if (resourceSliceCount <= 0) {
    errors.push(invalid(`${path}.resourceSliceCount`, resourceSliceCount, "must be greater than zero"));
  }
  if (generation < 0) errors.push(invalid(`${path}.generation`, generation, "must be greater than or equal to zero"));
}

const placeFields = ["nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection"] as const;

/** Where devices are, in exactly one of the ways that there are to say so. */
function checkPlace(errors: Errors, path: string, spec: Sparse<ResourceSliceSpec>): void {
  const { nodeName, nodeSelector } = spec;
  if (nodeName === "") {
    errors.push(invalid(`${path}.nodeName`, nodeName, "must be either unset or set to a non-empty string"));
  } else if (nodeName !== undefined) checkText(errors, `${path}.nodeName`, nodeName, dns1123Subdomain);
  if (nodeSelector !== undefined) {
    const terms = nodeSelector.nodeSelectorTerms as readonly NodeSelectorTerm[] | undefined;
    checkNodeSelector(errors, `${path}.nodeSelector`, terms);
    if (terms?.length !== 1) {
      const field = `${path}.nodeSelector.nodeSelectorTerms`;
      errors.push(invalid(field, undefined, "must have exactly one node selector term"));
    }
  }
  for (const flag of ["allNodes", "perDeviceNodeSelection"] as const) {
    if (spec[flag] === false) errors.push(invalid(`${path}.${flag}`, false, "must be either unset or set to true"));
  }
  const given = placeFields.filter((field) => spec[field] !== undefined && spec[field] !== false && spec[field] !== "");
  const text = `exactly one of ${placeFields.map((field) => `\`${field}\``).join(", ")} is required`;
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
