// Messages to documents. Each type is compiled once into a table from field number to a closure that reads the value into
// the slot of its JSON field; slots are then written out in Go's order with Go's rules for zero values. A message that
// JSON inlines (`Volume.volumeSource`) is a nested table over the same slots.
import type { Reader } from "protobufjs/minimal.js";
import { assertDefined } from "@triarch/base";
import type { MutableObject, MutableValue } from "../meta/mutable.ts";
import type { FieldSchema, ScalarKind, ValueSchema } from "../schema/type-schema.ts";
import { fieldSchema } from "../schema/type-table.ts";
import { isOmittedScalar, zeroOfField, zeroOfValue } from "../schema/zero-values.ts";
import { base64Text } from "./base64.ts";
import { readAny, readInt64, readIntOrString, readQuantity, readTime } from "./special-values.ts";
import { nestingDepthMax, ProtobufError, wireBytes, wireFixed64, wireVarint } from "./wire.ts";

type Slots = (MutableValue | undefined)[];
type ReadValue = (reader: Reader, depth: number) => MutableValue;
type ReadField = (reader: Reader, slots: Slots, wireType: number, depth: number) => void;
interface Message {
  readonly fields: readonly FieldSchema[];
  readonly table: FieldTable;
}
type FieldTable = Map<number, ReadField>;

const messages = new Map<string, Message>();

/**
 * Reads one message of `typeName` that ends at `end`, in the form of Kubernetes' JSON. Unknown field numbers are skipped.
 *
 * @throws ProtobufError | RangeError (from the reader) on a malformed message
 */
export function readMessage(typeName: string, reader: Reader, end: number, depth = 0): MutableObject {
  const message = messageOf(typeName);
  const slots: Slots = new Array<MutableValue | undefined>(message.fields.length);
  readFields(message.table, reader, end, slots, depth);
  const object: MutableObject = {};
  for (const [index, field] of message.fields.entries()) {
    const value = slots[index] ?? zeroOfField(field);
    if (value === undefined || isOmittedScalar(field, value)) continue;
    object[field.name] = value;
  }
  return object;
}

function messageOf(typeName: string): Message {
  const known = messages.get(typeName);
  if (known !== undefined) return known;
  const fields = [...fieldSchema(typeName).values()];
  const message: Message = { fields, table: new Map() };
  messages.set(typeName, message);
  const inlined = new Map<FieldTable, Map<number, FieldTable>>();
  for (const [slot, field] of fields.entries()) {
    let table = message.table;
    for (const number of field.protoPath.slice(0, -1)) table = inlinedTable(table, number, inlined);
    const last = field.protoPath.at(-1);
    if (last !== undefined) table.set(last, fieldReader(field.value, slot));
  }
  return message;
}

function inlinedTable(parent: FieldTable, number: number, all: Map<FieldTable, Map<number, FieldTable>>): FieldTable {
  const children = all.get(parent) ?? new Map<number, FieldTable>();
  all.set(parent, children);
  const known = children.get(number);
  if (known !== undefined) return known;
  const table: FieldTable = new Map();
  children.set(number, table);
  parent.set(number, (reader, slots, wireType, depth) => {
    expectWireType(wireType, wireBytes);
    readFields(table, reader, endOfMessage(reader), slots, depth + 1);
  });
  return table;
}

function readFields(table: FieldTable, reader: Reader, end: number, slots: Slots, depth: number): void {
  if (depth > nestingDepthMax) throw new ProtobufError(`protobuf: messages nested deeper than ${nestingDepthMax}`);
  while (reader.pos < end) {
    const tag = reader.uint32();
    const read = table.get(tag >>> 3);
    if (read !== undefined) read(reader, slots, tag & 7, depth);
    else reader.skipType(tag & 7);
  }
  if (reader.pos !== end) throw new ProtobufError(`protobuf: a field runs past the end of its message at byte ${end}`);
}

