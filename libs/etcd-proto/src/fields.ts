/**
 * The kinds of field a message can have. A field is its number plus closures that read and write it; what it reads
 * is `T`, what one may give to write is `Init` (nested messages may leave fields out).
 *
 * proto3 rules: a scalar that is zero, a missing message and an empty list are not written. `optional*` fields are
 * members of a oneof: written even when zero, `undefined` when absent.
 */
import { emptyBytes } from "@triarch/base";
import type { Reader, Writer } from "protobufjs/minimal.js";
import { DecodeError } from "./decode-error.ts";
import * as integers from "./integers.ts";
import * as json from "./json.ts";
import type { MessageType } from "./message.ts";

export const wireVarint = 0;
export const wireBytes = 2;

export interface Field<T, Init = T> {
  readonly number: number;
  /** Each wire form the field may come in; the first is the one written. */
  readonly wireTypes: readonly number[];
  readonly zero: T;
  /** Writes tag and value, or nothing when the value is zero. */
  write(writer: Writer, value: Init): void;
  /** @param previous what the field held before: lists append to it. */
  read(reader: Reader, previous: T, wireType: number, depth: number): T;
  complete(init: Init): T;
  /** @returns undefined for what is left out */
  toJson(value: Init): json.JsonValue | undefined;
  /** @throws DecodeError */
  fromJson(json: unknown): T;
}

interface ScalarKind<T> extends json.JsonForm<T> {
  readonly wireType: number;
  readonly zero: T;
  isZero(value: T): boolean;
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
}

const identity = <T>(value: T): T => value;

function scalar<T>(number: number, kind: ScalarKind<T>): Field<T> {
  const tag = (number << 3) | kind.wireType;
  return {
    number,
    wireTypes: [kind.wireType],
    zero: kind.zero,
    write: (writer, value) => {
      if (!kind.isZero(value)) kind.write(writer.uint32(tag), value);
    },
    read: (reader) => kind.read(reader),
    complete: identity,
    toJson: (value) => (kind.isZero(value) ? undefined : kind.toJson(value)),
    fromJson: kind.fromJson,
  };
}

function optionalScalar<T>(number: number, kind: ScalarKind<T>): Field<T | undefined> {
  const tag = (number << 3) | kind.wireType;
  return {
    number,
    wireTypes: [kind.wireType],
    zero: undefined,
    write: (writer, value) => {
      if (value !== undefined) kind.write(writer.uint32(tag), value);
    },
    read: (reader) => kind.read(reader),
    complete: identity,
    toJson: (value) => (value === undefined ? undefined : kind.toJson(value)),
    fromJson: kind.fromJson,
  };
}

const isFalsy = (value: unknown): boolean => !value;
const varint = <T>(
  zero: T,
  form: json.JsonForm<T>,
  write: ScalarKind<T>["write"],
  read: ScalarKind<T>["read"],
): ScalarKind<T> => ({
  ...form,
  wireType: wireVarint,
  zero,
  isZero: isFalsy,
  write,
  read,
});

const int64Kind = varint(0, json.integerJson, integers.writeInt64, integers.readInt64);
const uint64Kind = varint(0, json.integerJson, integers.writeUint64, integers.readUint64);
const idKind = varint(
  0n,
  json.bigIntegerJson((value) => BigInt.asUintN(64, value)),
  integers.writeBigUint64,
  integers.readBigUint64,
);
const leaseIdKind = varint(
  0n,
  json.bigIntegerJson((value) => BigInt.asIntN(64, value)),
  integers.writeBigInt64,
  integers.readBigInt64,
);
const uint32Kind = varint<number>(
  0,
  json.smallIntegerJson,
  (writer, value) => void writer.uint32(value),
  (reader) => reader.uint32(),
);
const enumKind = (names: readonly string[]): ScalarKind<number> =>
  varint<number>(
    0,
    json.enumerationJson(names),
    (writer, value) => void writer.int32(value),
    (reader) => reader.int32(),
  );
const boolKind = varint<boolean>(
  false,
  json.boolJson,
  (writer, value) => void writer.bool(value),
  (reader) => reader.bool(),
);
const bytesKind: ScalarKind<Uint8Array> = {
  ...json.bytesJson,
  wireType: wireBytes,
  zero: emptyBytes,
  isZero: (value) => value.length === 0,
  write: (writer, value) => void writer.bytes(value),
  read: (reader) => reader.bytes(),
};
const stringKind: ScalarKind<string> = {
  ...json.stringJson,
  wireType: wireBytes,
  zero: "",
  isZero: isFalsy,
  write: (writer, value) => void writer.string(value),
  read: (reader) => reader.string(),
};

/** int64 that counts or orders: revisions, versions, limits, sizes. */
export const int64 = (number: number): Field<number> => scalar(number, int64Kind);
/** uint64 that counts or orders: indexes and terms. */
export const uint64 = (number: number): Field<number> => scalar(number, uint64Kind);
/** uint64 that identifies: clusters, members, requests. */
export const id = (number: number): Field<bigint> => scalar(number, idKind);
/** int64 that identifies: leases. */
export const leaseId = (number: number): Field<bigint> => scalar(number, leaseIdKind);
export const uint32 = (number: number): Field<number> => scalar(number, uint32Kind);
/** An open enumeration: unknown values are kept as they came. @param names for JSON, by number */
export const enumeration = (number: number, names: readonly string[] = []): Field<number> =>
  scalar(number, enumKind(names));
