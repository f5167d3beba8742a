import type { JsonValue } from "../json.ts";
import { invalid } from "../meta/field-error.ts";
import {
  badRequest,
  type FailureStatus,
  invalidObject,
  requestEntityTooLarge,
  StatusError,
  unprocessable,
} from "../meta/status.ts";

/**
 * A patch that can't be read (400), can't be applied to this object (422) or is too large (413). A server of
 * Kubernetes answers some malformed strategic patches with 500; the client is at fault, so ours says 400 with that text.
 */
export class PatchError extends StatusError {
  /** Which step of the patch failed, for logs: the answer to a patch that does not fit says nothing. */
  readonly patchCause: string;
  constructor(status: FailureStatus, cause: string) {
    super(status);
    this.patchCause = cause;
  }
}

export function malformedPatch(message: string): PatchError {
  return new PatchError(badRequest(message), message);
}

export function inapplicablePatch(cause: string): PatchError {
  return new PatchError(unprocessable(), cause);
}

export function tooLargePatch(message: string): PatchError {
  return new PatchError(requestEntityTooLarge(message), message);
}

/** The patch could be applied, but what comes of it can't be read. @param shown the patch, or what comes of it */
export function unreadablePatch(shown: string, problem: string): PatchError {
  return new PatchError(invalidObject({ group: "", kind: "" }, "", [invalid("patch", shown, problem)]), problem);
}

/** What JSON calls the type, in the words of Go's decoder: `object`, `array`, `string`, `number`, `bool`. */
export function jsonTypeName(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** A value as Go prints it with `%v`: `map[image:x name:a]`. */
export function goValueText(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return "<nil>";
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => goValueText(item)).join(" ")}]`;
  const fields = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `map[${fields.map(([key, field]) => `${key}:${goValueText(field as JsonValue)}`).join(" ")}]`;
}
