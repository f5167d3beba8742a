// Endpoints: the addresses behind a service, as one object.
import type { EndpointAddress, EndpointPort, Endpoints } from "../generated/types.generated.ts";
import { invalid, required } from "../meta/field-error.ts";
import { typed } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain, labelKey } from "../meta/names.ts";
import { ipFamily, nonSpecialIp, validIp } from "../validation/addresses.ts";
import { checkEnum, checkPort, checkText, type Errors } from "../validation/basics.ts";
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
