// Addresses of services as objects: the ranges they are taken from, and one IPAddress for each that is taken.
import type { ServiceCIDR } from "../generated/types.generated.ts";
import { invalid, required } from "../meta/field-error.ts";
import { isList, listAt, objectAt, ownField, semanticEqual, textAt, typed } from "../meta/mutable.ts";
import { dns1123Subdomain, pathSegment } from "../meta/names.ts";
import { cidrFamily, validCidr, validIp } from "../validation/addresses.ts";
import { checkText, type Errors, immutable } from "../validation/basics.ts";
import { goStruct } from "../validation/changes.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

/** The name is the address: that is what makes an allocation atomic. */
export const ipAddresses: KindStrategy = defineStrategy({
  namespaced: false,
  nameCheck: validIp,
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
  validateNew: (object) => {
    const cidrs = typed<ServiceCIDR>(object).spec?.cidrs ?? [];
    const errors: Errors = [];
    if (cidrs.length === 0) errors.push(required("spec.cidrs", "at least one CIDR required"));
    if (cidrs.length === 2 && cidrFamily(cidrs[0] ?? "") === cidrFamily(cidrs[1] ?? "")) {
      const text = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
      errors.push(invalid("spec.cidrs", cidrs, text));
    }
    cidrs.forEach((cidr, i) => checkText(errors, `spec.cidrs[${i}]`, cidr, validCidr));
    return errors;
  },
  validateChange: (next, old) => {
    const [spec, before] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
    const [cidrs, oldCidrs] = [ownField(spec, "cidrs"), listAt(before, "cidrs")];
    if (isList(cidrs) && cidrs.length === oldCidrs.length) {
      return cidrs.flatMap((cidr, i) => (cidr === oldCidrs[i] ? [] : [immutable(`spec.cidrs[${i}]`, cidr)]));
    }
    return [immutable("spec.cidrs", cidrs)];
  },
});
