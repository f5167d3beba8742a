// Documents to messages, byte for byte as Go's generated code writes them: fields in ascending order of number, what is not
// behind a pointer always, maps sorted by key. Each type is compiled once into a list of closures; a message that JSON
// inlines is a nested list over the same document.
import type { Writer } from "protobufjs/minimal.js";
import type { JsonObject, JsonValue } from "../json.ts";
import type { FieldSchema, ScalarKind, ValueSchema } from "../schema/type-schema.ts";
import { fieldSchema } from "../schema/type-table.ts";
import { base64Bytes } from "./base64.ts";
import { writeAny, writeIntOrString, writeQuantity, writeTime } from "./special-values.ts";
import { ProtobufError, wireBytes, wireFixed64, wireVarint } from "./wire.ts";

type WriteField = (writer: Writer, object: JsonObject) => void;
type WriteValue = (writer: Writer, value: JsonValue) => void;
interface Member {
  readonly number: number;
  readonly write: WriteField;
}

const messages = new Map<string, readonly Member[]>();
const emptyObject: JsonObject = {};

/** Writes the fields of one message of `typeName`. @throws ProtobufError when a value is not what its field holds */
export function writeMessage(typeName: string, writer: Writer, object: JsonObject): void {
  for (const member of membersOf(typeName)) member.write(writer, object);
}

function membersOf(typeName: string): readonly Member[] {
  const known = messages.get(typeName);
  if (known !== undefined) return known;
  const members: Member[] = [];
  messages.set(typeName, members);
  const located = [...fieldSchema(typeName).values()].filter((field) => field.protoPath.length > 0);
  members.push(...membersAt(located, 0));
  return members;
}

/** The members of the message at `depth` in the fields' paths, inlined messages included. */
function membersAt(fields: readonly FieldSchema[], depth: number): Member[] {
  const byNumber = new Map<number, FieldSchema[]>();
  for (const field of fields) {
    const number = field.protoPath[depth] as number;
    byNumber.set(number, [...(byNumber.get(number) ?? []), field]);
  }
  const members: Member[] = [];
  for (const [number, group] of byNumber) {
    const first = group[0] as FieldSchema;
    if (first.protoPath.length === depth + 1) {
      members.push({ number, write: fieldWriter(first, number) });
      continue;
    }
    const inner = membersAt(group, depth + 1);
    const tag = tagOf(number, wireBytes);
    members.push({
      number,
      write: (writer, object) => {
        writer.uint32(tag).fork();
        for (const member of inner) member.write(writer, object);
        writer.ldelim();
      },
    });
  }
  return members.sort((left, right) => left.number - right.number);
}

function fieldWriter(field: FieldSchema, number: number): WriteField {
  const { name, value } = field;
  switch (value.kind) {
    case "list":
      return listWriter(name, value.items, number);
    case "map":
      return mapWriter(name, value.values, number);
    case "scalar":
    case "any":
    case "object": {
      const tag = tagOf(number, wireTypeOf(value));
      const write = named(name, valueWriter(value));
      const zero = field.pointer ? undefined : zeroOnTheWire(value);
      return (writer, object) => {
        const held = object[name] ?? zero;
        if (held === undefined) return;
        writer.uint32(tag);
        write(writer, held === unset ? null : held);
      };
    }
  }
}

/** Stands for a zero time or empty free-form value, which is an empty message. */
const unset: JsonObject = {};

function zeroOnTheWire(value: ValueSchema): JsonValue | undefined {
  if (value.kind === "object") return emptyObject;
  if (value.kind !== "scalar") return unset;
  switch (value.scalar) {
    case "string":
    case "duration":
      return "";
    case "quantity":
      return "0";
    case "boolean":
      return false;
    case "int32":
    case "int64":
    case "double":
    case "intOrString":
      return 0;
    case "time":
    case "microTime":
      return unset;
    case "bytes":
      return undefined;
  }
}

function listWriter(name: string, items: ValueSchema, number: number): WriteField {
  const tag = tagOf(number, wireTypeOf(items));
  const write = named(name, valueWriter(items));
  return (writer, object) => {
    const list = object[name];
    if (list === undefined || list === null) return;
    if (!Array.isArray(list)) throw mismatch(name, list);
    for (const item of list as readonly JsonValue[]) {
      writer.uint32(tag);
      write(writer, item);
    }
  };
}

