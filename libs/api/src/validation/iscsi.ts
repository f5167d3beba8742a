// iSCSI: qualified names of targets and initiators (RFC 3720), portals and logical units.
import type { JsonObject } from "../json.ts";
import { invalid, required } from "../meta/field-error.ts";
import { numberAt, objectAt, ownField, textAt } from "../meta/mutable.ts";
import type { Errors } from "./basics.ts";
import { checkLun } from "./volume-sources.ts";

const nameForms: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.[0-9A-Za-z.-]+:[^,;*&$|\s]+$/,
  eui: /^eui.[0-9A-Za-z]{16}$/,
  naa: /^naa.[0-9A-Za-z]{32}$/,
};
const sessionNameLengthMax = 64;
export const sessionNameText =
  "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";

/**
 * What holds in pods and in persistent volumes.
 *
 * @param unknownForm what is said of a name of no known form
 */
export function checkIscsi(
  errors: Errors,
  path: string,
  source: JsonObject,
  unknownForm = "must be valid format starting with iqn, eui, or naa",
): void {
  const target = textAt(source, "iqn");
  const checkName = (field: string, name: string): void => {
    const form = nameForms[name.slice(0, 3)];
    if (form === undefined) errors.push(invalid(field, name, unknownForm));
    else if (!form.test(name)) errors.push(invalid(field, name, "must be valid format"));
  };
  if (target === "") errors.push(required(`${path}.iqn`));
  else checkName(`${path}.iqn`, target);
  checkLun(errors, `${path}.lun`, numberAt(source, "lun") ?? 0);
  const chap = source["chapAuthDiscovery"] === true || source["chapAuthSession"] === true;
  if (chap && objectAt(source, "secretRef") === undefined) errors.push(required(`${path}.secretRef`));
  const initiator = ownField(source, "initiatorName");
  if (typeof initiator === "string") checkName(`${path}.initiatorname`, initiator);
}

/** Volume and portal together name the session of an initiator. */
export function sessionNameTooLong(volumeName: string, source: JsonObject): boolean {
  if (typeof ownField(source, "initiatorName") !== "string") return false;
  return `${volumeName}:${textAt(source, "targetPortal")}`.length > sessionNameLengthMax;
}
