// One thing that is wrong with one field. Texts and cause reasons are what clients of Kubernetes match.
import { goJson, type JsonValue } from "../json.ts";

export type FieldErrorType =
  | "FieldValueRequired"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueDuplicate"
  | "FieldValueForbidden"
  | "FieldValueNotFound"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "FieldValueTypeInvalid"
  | "InternalError";

export interface FieldError {
  readonly type: FieldErrorType;
  /** Path of the field, `spec.ports[0].name`; a map's entry is `data[key]`. */
  readonly field: string;
  readonly detail: string;
  /** What was found. Rendered only for the types that show it; `undefined` renders as `null`. */
  readonly badValue?: JsonValue | undefined;
  /** For errors about what no single value shows. */
  readonly hidesValue?: true;
}

const titles: Readonly<Record<FieldErrorType, string>> = {
  FieldValueRequired: "Required value",
  FieldValueInvalid: "Invalid value",
  FieldValueNotSupported: "Unsupported value",
  FieldValueDuplicate: "Duplicate value",
  FieldValueForbidden: "Forbidden",
  FieldValueNotFound: "Not found",
  FieldValueTooLong: "Too long",
  FieldValueTooMany: "Too many",
  FieldValueTypeInvalid: "Invalid value",
  InternalError: "Internal error",
};

const withoutValue: ReadonlySet<FieldErrorType> = new Set([
  "FieldValueRequired",
  "FieldValueForbidden",
  "FieldValueTooLong",
  "InternalError",
]);

/** The text without the path, as it stands in a cause: `Invalid value: -1: must be greater than or equal to 0`. */
export function fieldErrorBody(error: FieldError): string {
  const title = titles[error.type];
  const hidden = error.hidesValue === true || withoutValue.has(error.type);
  const shown = hidden ? title : `${title}: ${shownValue(error.badValue)}`;
  return error.detail === "" ? shown : `${shown}: ${error.detail}`;
}

/** The full text: `spec.replicas: Invalid value: -1: must be greater than or equal to 0`. */
export function fieldErrorText(error: FieldError): string {
  return `${error.field}: ${fieldErrorBody(error)}`;
}

export function required(field: string, detail = ""): FieldError {
  return { type: "FieldValueRequired", field, detail };
}

export function invalid(field: string, badValue: JsonValue | undefined, detail: string): FieldError {
  return { type: "FieldValueInvalid", field, detail, badValue };
}

/** Invalid, but not by a value that could be shown. */
export function invalidAltogether(field: string, detail: string): FieldError {
  return { type: "FieldValueInvalid", field, detail, hidesValue: true };
}

/** @param supported the values that would do, in the order in which they are to be shown */
export function notSupported(field: string, badValue: JsonValue, supported: readonly string[]): FieldError {
  const shown = supported.map((value) => JSON.stringify(value)).join(", ");
  return { type: "FieldValueNotSupported", field, detail: shown === "" ? "" : `supported values: ${shown}`, badValue };
}

export function duplicate(field: string, badValue: JsonValue): FieldError {
  return { type: "FieldValueDuplicate", field, detail: "", badValue };
}

export function forbidden(field: string, detail: string): FieldError {
  return { type: "FieldValueForbidden", field, detail };
}

export function notFoundField(field: string, badValue: JsonValue): FieldError {
  return { type: "FieldValueNotFound", field, detail: "", badValue };
}

/** @param maxBytes what would be accepted; Kubernetes counts bytes here */
export function tooLong(field: string, maxBytes: number): FieldError {
  return { type: "FieldValueTooLong", field, detail: `may not be more than ${maxBytes} bytes` };
}

export function tooMany(field: string, count: number, max: number): FieldError {
  return {
    type: "FieldValueTooMany",
    field,
    detail: `must have at most ${max} ${max === 1 ? "item" : "items"}`,
    badValue: count,
  };
}

/** How a found value is shown: texts quoted, all else as Go's compact JSON, `null` where there was none. */
function shownValue(value: JsonValue | undefined): string {
  if (value === undefined) return "null";
  return typeof value === "string" ? JSON.stringify(value) : goJson(value);
}
