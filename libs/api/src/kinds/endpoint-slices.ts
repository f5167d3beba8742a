// EndpointSlices: a part of a Service's endpoints, all of one family.
import type { Endpoint, EndpointSlice } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, type FieldError, invalid, required, tooMany } from "../meta/field-error.ts";
import { textAt, typed } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain, labelKey, labelValue, type NameCheck } from "../meta/names.ts";
import { validateLabels } from "../meta/object-meta.ts";
import { ipFamily, nonSpecialIp, validIp } from "../validation/addresses.ts";
import { checkEnum, checkText, type Errors, immutable } from "../validation/basics.ts";
import { portProtocols } from "../validation/containers.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const endpointsMax = 1000;
const addressesMax = 100;
const portsMax = 20_000;
const hintsMax = 8;
const topologyLabelsMax = 16;

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
  const { addressType = "", endpoints = [], ports = [] } = typed<Partial<EndpointSlice>>(object);
  const errors: Errors = [];
  checkEnum(errors, "addressType", addressType, ["FQDN", "IPv4", "IPv6"]);
  // Of a list that is too long the items are not looked at.
  if (endpoints.length > endpointsMax) errors.push(tooMany("endpoints", endpoints.length, endpointsMax));
  else endpoints.forEach((endpoint, i) => checkEndpoint(errors, `endpoints[${i}]`, endpoint, addressType));
  if (ports.length > portsMax) errors.push(tooMany("ports", ports.length, portsMax));
  else checkPorts(errors, ports);
  return errors;
}

function checkEndpoint(errors: Errors, path: string, endpoint: Partial<Endpoint>, addressType: string): void {
  const { addresses = [], nodeName, hostname, deprecatedTopology = {} } = endpoint;
  const field = `${path}.addresses`;
  if (addresses.length === 0) errors.push(required(field, "must contain at least 1 address"));
  if (addresses.length > addressesMax) errors.push(tooMany(field, addresses.length, addressesMax));
  addresses.forEach((address, i) => checkAddress(errors, `${field}[${i}]`, address, addressType));
  if (nodeName !== undefined) checkText(errors, `${path}.nodeName`, nodeName, dns1123Subdomain);
  const count = Object.keys(deprecatedTopology).length;
  if (count > topologyLabelsMax) errors.push(tooMany(`${path}.deprecatedTopology`, count, topologyLabelsMax));
  errors.push(...validateLabels(deprecatedTopology, `${path}.deprecatedTopology`));
  if (hostname !== undefined) checkText(errors, `${path}.hostname`, hostname, dns1123Label);
  checkHints(errors, `${path}.hints.forZones`, endpoint.hints?.forZones ?? [], labelValue);
  checkHints(errors, `${path}.hints.forNodes`, endpoint.hints?.forNodes ?? [], dns1123Subdomain);
}

/** For whom the endpoint is near. */
function checkHints(
  errors: Errors,
  path: string,
  hints: readonly { readonly name?: string }[],
  nameCheck: NameCheck,
): void {
  if (hints.length > hintsMax) {
    errors.push(tooMany(path, hints.length, hintsMax));
    return;
  }
  const names = new Set<string>();
  hints.forEach(({ name = "" }, i) => {
    if (names.has(name)) errors.push(duplicate(`${path}[${i}].name`, name));
    names.add(name);
    checkText(errors, `${path}[${i}].name`, name, nameCheck);
  });
}

function checkAddress(errors: Errors, path: string, address: string, addressType: string): void {
  if (addressType === "FQDN") {
    const name = address.replace(/\.$/, "");
    if (name === "") errors.push(required(path));
    else checkText(errors, path, name, fullyQualifiedName);
  } else if (addressType === "IPv4" || addressType === "IPv6") {
    const family = ipFamily(address);
    if (family === undefined) checkText(errors, path, address, validIp);
    else if (family !== addressType) errors.push(invalid(path, address, `must be an ${addressType} address`));
    else for (const text of nonSpecialIp(address)) errors.push(invalid(path, address, text));
  }
}

const fullyQualifiedName: NameCheck = (name) => {
  const texts = dns1123Subdomain(name);
  if (texts.length > 0) return texts;
  const labels = name.split(".");
  if (labels.length < 2) return ["should be a domain with at least two segments separated by dots"];
  return labels.flatMap((label) => dns1123Label(label));
};

function checkPorts(errors: Errors, ports: NonNullable<EndpointSlice["ports"]>): void {
  const names = new Set<string>();
  ports.forEach((port, i) => {
    const field = `ports[${i}]`;
    const name = port.name ?? "";
    if (name !== "") checkText(errors, `${field}.name`, name, dns1123Label);
    if (names.has(name)) errors.push(duplicate(`${field}.name`, name));
    names.add(name);
    checkEnum(errors, `${field}.protocol`, port.protocol, portProtocols, "unsupported");
    if (port.appProtocol !== undefined) checkText(errors, `${field}.appProtocol`, port.appProtocol, labelKey);
  });
}
