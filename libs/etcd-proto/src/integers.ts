/**
 * 64-bit integers on the wire: the one place that knows how protobufjs splits them.
 *
 * Revisions, indexes, terms and sizes are `number`, at most 2^53-1 (asserted on writing, an error on reading);
 * cluster, member and lease ids use all 64 bits and are `bigint`.
 */
import { assert } from "@triarch/base";
import LongModule from "long";
import type { Reader, Writer } from "protobufjs/minimal.js";

// "long" has both an ESM and a CommonJS face; under nodenext its class is the default export.
const Long = LongModule;

const low32 = 0xffff_ffffn;

/** @throws RangeError when the integer does not fit 2^53-1 */
export function readInt64(reader: Reader): number {
  const first = reader.buf[reader.pos];
  if (first !== undefined && first < 0x80 && reader.pos < reader.len) {
    reader.pos += 1;
    return first;
  }
  return toSafe(Long.fromValue(reader.int64()));
}

export function writeInt64(writer: Writer, value: number): void {
  assert(Number.isSafeInteger(value), `int64 field: ${value} is not an integer of at most 2^53-1`);
  writer.int64(value);
}

/** @throws RangeError when the integer does not fit 2^53-1 */
export function readUint64(reader: Reader): number {
  const value = toSafe(Long.fromValue(reader.uint64()).toUnsigned());
  return value;
}

export function writeUint64(writer: Writer, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, `uint64 field: ${value} is not an integer of 0 to 2^53-1`);
  writer.uint64(value);
}

export function readBigInt64(reader: Reader): bigint {
  const { high, low } = Long.fromValue(reader.int64());
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

export function writeBigInt64(writer: Writer, value: bigint): void {
  assert(BigInt.asIntN(64, value) === value, `int64 field: ${value.toString()} does not fit 64 bits`);
  writer.int64(Long.fromBits(Number(value & low32) | 0, Number((value >> 32n) & low32) | 0, false));
}

export function readBigUint64(reader: Reader): bigint {
  const { high, low } = Long.fromValue(reader.uint64());
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

export function writeBigUint64(writer: Writer, value: bigint): void {
  assert(BigInt.asUintN(64, value) === value, `uint64 field: ${value.toString()} does not fit 64 bits`);
  writer.uint64(Long.fromBits(Number(value & low32) | 0, Number((value >> 32n) & low32) | 0, true));
}

function toSafe(long: { toNumber(): number }): number {
  const value = long.toNumber();
  if (!Number.isSafeInteger(value)) throw new RangeError(`integer ${value} is beyond 2^53-1`);
  return value;
}
