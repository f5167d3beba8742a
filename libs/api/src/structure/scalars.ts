// Scalars of a JSON document as Go reads and would write them again: quantities in canonical form, times in UTC.
import type { JsonValue } from "../json.ts";
import { microTimeText, parseTime, timeText } from "../meta/time.ts";
import { base64Bytes } from "../protobuf/base64.ts";
import { canonicalQuantity, quantityErrorText } from "../quantity/quantity.ts";
import type { ScalarKind } from "../schema/type-schema.ts";
import { hasSixDecimals, microTimeLayout, timeError, timeLayout } from "./go-time.ts";

/** Why a value is refused: what came and what Go wanted, for the sentence with the field's name; or a sentence of its own. */
export class WrongValue extends Error {
  override readonly name = "WrongValue";
  /** `string`, `number 2147483648`, `bool` and so on; `undefined` where `message` is the whole sentence. */
  readonly came: string | undefined;
  /** The Go type, where it is not that of the field. */
  readonly wanted: string | undefined;
  constructor(came: string | undefined, { message = "", wanted }: { message?: string; wanted?: string } = {}) {
    super(message);
    this.came = came;
    this.wanted = wanted;
  }
}

const int32Max = 0x7fff_ffff;
/** 2^63: the first integer past int64. */
const int64End = 9_223_372_036_854_775_808;

/** @throws WrongValue | Base64Error | QuantityError; the last two bring Kubernetes' sentence as `message` */
export function readScalar(scalar: ScalarKind, value: JsonValue): string | number | boolean {
  switch (scalar) {
    case "string":
    case "duration":
      if (typeof value !== "string") throw new WrongValue(jsonType(value));
      return value;
    case "boolean":
      if (typeof value !== "boolean") throw new WrongValue(jsonType(value));
      return value;
    case "int32":
      return readInteger(value, int32Max, -int32Max - 1);
    case "int64":
      return readInteger(value, int64End, -int64End);
    case "double":
      if (typeof value !== "number") throw new WrongValue(jsonType(value));
      return value;
    case "bytes":
      if (typeof value !== "string") throw new WrongValue(jsonType(value));
      base64Bytes(value);
      return value.replace(/[\r\n]/g, "");
    case "time":
    case "microTime":
      return readTimeText(value, scalar);
    case "quantity":
      if (typeof value !== "string" && typeof value !== "number")
        throw new WrongValue(undefined, { message: quantityErrorText });
      return canonicalQuantity(String(value));
    case "intOrString":
      return readIntOrString(value);
  }
}

/** What Go's decoder calls the JSON type of a value. */
export function jsonType(value: JsonValue): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

function readInteger(value: JsonValue, max: number, min: number): number {
  if (typeof value !== "number") throw new WrongValue(jsonType(value));
  if (!Number.isInteger(value) || value > max || value < min || value === int64End)
    throw new WrongValue(`number ${integerText(value)}`);
  return value;
}

function integerText(value: number): string {
  return Number.isInteger(value) ? BigInt(value).toString() : String(value);
}

function readTimeText(value: JsonValue, scalar: "time" | "microTime"): string {
  if (typeof value !== "string") throw new WrongValue(jsonType(value), { wanted: "string" });
  const ms = parseTime(value);
  if (scalar === "time") {
    if (ms === undefined) throw new WrongValue(undefined, { message: timeError(value, timeLayout) });
    return timeText(ms);
  }
  if (ms === undefined || !hasSixDecimals(value))
    throw new WrongValue(undefined, { message: timeError(value, microTimeLayout) });
  return microTimeText(ms);
}

function readIntOrString(value: JsonValue): string | number {
  if (typeof value === "string") return value;
  if (typeof value !== "number") throw new WrongValue(jsonType(value), { wanted: "int32" });
  if (!Number.isInteger(value) || Math.abs(value) > int32Max)
    throw new WrongValue(`number ${integerText(value)}`, { wanted: "int32" });
  return value;
}
