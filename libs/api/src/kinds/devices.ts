// Devices: classes of them, claims to them, templates of claims.
import type { DeviceClassSpec, ResourceV1ResourceClaim } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, invalid } from "../meta/field-error.ts";
import { objectAt, semanticEqual } from "../meta/mutable.ts";
import { validateAnnotations, validateLabels } from "../meta/object-meta.ts";
import { type Errors, immutable } from "../validation/basics.ts";
import { goStruct } from "../validation/changes.ts";
import { validateClaimStatus } from "../validation/claim-status.ts";
import { checkClaim, checkOpaque, checkSelectors, configsMax } from "../validation/device-claims.ts";
import { checkItems } from "../validation/lists.ts";
import { isExtendedResource } from "../validation/resources.ts";
import { sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

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
    checkSelectors(errors, "spec.selectors", selectors);
    checkItems(errors, "spec.config", config, {
      max: configsMax,
      check: ({ opaque }, at) => checkOpaque(errors, `${at}.opaque`, opaque),
    });
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
    const template = objectAt(object, "spec") ?? {};
    const meta = objectAt(template, "metadata");
    const errors: Errors = [
      // Here, too, Kubernetes names the fields as they are, unlike in a pod's template.
      ...validateAnnotations(meta?.["annotations"], "spec.metadata.annotations"),
      ...validateLabels(meta?.["labels"], "spec.metadata.labels"),
    ];
    const inner = sparse<ResourceV1ResourceClaim>(template).spec;
    checkClaim(errors, "spec.spec.devices", inner?.devices ?? {});
    return errors;
  },
  validateChange: (next, old) => specKept(next, old, "io.k8s.api.resource.v1.ResourceClaimTemplateSpec"),
});

function specKept(next: JsonObject, old: JsonObject, typeName: string): readonly FieldError[] {
  const spec = objectAt(next, "spec") ?? {};
  return semanticEqual(spec, objectAt(old, "spec")) ? [] : [immutable("spec", goStruct(typeName, spec))];
}