export const bool = (number: number): Field<boolean> => scalar(number, boolKind);
/** What is read is a view of the input, not a copy. */
export const bytes = (number: number): Field<Uint8Array> => scalar(number, bytesKind);
export const string = (number: number): Field<string> => scalar(number, stringKind);

export const optionalInt64 = (number: number): Field<number | undefined> => optionalScalar(number, int64Kind);
export const optionalLeaseId = (number: number): Field<bigint | undefined> => optionalScalar(number, leaseIdKind);
export const optionalBytes = (number: number): Field<Uint8Array | undefined> => optionalScalar(number, bytesKind);

/** A nested message; `type` is a thunk because messages may contain themselves. */
export function message<T, Init>(
  number: number,
  type: () => MessageType<T, Init>,
): Field<T | undefined, Init | undefined> {
  const tag = (number << 3) | wireBytes;
  return {
    number,
    wireTypes: [wireBytes],
    zero: undefined,
    write: (writer, value) => {
      if (value === undefined) return;
      writer.uint32(tag).fork();
      type().write(writer, value);
      writer.ldelim();
    },
    read: (reader, _previous, _wireType, depth) => type().read(reader, reader.uint32(), depth + 1),
    complete: (init) => (init === undefined ? undefined : type().create(init)),
    toJson: (value) => (value === undefined ? undefined : type().toJson(value)),
    fromJson: (form) => type().fromJson(form),
  };
}

export function repeatedMessage<T, Init>(
  number: number,
  type: () => MessageType<T, Init>,
): Field<readonly T[], readonly Init[]> {
  const tag = (number << 3) | wireBytes;
  return {
    ...list<T, Init>(number, wireBytes),
    write: (writer, values) => {
      for (const value of values) {
        writer.uint32(tag).fork();
        type().write(writer, value);
        writer.ldelim();
      }
    },
    read: (reader, previous, _wireType, depth) => append(previous, type().read(reader, reader.uint32(), depth + 1)),
    complete: (inits) => inits.map((init) => type().create(init)),
    toJson: (values) => (values.length === 0 ? undefined : values.map((value) => type().toJson(value))),
    fromJson: (form) => listOf(form).map((one) => type().fromJson(one)),
  };
}

function repeatedScalar<T>(number: number, kind: ScalarKind<T>): Field<readonly T[]> {
  const tag = (number << 3) | kind.wireType;
  return {
    ...list<T, T>(number, kind.wireType),
    write: (writer, values) => {
      for (const value of values) kind.write(writer.uint32(tag), value);
    },
    read: (reader, previous) => append(previous, kind.read(reader)),
    complete: identity,
    toJson: (values) => (values.length === 0 ? undefined : values.map((value) => kind.toJson(value))),
    fromJson: (form) => listOf(form).map((one) => kind.fromJson(one)),
  };
}

export const repeatedBytes = (number: number): Field<readonly Uint8Array[]> => repeatedScalar(number, bytesKind);
export const repeatedString = (number: number): Field<readonly string[]> => repeatedScalar(number, stringKind);

/** proto3 writes repeated enumerations packed and must read both forms. */
export function repeatedEnumeration(number: number, names: readonly string[] = []): Field<readonly number[]> {
  const { toJson, fromJson } = json.enumerationJson(names);
  return {
    ...list<number, number>(number, wireBytes),
    wireTypes: [wireBytes, wireVarint],
    write: (writer, values) => {
      if (values.length === 0) return;
      writer.uint32((number << 3) | wireBytes).fork();
      for (const value of values) writer.int32(value);
      writer.ldelim();
    },
    read: (reader, previous, wireType) => {
      if (wireType === wireVarint) return append(previous, reader.int32());
      const end = reader.uint32() + reader.pos;
      let values = previous;
      while (reader.pos < end) values = append(values, reader.int32());
      return values;
    },
    complete: identity,
    toJson: (values) => (values.length === 0 ? undefined : values.map(toJson)),
    fromJson: (form) => listOf(form).map(fromJson),
  };
}

function list<T, Init>(
  number: number,
  wireType: number,
): Pick<Field<readonly T[], readonly Init[]>, "number" | "wireTypes" | "zero"> {
  return { number, wireTypes: [wireType], zero: emptyList };
}

function listOf(form: unknown): readonly unknown[] {
  if (Array.isArray(form)) return form;
  throw new DecodeError(`not a list: ${JSON.stringify(form)}`);
}

const emptyList: readonly never[] = Object.freeze([]);

/** The list being read belongs to the reader until it is done, so it grows in place after the first element. */
function append<T>(previous: readonly T[], value: T): readonly T[] {
  if (previous === emptyList) return [value];
  (previous as T[]).push(value);
  return previous;
}