function fieldReader(value: ValueSchema, slot: number): ReadField {
  switch (value.kind) {
    case "list":
      return listReader(value.items, slot);
    case "map":
      return mapReader(value.values, slot);
    case "scalar":
    case "any":
    case "object": {
      const read = valueReader(value);
      const expected = wireTypeOf(value);
      return (reader, slots, wireType, depth) => {
        expectWireType(wireType, expected);
        slots[slot] = read(reader, depth);
      };
    }
  }
}

function listReader(items: ValueSchema, slot: number): ReadField {
  const read = valueReader(items);
  const expected = wireTypeOf(items);
  return (reader, slots, wireType, depth) => {
    const list = (slots[slot] ??= []) as MutableValue[];
    if (wireType === expected) {
      list.push(read(reader, depth));
      return;
    }
    // Numbers may come packed.
    expectWireType(wireType, wireBytes);
    const end = endOfMessage(reader);
    while (reader.pos < end) list.push(read(reader, depth));
  };
}

function mapReader(values: ValueSchema, slot: number): ReadField {
  const read = valueReader(values);
  const expected = wireTypeOf(values);
  return (reader, slots, wireType, depth) => {
    expectWireType(wireType, wireBytes);
    const map = (slots[slot] ??= {}) as MutableObject;
    const end = endOfMessage(reader);
    let key = "";
    let value: MutableValue | undefined;
    while (reader.pos < end) {
      const tag = reader.uint32();
      if (tag >>> 3 === 1) {
        expectWireType(tag & 7, wireBytes);
        key = reader.string();
      } else if (tag >>> 3 === 2) {
        expectWireType(tag & 7, expected);
        value = read(reader, depth);
      } else reader.skipType(tag & 7);
    }
    value ??= zeroOfValue(values);
    // `__proto__` is a name like any other here.
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  };
}

function valueReader(value: ValueSchema): ReadValue {
  switch (value.kind) {
    case "scalar":
      return scalarReader(value.scalar);
    case "any":
      return (reader, depth) => readAny(value.typeName, reader, endOfMessage(reader), depth);
    case "object":
      return (reader, depth) => readMessage(value.typeName, reader, endOfMessage(reader), depth + 1);
    case "list": {
      // A list inside a map or a list has a message of its own around it, with the items as field 1.
      const table: FieldTable = new Map([[1, listReader(value.items, 0)]]);
      return (reader, depth) => {
        const slots: Slots = [[]];
        readFields(table, reader, endOfMessage(reader), slots, depth + 1);
        return assertDefined(slots[0], "protobuf: the slot of a wrapped list");
      };
    }
    case "map":
      throw new ProtobufError("protobuf: Kubernetes has no map inside a list or a map");
  }
}

function scalarReader(scalar: ScalarKind): ReadValue {
  switch (scalar) {
    case "string":
    case "duration":
      return (reader) => reader.string();
    case "boolean":
      return (reader) => reader.bool();
    case "int32":
      return (reader) => reader.int32();
    case "int64":
      return readInt64;
    case "double":
      return (reader) => reader.double();
    case "bytes":
      return (reader) => base64Text(reader.bytes());
    case "time":
      return (reader) => readTime(reader, endOfMessage(reader), "time");
    case "microTime":
      return (reader) => readTime(reader, endOfMessage(reader), "microTime");
    case "quantity":
      return (reader) => readQuantity(reader, endOfMessage(reader));
    case "intOrString":
      return (reader) => readIntOrString(reader, endOfMessage(reader));
  }
}

function wireTypeOf(value: ValueSchema): number {
  if (value.kind !== "scalar") return wireBytes;
  switch (value.scalar) {
    case "boolean":
    case "int32":
    case "int64":
      return wireVarint;
    case "double":
      return wireFixed64;
    case "string":
    case "duration":
    case "bytes":
    case "time":
    case "microTime":
    case "quantity":
    case "intOrString":
      return wireBytes;
  }
}

/** Reads the length of an embedded message. @throws RangeError past the end of the body */
function endOfMessage(reader: Reader): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) throw new RangeError(`index out of range: ${reader.pos} + ${length} > ${reader.len}`);
  return end;
}

function expectWireType(actual: number, expected: number): void {
  if (actual !== expected) throw new ProtobufError(`protobuf: wire type ${actual} where ${expected} belongs`);
}
