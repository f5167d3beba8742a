// Addresses of services as objects: the ranges they are taken from, and one IPAddress for each that is taken.
import type { ServiceCIDR } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, invalid, required } from "../meta/field-error.ts";
import { isList, listAt, objectAt, ownField, semanticEqual, textAt, typed } from "../meta/mutable.ts";
import { dns1123Subdomain, pathSegment } from "../meta/names.ts";
import { fieldOrEmptied } from "../structure/emptied.ts";
import { canonicalCidr, canonicalIp, cidrFamily } from "../validation/addresses.ts";
import { checkText, type Errors, immutable } from "../validation/basics.ts";
import { goStruct } from "../validation/changes.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const rangesMax = 2;

/** The name is the address: that is what makes an allocation atomic. */
export const ipAddresses: KindStrategy = defineStrategy({
  namespaced: false,
  nameCheck: canonicalIp,
  selectorFields: ["spec.parentRef"],
  validate: (object) => {
    const errors: Errors = [];
    const parent = objectAt(objectAt(object, "spec") ?? {}, "parentRef");
    if (parent === undefined) return [required("spec.parentRef")];
    const group = textAt(parent, "group");
    if (group !== "") checkText(errors, "spec.parentRef.group", group, dns1123Subdomain);
    for (const field of ["resource", "name", "namespace"]) {
      const value = textAt(parent, field);
      // Cluster-scoped parents have no namespace.
      if (value === "" && field !== "namespace") errors.push(required(`spec.parentRef.${field}`));
      checkText(errors, `spec.parentRef.${field}`, value, pathSegment);
    }
    return errors;
  },
  validateChange: (next, old) => {
    const [spec, before] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
    const parent = objectAt(spec, "parentRef");
    if (semanticEqual(parent, objectAt(before, "parentRef"))) return [];
    const shown = parent && goStruct("io.k8s.api.networking.v1.ParentReference", parent);
    return [immutable("spec.parentRef", shown)];
  },
});

export const serviceCidrs: KindStrategy = defineStrategy({
  namespaced: false,
  initialStatus: {},
  validateNew: validateRanges,
  validateChange: (next, old) => {
    const [spec, before] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
    const [cidrs, oldCidrs] = [ownField(spec, "cidrs"), listAt(before, "cidrs")];
    if (!isList(cidrs)) return [immutable("spec.cidrs", fieldOrEmptied(spec, "cidrs"))];
    const kept = cidrs.slice(0, oldCidrs.length);
    const changed = kept.flatMap((cidr, i) => (cidr === oldCidrs[i] ? [] : [immutable(`spec.cidrs[${i}]`, cidr)]));
    if (cidrs.length === oldCidrs.length) return changed;
    // A range of the other family may come later.
    if (oldCidrs.length === 1 && cidrs.length === 2) return [...changed, ...validateRanges(next)];
    return [immutable("spec.cidrs", cidrs)];
  },
});

/** One range, or one of each family. */
function validateRanges(object: JsonObject): readonly FieldError[] {
  const cidrs = typed<ServiceCIDR>(object).spec?.cidrs ?? [];
  if (cidrs.length === 0) return [required("spec.cidrs", "at least one CIDR required")];
  if (cidrs.length > rangesMax) {
    return [invalid("spec.cidrs", { CIDRs: cidrs }, `may only hold up to ${rangesMax} values`)];
  }
  const errors: Errors = [];
  cidrs.forEach((cidr, i) => checkText(errors, `spec.cidrs[${i}]`, cidr, canonicalCidr));
  const [first, second] = cidrs.map(cidrFamily);
  if (cidrs.length === 2 && first !== undefined && first === second) {
    const text = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
    errors.push(invalid("spec.cidrs", cidrs, text));
  }
  return errors;
}
