// How devices, what they have, and who offers them may be called.
import { invalid, required, tooLong } from "../meta/field-error.ts";
import { cIdentifier, dns1123Subdomain } from "../meta/names.ts";
import { checkText, type Errors } from "./basics.ts";
import { checkDriverName } from "./volume-sources.ts";

const attributeIdMax = 32;
const poolNameMax = 253;
const uidText =
  "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters";

/**
 * The name of an attribute or a capacity: an identifier, in the driver's domain or in the one before the slash. More
 * than one slash is not refused.
 */
export function checkAttributeName(errors: Errors, path: string, name: string): void {
  const [first = "", second, ...rest] = name.split("/");
  if (rest.length > 0) return;
  if (second === undefined) {
    checkIdentifier(errors, path, first);
    return;
  }
  if (first === "") errors.push(invalid(path, "", "the domain must not be empty"));
  else checkDriverName(errors, path, first);
  if (second === "") errors.push(invalid(path, "", "the name must not be empty"));
  else checkIdentifier(errors, path, second);
}

/** `driver.example.com/attribute`: the domain may not be left out. */
export function checkFullAttributeName(errors: Errors, path: string, name: string): void {
  checkAttributeName(errors, path, name);
  if (name.includes("/")) return;
  errors.push(invalid(path, name, "a fully qualified name must be a domain and a name separated by a slash"));
}

function checkIdentifier(errors: Errors, path: string, id: string): void {
  if (id.length > attributeIdMax) errors.push(tooLong(path, attributeIdMax));
  checkText(errors, path, id, cIdentifier);
}

/** One name, or several with slashes between them. */
export function checkPoolName(errors: Errors, path: string, name: string): void {
  if (name === "") {
    errors.push(required(path));
    return;
  }
  if (name.length > poolNameMax) errors.push(tooLong(path, poolNameMax));
  for (const part of name.split("/")) checkText(errors, path, part, dns1123Subdomain);
}

/** Which share of a device that several claims may have. */
export function checkShareId(errors: Errors, path: string, id: string): void {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return;
  const known = /^(?:urn:uuid:)?\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$|^[0-9a-f]{32}$/i.test(id);
  errors.push(invalid(path, id, known ? uidText : `error validating uid: invalid UUID length: ${id.length}`));
}
