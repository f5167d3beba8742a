// Endpoints, EndpointSlices, IPAddresses and ServiceCIDRs.
import type {
  EndpointAddress,
  EndpointPort,
  Endpoints,
  EndpointSlice,
  ServiceCIDR,
} from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, type FieldError, invalid, required } from "../meta/field-error.ts";
import { isList, listAt, ownField, typed, objectAt, semanticEqual, textAt } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain, labelKey } from "../meta/names.ts";
import { cidrFamily, ipFamily, ipText, nonSpecialIp, validCidr, validIp } from "../validation/addresses.ts";
import { checkEnum, checkPort, checkText, type Errors, immutable } from "../validation/basics.ts";
import { portProtocols } from "../validation/containers.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const endpointsPerSliceMax = 1000;
const addressesPerEndpointMax = 100;
const portsPerSliceMax = 20_000;

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

export const endpointSlices: KindStrategy = defineStrategy({
  namespaced: true,
  metaPasses: ["object"],
  generationFields: ["addressType", "endpoints", "ports", "metadata.labels"],
  validate: validateSlice,
  validateChange: (next, old) => {
    const type = textAt(next, "addressType");
    return type === textAt(old, "addressType") ? [] : [immutable("addressType", type)];
  },
});

function validateSlice(object: JsonObject): readonly FieldError[] {
  const { addressType = "", endpoints: list = [], ports = [] } = typed<Partial<EndpointSlice>>(object);
  const errors: Errors = [];
  checkEnum(errors, "addressType", addressType, ["FQDN", "IPv4", "IPv6"]);
  if (list.length > endpointsPerSliceMax) {
    errors.push({
      type: "FieldValueTooMany",
      field: "endpoints",
      detail: `must have at most ${endpointsPerSliceMax} items`,
      badValue: list.length,
    });
  }
  list.forEach((endpoint, i) => {
    const field = `endpoints[${i}]`;
    const { addresses = [], nodeName, hostname } = endpoint as Partial<typeof endpoint>;
    if (addresses.length === 0) errors.push(required(`${field}.addresses`, "must contain at least 1 address"));
    if (addresses.length > addressesPerEndpointMax) {
      const detail = `must have at most ${addressesPerEndpointMax} items`;
      errors.push({ type: "FieldValueTooMany", field: `${field}.addresses`, detail, badValue: addresses.length });
    }
    addresses.forEach((address, j) => checkSliceAddress(errors, `${field}.addresses[${j}]`, address, addressType));
    if (nodeName !== undefined) checkText(errors, `${field}.nodeName`, nodeName, dns1123Subdomain);
    if (hostname !== undefined) checkText(errors, `${field}.hostname`, hostname, dns1123Label);
  });
  const names = new Set<string>();
  if (ports.length > portsPerSliceMax) {
    errors.push({
      type: "FieldValueTooMany",
      field: "ports",
      detail: `must have at most ${portsPerSliceMax} items`,
      badValue: ports.length,
    });
  }
  ports.forEach((port, i) => {
    const field = `ports[${i}]`;
    const name = port.name ?? "";
    if (name !== "") checkText(errors, `${field}.name`, name, dns1123Label);
    if (names.has(name)) errors.push(duplicate(`${field}.name`, name));
    names.add(name);
    checkEnum(errors, `${field}.protocol`, port.protocol, portProtocols);
    if (port.appProtocol !== undefined) checkText(errors, `${field}.appProtocol`, port.appProtocol, labelKey);
  });
  return errors;
}

function checkSliceAddress(errors: Errors, path: string, address: string, addressType: string): void {
  if (addressType === "FQDN") {
    checkText(errors, path, address, dns1123Subdomain);
  } else if (addressType === "IPv4" || addressType === "IPv6") {
    const family = ipFamily(address);
    if (family === undefined) errors.push(invalid(path, address, ipText));
    else if (family !== addressType) errors.push(invalid(path, address, `must be an ${addressType} address`));
    else for (const text of nonSpecialIp(address)) errors.push(invalid(path, address, text));
  }
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
