// Classes of storage: StorageClasses and VolumeAttributesClasses. What they promised stays as it was.
import type { StorageClass, TopologySelectorTerm, VolumeAttributesClass } from "../generated/types.generated.ts";
import { type FieldError, duplicate, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { deepEqual, ownField, semanticEqual } from "../meta/mutable.ts";
import { labelKey, qualifiedName } from "../meta/names.ts";
import { checkEnum, checkText, type Errors } from "../validation/basics.ts";
import { checkUnchanged } from "../validation/changes.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const parametersMax = 512;
const parametersSizeBytesMax = 256 * 1024;
const bindingModes = ["Immediate", "WaitForFirstConsumer"];

type Parameters = Readonly<Record<string, string | undefined>>;

export const storageClasses: KindStrategy = defineStrategy({
  namespaced: false,
  validate: (object) => {
    const {
      provisioner = "",
      parameters,
      reclaimPolicy = "",
      volumeBindingMode,
      allowedTopologies = [],
    } = sparse<StorageClass>(object);
    const errors: Errors = [];
    checkProvisioner(errors, "provisioner", provisioner);
    checkParameters(errors, parameters ?? {});
    checkEnum(errors, "reclaimPolicy", reclaimPolicy, ["Delete", "Retain"], "allowed");
    if (volumeBindingMode === undefined) errors.push(required("volumeBindingMode"));
    else if (!bindingModes.includes(volumeBindingMode)) {
      errors.push(notSupported("volumeBindingMode", volumeBindingMode, bindingModes));
    }
    checkTopologies(errors, allowedTopologies);
    return errors;
  },
  validateChange: (next, old) => {
    const errors: Errors = [];
    checkUnchanged(errors, "", [next, old], ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"]);
    return errors;
  },
});

export const volumeAttributesClasses: KindStrategy = defineStrategy({
  namespaced: false,
  finalizers: ["kubernetes.io/vac-protection"],
  changesFirst: true,
  validate: (object) => {
    const { driverName = "", parameters = {} } = sparse<VolumeAttributesClass>(object);
    const errors: Errors = [];
    checkProvisioner(errors, "driverName", driverName);
    checkParameters(errors, parameters);
    if (Object.keys(parameters).length === 0) {
      errors.push(required("parameters", "must contain at least one key/value pair"));
    }
    return errors;
  },
  validateChange: (next, old) =>
    ["driverName", "parameters"]
      .filter((field) => !semanticEqual(ownField(next, field), ownField(old, field)))
      .map((field): FieldError => forbidden(field, `updates to ${field} are forbidden.`)),
});

/** Who makes the volumes. Names are compared without case; the lower one is judged, and shown. */
function checkProvisioner(errors: Errors, path: string, name: string): void {
  if (name === "") errors.push(required(path));
  else checkText(errors, path, name.toLowerCase(), qualifiedName);
}

function checkParameters(errors: Errors, parameters: Parameters): void {
  const entries = Object.entries(parameters);
  if (entries.length > parametersMax) {
    const detail = `may not be more than ${parametersMax} bytes`;
    errors.push({ type: "FieldValueTooLong", field: "parameters", detail, badValue: "" });
    return;
  }
  let sizeBytes = 0;
  for (const [key, value = ""] of entries) {
    if (key === "") errors.push(invalid("parameters", key, "field can not be empty."));
    sizeBytes += key.length + value.length;
  }
  if (sizeBytes > parametersSizeBytesMax) {
    const detail = `may not be more than ${parametersSizeBytesMax} bytes`;
    errors.push({ type: "FieldValueTooLong", field: "parameters", detail, badValue: "" });
  }
}

/** No two terms may say the same, and a term that says nothing is taken for one said before. */
function checkTopologies(errors: Errors, terms: readonly Sparse<TopologySelectorTerm>[]): void {
  const before: Readonly<Record<string, readonly string[]>>[] = terms.map(() => ({}));
  terms.forEach(({ matchLabelExpressions = [] }, i) => {
    const path = `allowedTopologies[${i}].matchLabelExpressions`;
    const term: Record<string, readonly string[]> = {};
    matchLabelExpressions.forEach(({ key = "", values = [] }, j) => {
      if (values.length === 0) errors.push(required(`${path}[${j}].values`));
      values.forEach((value, k) => {
        if (values.indexOf(value) < k) errors.push(duplicate(`${path}[${j}].values[${k}]`, value));
      });
      checkText(errors, `${path}[${j}].key`, key, labelKey);
      if (Object.hasOwn(term, key)) errors.push(duplicate(`${path}[${j}].key`, key));
      term[key] = [...new Set(values)].sort();
    });
    for (const one of before) if (deepEqual(one, term)) errors.push(duplicate(path, ""));
    before.push(term);
  });
}
