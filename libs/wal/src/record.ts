/**
 * A record on disk: `length u32 | crc u32 | body | type u8`, little-endian; `length` counts body and type. The checksum
 * (CRC32-C) covers length, body and type and is seeded with that of the record before, so that no record can be lost,
 * moved or replaced unseen. `length` and `type` are never zero: a zero where a record would start is the end of the log,
 * and the last byte of a whole record is never zero.
 */
import { assert, crc32c } from "@triarch/base";

/** Several bits each: no single flipped bit makes the last byte of a record a zero. */
export const recordTypes = {
  segment: 0xc1,
  batch: 0xc2,
  entry: 0xc3,
  hardState: 0xc4,
  snapshot: 0xc5,
  installing: 0xc6,
  seal: 0xc7,
} as const;
export type RecordType = (typeof recordTypes)[keyof typeof recordTypes];

/** Length and checksum before the body, type after it. */
export const recordOverheadBytes = 9;
/** Length and checksum. */
export const recordHeaderBytes = 8;
const initialBufferBytes = 256 * 1024;
/** A buffer that one huge batch made larger than this is not kept. */
const keptBufferBytesMax = 4 * 1024 * 1024;

/** Builds the bytes of one write. The buffer is reused: what `bytes()` returns is good until `reset`. */
export class RecordWriter {
  #buffer = new Uint8Array(initialBufferBytes);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;
  #bodyStart = 0;
  /** Checksum of the last record. */
  chain: number;

  constructor(chain: number) {
    this.chain = chain;
  }

  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
    if (this.#buffer.length > keptBufferBytesMax) this.#allocate(initialBufferBytes);
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Starts a record whose body is exactly `bodyBytes` long. */
  begin(bodyBytes: number): void {
    const needed = this.#length + recordOverheadBytes + bodyBytes;
    if (needed > this.#buffer.length) this.#grow(needed);
    this.#view.setUint32(this.#length, bodyBytes + 1, true);
    this.#bodyStart = this.#length + recordHeaderBytes;
    this.#length = this.#bodyStart;
  }

  u8(value: number): void {
    this.#buffer[this.#length++] = value;
  }

  u32(value: number): void {
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** An integer up to 2^53-1 in eight bytes. */
  u64(value: number): void {
    this.#view.setUint32(this.#length, value >>> 0, true);
    this.#view.setUint32(this.#length + 4, Math.floor(value / 2 ** 32), true);
    this.#length += 8;
  }

  u64Big(value: bigint): void {
    this.#view.setBigUint64(this.#length, value, true);
    this.#length += 8;
  }

  raw(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  end(type: RecordType): void {
    this.u8(type);
    const start = this.#bodyStart - recordHeaderBytes;
    assert(
      this.#view.getUint32(start, true) === this.#length - this.#bodyStart,
      "a record's body has the stated length",
    );
    const seeded = crc32c(this.#buffer.subarray(start, start + 4), this.chain);
    this.chain = crc32c(this.#buffer.subarray(this.#bodyStart, this.#length), seeded);
    this.#view.setUint32(start + 4, this.chain, true);
  }

  #grow(needed: number): void {
    const old = this.#buffer.subarray(0, this.#length);
    this.#allocate(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.set(old);
  }

  #allocate(bytes: number): void {
    this.#buffer = new Uint8Array(bytes);
    this.#view = new DataView(this.#buffer.buffer);
  }
}

export type ReadRecord =
  | {
      readonly kind: "record";
      readonly type: number;
      /** A view into the segment. */
      readonly body: Uint8Array;
      readonly end: number;
      readonly chain: number;
    }
  /** Zero, or no room, where a record would start. */
  | { readonly kind: "end" }
  | { readonly kind: "bad"; readonly why: string };

/** Reads the record at `offset` without looking past it. */
export function readRecord(segment: Uint8Array, offset: number, chain: number): ReadRecord {
  if (offset + recordHeaderBytes > segment.length) return { kind: "end" };
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  const length = view.getUint32(offset, true);
  if (length === 0) return { kind: "end" };
  const start = offset + recordHeaderBytes;
  const end = start + length;
  if (end > segment.length) return { kind: "bad", why: `a record of ${length} bytes does not fit in the file` };
  const seeded = crc32c(segment.subarray(offset, offset + 4), chain);
  const found = crc32c(segment.subarray(start, end), seeded);
  if (found !== view.getUint32(offset + 4, true)) return { kind: "bad", why: "the checksum does not match" };
  return {
    kind: "record",
    type: segment[end - 1] as number,
    body: segment.subarray(start, end - 1),
    end,
    chain: found,
  };
}
