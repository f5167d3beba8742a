// Devices: classes of them, claims to them, templates of claims.
import type { DeviceClassSpec, ResourceClaimStatus, ResourceV1ResourceClaim } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, type FieldError, forbidden, invalid, required } from "../meta/field-error.ts";
import { objectAt, ownField, semanticEqual } from "../meta/mutable.ts";
import { type Errors, immutable } from "../validation/basics.ts";
import { goStruct } from "../validation/changes.ts";
import {
  checkClaim,
  checkCount,
  checkOpaque,
  checkSelector,
  configsMax,
  selectorsMax,
} from "../validation/device-claims.ts";
import { isExtendedResource } from "../validation/resources.ts";
import { sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const reservedForMax = 256;

export const deviceClasses: KindStrategy = defineStrategy({
  namespaced: false,
  generationFields: ["spec"],
  validate: (object) => {
    const {
      selectors = [],
      config = [],
      extendedResourceName,
    } = sparse<DeviceClassSpec>(objectAt(object, "spec") ?? {});
    const errors: Errors = [];
    checkCount(errors, "spec.selectors", selectors, selectorsMax);
    selectors.forEach((selector, i) => checkSelector(errors, `spec.selectors[${i}]`, selector));
    checkCount(errors, "spec.config", config, configsMax);
    config.forEach(({ opaque }, i) => checkOpaque(errors, `spec.config[${i}].opaque`, opaque));
    if (extendedResourceName !== undefined && !isExtendedResource(extendedResourceName)) {
      errors.push(invalid("spec.extendedResourceName", extendedResourceName, "must be a valid extended resource name"));
    }
    return errors;
  },
});

export const resourceClaims: KindStrategy = defineStrategy({
  namespaced: true,
  initialStatus: {},
  validateNew: (object) => {
    const errors: Errors = [];
    checkClaim(errors, "spec.devices", sparse<ResourceV1ResourceClaim>(object).spec?.devices ?? {});
    return errors;
  },
  validateChange: (next, old) => specKept(next, old, "io.k8s.api.resource.v1.ResourceClaimSpec"),
  validateStatus: validateClaimStatus,
});

export const resourceClaimTemplates: KindStrategy = defineStrategy({
  namespaced: true,
  validateNew: (object) => {
    const errors: Errors = [];
    const inner = sparse<ResourceV1ResourceClaim>(objectAt(object, "spec") ?? {}).spec;
    checkClaim(errors, "spec.spec.devices", inner?.devices ?? {});
    return errors;
  },
  validateChange: (next, old) => specKept(next, old, "io.k8s.api.resource.v1.ResourceClaimTemplateSpec"),
});

function specKept(next: JsonObject, old: JsonObject, typeName: string): readonly FieldError[] {
  const spec = objectAt(next, "spec") ?? {};
  return semanticEqual(spec, objectAt(old, "spec")) ? [] : [immutable("spec", goStruct(typeName, spec))];
}

function validateClaimStatus(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const status = sparse<ResourceClaimStatus>(objectAt(next, "status") ?? {});
  const errors: Errors = [];
  const { reservedFor = [] } = status;
  checkCount(errors, "status.reservedFor", reservedFor, reservedForMax);
  const uids = reservedFor.map(({ uid = "" }) => uid);
  reservedFor.forEach((consumer, i) => {
    const path = `status.reservedFor[${i}]`;
    for (const field of ["resource", "name", "uid"] as const) {
      if ((consumer[field] ?? "") === "") errors.push(required(`${path}.${field}`));
    }
    if (uids.indexOf(uids[i] ?? "") < i) errors.push(duplicate(path, uids[i] ?? ""));
  });
  if (reservedFor.length > 0 && status.allocation === undefined) {
    errors.push(forbidden("status.reservedFor", "may not be specified when `allocated` is not set"));
  }
  const [now, before] = [next, old].map((object) => ownField(objectAt(object, "status") ?? {}, "allocation"));
  if (now !== undefined && before !== undefined && !semanticEqual(now, before)) {
    errors.push(immutable("status.allocation", now));
  }
  return errors;
}
