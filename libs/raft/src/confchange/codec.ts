/**
 * ConfChange and ConfChangeV2 in the wire form of raftpb, so that logs and snapshots are readable by etcd's tools.
 * ConfChange: id=1, type=2, nodeId=3, context=4. ConfChangeV2: transition=1, changes=2 {type=1, nodeId=2}, context=3.
 * Types are 0 addNode, 1 removeNode, 2 updateNode, 3 addLearnerNode; transitions 0 auto, 1 jointImplicit, 2 jointExplicit.
 */
import { emptyBytes } from "@triarch/base";
import type { EntryType, MemberId } from "../types.ts";
import type {
  ConfChange,
  ConfChangeSingle,
  ConfChangeTransition,
  ConfChangeType,
  ConfChangeV1,
  ConfChangeV2,
} from "./conf-change.ts";

const changeTypes: readonly ConfChangeType[] = ["addNode", "removeNode", "updateNode", "addLearnerNode"];
const transitions: readonly ConfChangeTransition[] = ["auto", "jointImplicit", "jointExplicit"];

/** The bytes are not what their entry type says. Nothing was applied. */
export class ConfChangeDecodeError extends Error {
  override readonly name = "ConfChangeDecodeError";
}

/** @returns the entry type to store and the entry's data. Zero values are written, as etcd does. */
export function encodeConfChange(change: ConfChange): { type: EntryType; data: Uint8Array } {
  return change.version === 1
    ? { type: "confChange", data: encodeV1(change) }
    : { type: "confChangeV2", data: encodeV2(change) };
}

/** @throws ConfChangeDecodeError */
export function decodeConfChange(type: EntryType, data: Uint8Array): ConfChange {
  switch (type) {
    case "confChange":
      return decodeV1(data);
    case "confChangeV2":
      return decodeV2(data);
    case "normal":
      throw new ConfChangeDecodeError("a normal entry holds no configuration change");
  }
}

function encodeV1(change: ConfChangeV1): Uint8Array {
  const out: number[] = [];
  writeVarintField(out, 1, change.id);
  writeVarintField(out, 2, BigInt(changeTypes.indexOf(change.type)));
  writeVarintField(out, 3, change.nodeId);
  if (change.context.length > 0) writeBytesField(out, 4, change.context);
  return Uint8Array.from(out);
}

function encodeV2(change: ConfChangeV2): Uint8Array {
  const out: number[] = [];
  writeVarintField(out, 1, BigInt(transitions.indexOf(change.transition)));
  for (const single of change.changes) {
    const inner: number[] = [];
    writeVarintField(inner, 1, BigInt(changeTypes.indexOf(single.type)));
    writeVarintField(inner, 2, single.nodeId);
    writeBytesField(out, 2, inner);
  }
  if (change.context.length > 0) writeBytesField(out, 3, change.context);
  return Uint8Array.from(out);
}

function decodeV1(data: Uint8Array): ConfChangeV1 {
  let id = 0n;
  let type: ConfChangeType = "addNode";
  let nodeId: MemberId = 0n;
  let context = emptyBytes;
  for (const field of fieldsOf(data)) {
    if (field.number === 1) id = field.value;
    else if (field.number === 2) type = named(changeTypes, field.value, "change type");
    else if (field.number === 3) nodeId = field.value;
    else if (field.number === 4) context = field.bytes;
  }
  return { version: 1, id, type, nodeId, context };
}

function decodeV2(data: Uint8Array): ConfChangeV2 {
  let transition: ConfChangeTransition = "auto";
  const changes: ConfChangeSingle[] = [];
  let context = emptyBytes;
  for (const field of fieldsOf(data)) {
    if (field.number === 1) transition = named(transitions, field.value, "transition");
    else if (field.number === 2) changes.push(decodeSingle(field.bytes));
    else if (field.number === 3) context = field.bytes;
  }
  return { version: 2, transition, changes, context };
}

function decodeSingle(data: Uint8Array): ConfChangeSingle {
  let type: ConfChangeType = "addNode";
  let nodeId: MemberId = 0n;
  for (const field of fieldsOf(data)) {
    if (field.number === 1) type = named(changeTypes, field.value, "change type");
    else if (field.number === 2) nodeId = field.value;
  }
  return { type, nodeId };
}

function named<T>(names: readonly T[], value: bigint, what: string): T {
  const name = names[Number(value)];
  if (name === undefined) throw new ConfChangeDecodeError(`unknown ${what} ${value.toString()}`);
  return name;
}

function writeVarintField(out: number[], number: number, value: bigint): void {
  out.push(number << 3);
  writeVarint(out, value);
}

function writeBytesField(out: number[], number: number, bytes: ArrayLike<number>): void {
  out.push((number << 3) | 2);
  writeVarint(out, BigInt(bytes.length));
  for (let i = 0; i < bytes.length; i++) out.push(bytes[i] as number);
}

function writeVarint(out: number[], value: bigint): void {
  let rest = value;
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
}

/** One field of a message: `value` for varints, `bytes` for length-delimited ones. */
interface Field {
  readonly number: number;
  readonly value: bigint;
  readonly bytes: Uint8Array;
}

function* fieldsOf(data: Uint8Array): Generator<Field> {
  let offset = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = data[offset++];
      if (byte === undefined) throw new ConfChangeDecodeError("the change ends inside a number");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ConfChangeDecodeError("a number is longer than 64 bits");
  };
  while (offset < data.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    if ((tag & 7) === 0) {
      yield { number, value: varint(), bytes: emptyBytes };
    } else if ((tag & 7) === 2) {
      const length = Number(varint());
      if (length > data.length - offset) throw new ConfChangeDecodeError("the change ends inside a field");
      yield { number, value: 0n, bytes: data.subarray(offset, offset + length) };
      offset += length;
    } else {
      throw new ConfChangeDecodeError(`field ${number} has the unexpected wire type ${tag & 7}`);
    }
  }
}
