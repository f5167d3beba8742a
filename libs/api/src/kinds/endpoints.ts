// Endpoints, IPAddresses and ServiceCIDRs.
import type { EndpointAddress, EndpointPort, Endpoints, ServiceCIDR } from "../generated/types.generated.ts";
import { invalid, required } from "../meta/field-error.ts";
import { isList, listAt, ownField, typed, objectAt, semanticEqual, textAt } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain, labelKey } from "../meta/names.ts";
import { cidrFamily, ipFamily, nonSpecialIp, validCidr, validIp } from "../validation/addresses.ts";
import { checkEnum, checkPort, checkText, type Errors, immutable } from "../validation/basics.ts";
import { portProtocols } from "../validation/containers.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

export const endpoints: KindStrategy = defineStrategy({
  namespaced: true,
  allowCreateOnUpdate: true,
  validate: (object) => {
    const errors: Errors = [];
    (typed<Endpoints>(object).subsets ?? []).forEach((subset, i) => {
      const field = `subsets[${i}]`;
      const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
      if (addresses.length === 0 && notReadyAddresses.length === 0) {
        errors.push(required(field, "must specify `addresses` or `notReadyAddresses`"));
      }
      addresses.forEach((address, j) => checkAddress(errors, `${field}.addresses[${j}]`, address));
      notReadyAddresses.forEach((address, j) => checkAddress(errors, `${field}.notReadyAddresses[${j}]`, address));
      ports.forEach((port, j) => checkEndpointPort(errors, `${field}.ports[${j}]`, port, ports.length > 1));
    });
    return errors;
  },
});

function checkAddress(errors: Errors, path: string, address: EndpointAddress): void {
  const ip = address.ip ?? "";
  checkText(errors, `${path}.ip`, ip, validIp);
  // The recorded server judges the text twice: as an address, and as one that may be an endpoint.
  const texts = ipFamily(ip) === undefined ? ["must be a valid IP address"] : nonSpecialIp(ip);
  for (const text of texts) errors.push(invalid(`${path}.ip`, ip, text));
  if ((address.hostname ?? "") !== "") checkText(errors, `${path}.hostname`, address.hostname ?? "", dns1123Label);
  if (address.nodeName !== undefined) checkText(errors, `${path}.nodeName`, address.nodeName, dns1123Subdomain);
}

function checkEndpointPort(errors: Errors, path: string, port: EndpointPort, nameRequired: boolean): void {
  const name = port.name ?? "";
  if (name === "" && nameRequired) errors.push(required(`${path}.name`));
  else if (name !== "") checkText(errors, `${path}.name`, name, dns1123Label);
  checkPort(errors, `${path}.port`, port.port);
  checkEnum(errors, `${path}.protocol`, port.protocol, portProtocols);
  if (port.appProtocol !== undefined) checkText(errors, `${path}.appProtocol`, port.appProtocol, labelKey);
}

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
    for (const field of ["resource", "name"]) {
      if (textAt(parent, field) === "") errors.push(required(`spec.parentRef.${field}`));
    }
    return errors;
  },
  validateChange: (next, old) => {
    const [spec, before] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
    const parent = objectAt(spec, "parentRef");
    return semanticEqual(parent, objectAt(before, "parentRef")) ? [] : [immutable("spec.parentRef", parent)];
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
