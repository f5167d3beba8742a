// Values that are a message on the wire and a scalar, or free-form, in JSON: times, quantities, IntOrString, RawExtension,
// FieldsV1 and the unions of a JSON schema.
import { utf8, utf8TextStrict } from "@triarch/base";
import LongModule from "long";
import type { Reader, Writer } from "protobufjs/minimal.js";
import type { JsonValue } from "../json.ts";
import type { MutableObject, MutableValue } from "../meta/mutable.ts";
import { microTimeText, parseTime, timeText } from "../meta/time.ts";
import { readMessage } from "./decoder.ts";
import { writeMessage } from "./encoder.ts";
import { ProtobufError } from "./wire.ts";

// "long" has both an ESM and a CommonJS face; under nodenext its class is the default export.
const Long = LongModule;

const fieldOfType = (number: number, wireType: number): number => (number << 3) | wireType;

/** Go's int64. Past 2^53-1 the nearest double, as JSON readers in JavaScript get it. */
export function readInt64(reader: Reader): number {
  const value: unknown = reader.int64();
  return typeof value === "number" ? value : Long.fromValue(value as LongModule).toNumber();
}

/** Calls `read` for each field of a small message up to `end`; fields it does not take are skipped. */
function readSmall(reader: Reader, end: number, read: (field: number, wireType: number) => boolean): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!read(tag >>> 3, tag & 7)) reader.skipType(tag & 7);
  }
  if (reader.pos !== end) throw new ProtobufError(`protobuf: a field runs past the end of its message at byte ${end}`);
}

/** @returns null for a time that was never set */
export function readTime(reader: Reader, end: number, form: "time" | "microTime"): string | null {
  let seconds = 0;
  let nanos = 0;
  readSmall(reader, end, (field, wireType) => {
    if (wireType !== 0) return false;
    if (field === 1) seconds = readInt64(reader);
    else if (field === 2) nanos = reader.int32();
    else return false;
    return true;
  });
  if (seconds === 0 && nanos === 0) return null;
  return form === "time" ? timeText(seconds * 1000) : microTimeText(seconds * 1000 + nanos / 1_000_000);
}

/** An unset time is an empty message. @throws ProtobufError on a text that is no time */
export function writeTime(writer: Writer, value: JsonValue | undefined, form: "time" | "microTime"): void {
  if (value === undefined || value === null) return;
  const ms = typeof value === "string" ? parseTime(value) : undefined;
  if (ms === undefined) throw new ProtobufError(`protobuf: ${JSON.stringify(value)} is not a time`);
  const seconds = Math.floor(ms / 1000);
  const nanos = form === "time" ? 0 : Math.round((ms - seconds * 1000) * 1000) * 1000;
  writer.uint32(fieldOfType(1, 0)).int64(seconds);
  writer.uint32(fieldOfType(2, 0)).int32(nanos);
}

export function readQuantity(reader: Reader, end: number): string {
  let text = "0";
  readSmall(reader, end, (field, wireType) => {
    if (field !== 1 || wireType !== 2) return false;
    text = reader.string();
    return true;
  });
  return text;
}

export function writeQuantity(writer: Writer, text: string): void {
  writer.uint32(fieldOfType(1, 2)).string(text);
}

export function readIntOrString(reader: Reader, end: number): string | number {
  let isText = false;
  let number = 0;
  let text = "";
  readSmall(reader, end, (field, wireType) => {
    if (field === 1 && wireType === 0) isText = reader.int32() === 1;
    else if (field === 2 && wireType === 0) number = reader.int32();
    else if (field === 3 && wireType === 2) text = reader.string();
    else return false;
    return true;
  });
  return isText ? text : number;
}

export function writeIntOrString(writer: Writer, value: string | number): void {
  writer.uint32(fieldOfType(1, 0)).int32(typeof value === "string" ? 1 : 0);
  writer.uint32(fieldOfType(2, 0)).int32(typeof value === "string" ? 0 : value);
  writer.uint32(fieldOfType(3, 2)).string(typeof value === "string" ? value : "");
}

const jsonSchemaProps = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

/** Free-form JSON of the named type. @throws ProtobufError when the bytes inside are not JSON */
export function readAny(typeName: string, reader: Reader, end: number, depth: number): MutableValue {
  let value: MutableValue = null;
  const list: MutableValue[] = [];
  const union = unionOf(typeName);
  readSmall(reader, end, (field, wireType) => {
    if (union === "none" && field === 1 && wireType === 2) value = parseJsonBytes(reader.bytes(), typeName);
    else if (union === "bool" && field === 1 && wireType === 0) value = reader.bool();
    else if (union !== "none" && field === (union === "bool" ? 2 : 1) && wireType === 2)
      value = readMessage(jsonSchemaProps, reader, reader.uint32() + reader.pos, depth + 1);
    else if (union === "array" && field === 2 && wireType === 2)
      list.push(readMessage(jsonSchemaProps, reader, reader.uint32() + reader.pos, depth + 1));
    else if (union === "strings" && field === 2 && wireType === 2) list.push(reader.string());
    else return false;
    return true;
  });
  return list.length > 0 ? list : value;
}

export function writeAny(typeName: string, writer: Writer, value: JsonValue): void {
  const union = unionOf(typeName);
  if (union === "none") {
    writer.uint32(fieldOfType(1, 2)).bytes(utf8(JSON.stringify(value)));
    return;
  }
  if (union === "bool") writer.uint32(fieldOfType(1, 0)).bool(value !== false);
  if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) {
      if (typeof item === "string") writer.uint32(fieldOfType(2, 2)).string(item);
      else writeSchema(writer.uint32(fieldOfType(2, 2)), item);
    }
  } else if (typeof value === "object" && value !== null)
    writeSchema(writer.uint32(fieldOfType(union === "bool" ? 2 : 1, 2)), value);
}

function writeSchema(writer: Writer, value: JsonValue): void {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ProtobufError(`protobuf: ${JSON.stringify(value)} is not a JSON schema`);
  writer.fork();
  writeMessage(jsonSchemaProps, writer, value as MutableObject);
  writer.ldelim();
}

/** Which alternatives a JSON schema's union has besides one schema. */
function unionOf(typeName: string): "none" | "bool" | "array" | "strings" {
  if (typeName.endsWith(".JSONSchemaPropsOrBool")) return "bool";
  if (typeName.endsWith(".JSONSchemaPropsOrArray")) return "array";
  return typeName.endsWith(".JSONSchemaPropsOrStringArray") ? "strings" : "none";
}

function parseJsonBytes(bytes: Uint8Array, typeName: string): MutableValue {
  if (bytes.length === 0) return null;
  try {
    return JSON.parse(utf8TextStrict(bytes)) as MutableValue;
  } catch (cause) {
    const short = typeName.slice(typeName.lastIndexOf(".") + 1);
    throw new ProtobufError(`protobuf: the bytes of a ${short} are not JSON: ${(cause as Error).message}`, { cause });
  }
}
