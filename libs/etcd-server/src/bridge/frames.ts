import { assert } from "@triarch/base";

/**
 * The bytes between the API thread and the store thread. A batch is one ArrayBuffer, handed over without a copy, that
 * holds frames one after the other: a kind (one byte), a number that says which request or watch it is about, and
 * fields in a fixed order. Both ends are of one process and one build, so there is no version and no recovery: a batch
 * that does not parse is a bug.
 *
 * Fields: integers up to 2^53-1 as float64, lease ids as 64 bits, bytes and text with a 32-bit length, little-endian.
 */
export const frame = {
  // requests
  put: 1,
  delete: 2,
  get: 3,
  list: 4,
  readBarrier: 5,
  leaseGrant: 6,
  compact: 7,
  status: 8,
  handOver: 9,
  watch: 10,
  unwatch: 11,
  /** Bytes of answers taken in since the last such frame; gives the sender room again. */
  taken: 12,
  // answers
  written: 32,
  conflict: 33,
  rows: 34,
  rangeEnd: 35,
  revision: 36,
  leaseId: 37,
  done: 38,
  json: 39,
  failure: 40,
  // watches
  events: 48,
  progress: 49,
  /** Every watch up to the given watch id (the sender knew of no later one) has reached the revision. */
  progressAll: 50,
  watchEnd: 51,
  /** The store is closing: everything pending fails, every watch ends. */
  stopped: 52,
} as const;

export type FrameKind = (typeof frame)[keyof typeof frame];

const firstBatchBytes = 4096;
/** The frame's own head, the end of an answer, progress of watches. */
const smallFramesBytes = 256;

/** Collects frames; `take()` hands the batch over and starts the next. */
export class BatchWriter {
  #bytes: Buffer<ArrayBuffer> = newBuffer(firstBatchBytes);
  #view = viewOf(this.#bytes);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  frame(kind: FrameKind, id: number): this {
    this.#room(9);
    this.#bytes[this.#length] = kind;
    this.#view.setFloat64(this.#length + 1, id, true);
    this.#length += 9;
    return this;
  }

  byte(value: number): this {
    this.#room(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
    return this;
  }

  number(value: number): this {
    this.#room(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
    return this;
  }

  bigint(value: bigint): this {
    this.#room(8);
    this.#view.setBigUint64(this.#length, value, true);
    this.#length += 8;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#room(4 + value.length);
    this.#view.setUint32(this.#length, value.length, true);
    this.#bytes.set(value, this.#length + 4);
    this.#length += 4 + value.length;
    return this;
  }

  text(value: string): this {
    this.#room(4 + value.length * 3);
    const written = this.#bytes.write(value, this.#length + 4, "utf8");
    this.#view.setUint32(this.#length, written, true);
    this.#length += 4 + written;
    return this;
  }

  /**
   * Makes room for so many bytes, and small frames behind them, at once: growing bit by bit leaves a trail of buffers,
   * each as large as all before.
   */
  reserve(sizeBytes: number): this {
    this.#room(sizeBytes + smallFramesBytes);
    return this;
  }

  /** @returns the batch; its buffer belongs to nobody else and may be transferred */
  take(): Uint8Array<ArrayBuffer> {
    const batch = new Uint8Array(this.#bytes.buffer, 0, this.#length);
    this.#bytes = newBuffer(firstBatchBytes);
    this.#view = viewOf(this.#bytes);
    this.#length = 0;
    return batch;
  }

  #room(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = newBuffer(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = viewOf(grown);
  }
}

/** Reads a batch front to back. Byte fields are views of the batch. */
export class BatchReader {
  readonly #bytes: Buffer<ArrayBuffer>;
  readonly #view: DataView;
  #offset = 0;

  constructor(batch: Uint8Array<ArrayBuffer>) {
    this.#bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.length);
    this.#view = viewOf(this.#bytes);
  }

  get done(): boolean {
    return this.#offset === this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#offset];
    assert(value !== undefined, "a batch ends inside a frame");
    this.#offset += 1;
    return value;
  }

  number(): number {
    const value = this.#view.getFloat64(this.#offset, true);
    this.#offset += 8;
    return value;
  }

  bigint(): bigint {
    const value = this.#view.getBigUint64(this.#offset, true);
    this.#offset += 8;
    return value;
  }

  bytes(): Uint8Array {
    const length = this.#view.getUint32(this.#offset, true);
    const start = this.#bytes.byteOffset + this.#offset + 4;
    this.#offset += 4 + length;
    assert(this.#offset <= this.#bytes.length, "a batch ends inside a field");
    return new Uint8Array(this.#bytes.buffer, start, length);
  }

  text(): string {
    const length = this.#view.getUint32(this.#offset, true);
    const start = this.#offset + 4;
    this.#offset = start + length;
    assert(this.#offset <= this.#bytes.length, "a batch ends inside a field");
    return this.#bytes.toString("utf8", start, this.#offset);
  }
}

function newBuffer(size: number): Buffer<ArrayBuffer> {
  return Buffer.from(new ArrayBuffer(size));
}

function viewOf(bytes: Buffer<ArrayBuffer>): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