function mapWriter(name: string, values: ValueSchema, number: number): WriteField {
  const tag = tagOf(number, wireBytes);
  const keyTag = tagOf(1, wireBytes);
  const valueTag = tagOf(2, wireTypeOf(values));
  const write = named(name, valueWriter(values));
  return (writer, object) => {
    const map = object[name];
    if (map === undefined || map === null) return;
    for (const key of Object.keys(asObject(map, name)).sort()) {
      writer.uint32(tag).fork().uint32(keyTag).string(key).uint32(valueTag);
      write(writer, (map as JsonObject)[key] as JsonValue);
      writer.ldelim();
    }
  };
}

function valueWriter(value: ValueSchema): WriteValue {
  switch (value.kind) {
    case "scalar":
      return scalarWriter(value.scalar);
    case "any":
      return embedded((writer, held) => {
        if (held !== null) writeAny(value.typeName, writer, held);
      });
    case "object":
      return embedded((writer, held) => {
        if (held !== null) writeMessage(value.typeName, writer, asObject(held, value.typeName));
      });
    case "list": {
      // A list inside a map or a list has a message of its own around it, with the items as field 1.
      const write = listWriter("items", value.items, 1);
      return embedded((writer, held) => write(writer, { items: held }));
    }
    case "map":
      throw new ProtobufError("protobuf: Kubernetes has no map inside a list or a map");
  }
}

function scalarWriter(scalar: ScalarKind): WriteValue {
  switch (scalar) {
    case "string":
    case "duration":
      return (writer, held) => writer.string(asText(held));
    case "boolean":
      return (writer, held) => writer.bool(held === true);
    case "int32":
      return (writer, held) => writer.int32(asNumber(held));
    case "int64":
      return (writer, held) => writer.int64(asNumber(held));
    case "double":
      return (writer, held) => writer.double(asNumber(held));
    case "bytes":
      return (writer, held) => writer.bytes(base64Bytes(asText(held)));
    case "time":
    case "microTime":
      return embedded((writer, held) => {
        writeTime(writer, held, scalar);
      });
    case "quantity":
      return embedded((writer, held) => {
        writeQuantity(writer, typeof held === "number" ? String(held) : asText(held));
      });
    case "intOrString":
      return embedded((writer, held) => {
        writeIntOrString(writer, typeof held === "number" ? held : asText(held));
      });
  }
}

function embedded(write: WriteValue): WriteValue {
  return (writer, held) => {
    writer.fork();
    write(writer, held);
    writer.ldelim();
  };
}

/** Adds the field's name to what a value's writer complains about. */
function named(name: string, write: WriteValue): WriteValue {
  return (writer, held) => {
    try {
      write(writer, held);
    } catch (error) {
      if (error instanceof ProtobufError) throw error;
      throw new ProtobufError(`protobuf: field ${name}: ${(error as Error).message}`, { cause: error });
    }
  };
}

function wireTypeOf(value: ValueSchema): number {
  if (value.kind !== "scalar") return wireBytes;
  if (value.scalar === "double") return wireFixed64;
  return value.scalar === "boolean" || value.scalar === "int32" || value.scalar === "int64" ? wireVarint : wireBytes;
}

function tagOf(number: number, wireType: number): number {
  return (number << 3) | wireType;
}

function mismatch(name: string, value: JsonValue): ProtobufError {
  return new ProtobufError(`protobuf: field ${name} cannot hold ${JSON.stringify(value).slice(0, 80)}`);
}

function asObject(value: JsonValue, name: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw mismatch(name, value);
  return value as JsonObject;
}

function asText(value: JsonValue): string {
  if (value === null) return "";
  if (typeof value !== "string") throw new TypeError(`${JSON.stringify(value).slice(0, 80)} is not a text`);
  return value;
}

function asNumber(value: JsonValue): number {
  if (value === null) return 0;
  if (typeof value !== "number") throw new TypeError(`${JSON.stringify(value).slice(0, 80)} is not a number`);
  return value;
}
