/**
 * Reads one segment from its first byte to its last and checks each: records by the chain of checksums, batches as
 * wholes. What it finds is either the log's, a tear at the end of the last segment, or an error; nothing is passed over.
 */
import { readBatchHeader, readSeal, readSegmentHeader, segmentBodyBytes, writeSeal } from "./bodies.ts";
import type { SegmentHeader } from "./bodies.ts";
import { WalError } from "./errors.ts";
import { readRecord, recordHeaderBytes, recordTypes, RecordWriter, type ReadRecord } from "./record.ts";
import { isTornBatchHeader, isTornRecord, lastUsedByte } from "./tear.ts";
import type { WalRepair } from "./types.ts";

/** Bytes that no crash explains: what was acknowledged may be gone. */
export const damageAdvice =
  "Do not edit it. Keep the files for analysis, remove this member from the cluster and add it again under a new id.";

export interface SegmentRecord {
  readonly type: number;
  /** A view into the segment. */
  readonly body: Uint8Array;
  readonly offset: number;
  readonly end: number;
}

export type SegmentPart =
  | { readonly kind: "batch"; readonly offset: number; readonly records: readonly SegmentRecord[] }
  /** Nothing follows. `sequence` of the segment that must. */
  | { readonly kind: "seal"; readonly offset: number; readonly sequence: number }
  /** Nothing follows. */
  | { readonly kind: "tear"; readonly repair: WalRepair };

export class SegmentReader {
  readonly path: string;
  readonly #content: Uint8Array;
  /** Undefined: the newest. */
  readonly #nextSequence: number | undefined;
  #offset = 0;
  #chain = 0;

  /** @param nextSequence of the segment after this one; undefined for the newest */
  constructor(content: Uint8Array, path: string, nextSequence: number | undefined) {
    this.#content = content;
    this.path = path;
    this.#nextSequence = nextSequence;
  }

  /** After all parts: where the log ends. */
  get offset(): number {
    return this.#offset;
  }

  /** Checksum of the last record before `offset`; a seal does not count, the next segment was made before it. */
  get chain(): number {
    return this.#chain;
  }

  /** To be called once, first. It holds the seed of its own checksum. @throws WalError "corrupt" */
  header(): SegmentHeader {
    const bodyEnd = recordHeaderBytes + segmentBodyBytes;
    if (this.#content.length < bodyEnd) throw this.corrupt(0, "it is too short for a segment");
    this.#chain = readSegmentHeader(this.#content.subarray(recordHeaderBytes, bodyEnd)).chain;
    const record = this.#next();
    if (record.kind === "bad") throw this.corrupt(0, record.why);
    if (record.kind === "end" || record.type !== recordTypes.segment) {
      throw this.corrupt(0, "it does not start as a segment");
    }
    return readSegmentHeader(record.body);
  }

  /** Each batch only as a whole, in order. @throws WalError "corrupt" | "missingSegment" */
  *parts(): Generator<SegmentPart, void, undefined> {
    for (let count = 0; ; count++) {
      const part = this.#part(count);
      if (part === undefined) break;
      yield part;
      if (part.kind === "tear") return;
      if (part.kind === "seal") break;
    }
    this.#requireZeros();
  }

  /** @returns undefined at the end of the log */
  #part(batchesBefore: number): SegmentPart | undefined {
    const start = this.#offset;
    const startChain = this.#chain;
    const head = this.#next();
    if (head.kind === "record" && head.type === recordTypes.seal) {
      this.#chain = startChain;
      return this.#seal(start, this.decoded({ body: head.body, offset: start }, readSeal));
    }
    if (head.kind !== "record" || head.type !== recordTypes.batch) {
      if (head.kind === "end" && lastUsedByte(this.#content, start) === start) return this.#end(start, batchesBefore);
      if (this.#nextSequence !== undefined && this.#isTornSeal(start, this.#nextSequence)) {
        this.#offset = this.#content.length;
        return { kind: "seal", offset: start, sequence: this.#nextSequence };
      }
      const torn = head.kind !== "record" && this.#mayTear(batchesBefore) && isTornBatchHeader(this.#content, start);
      if (torn) return this.#tear(start, startChain);
      if (head.kind === "end") this.#requireZeros();
      throw this.corrupt(start, head.kind === "bad" ? head.why : "a batch must start here");
    }
    const batchEnd = this.#offset + this.decoded({ body: head.body, offset: start }, readBatchHeader).bytes;
    const records: SegmentRecord[] = [];
    while (this.#offset < batchEnd) {
      const offset = this.#offset;
      const record = this.#next();
      if (record.kind === "record") {
        records.push({ type: record.type, body: record.body, offset, end: record.end });
        continue;
      }
      if (this.#mayTear(batchesBefore) && isTornRecord(this.#content, offset, batchEnd)) {
        return this.#tear(start, startChain);
      }
      throw this.corrupt(offset, record.kind === "bad" ? record.why : "the batch ends too early");
    }
    return { kind: "batch", offset: start, records };
  }

  /** A segment gets its name when its first batch is durable, so that one is never torn. */
  #mayTear(batchesBefore: number): boolean {
    return this.#nextSequence === undefined && batchesBefore > 0;
  }

  #end(offset: number, batchesBefore: number): undefined {
    if (batchesBefore === 0) throw this.corrupt(offset, "the segment's first batch is not there");
    return undefined;
  }

  #tear(start: number, startChain: number): SegmentPart {
    this.#offset = start;
    this.#chain = startChain;
    const droppedBytes = lastUsedByte(this.#content, start) - start;
    return { kind: "tear", repair: { file: this.path, offset: start, droppedBytes } };
  }

  #seal(offset: number, sequence: number): SegmentPart {
    if (this.#nextSequence === undefined) {
      throw new WalError(
        { failure: "missingSegment", file: this.path, offset },
        `segment ${sequence} must follow and is not there. Put the file back. ${damageAdvice}`,
      );
    }
    return { kind: "seal", offset, sequence };
  }

  /** A crash cut the seal short. The successor is there and its seed says whether anything is missing between them. */
  #isTornSeal(offset: number, sequence: number): boolean {
    const out = new RecordWriter(this.#chain);
    writeSeal(out, sequence);
    const whole = out.bytes();
    const usedEnd = lastUsedByte(this.#content, offset);
    return (
      usedEnd - offset < whole.length && this.#content.subarray(offset, usedEnd).every((byte, i) => byte === whole[i])
    );
  }

  #requireZeros(): void {
    const usedEnd = lastUsedByte(this.#content, this.#offset);
    if (usedEnd === this.#offset) return;
    throw this.corrupt(this.#offset, `bytes up to ${usedEnd} follow the end of the log, where only zeros may be`);
  }

  #next(): ReadRecord {
    const record = readRecord(this.#content, this.#offset, this.#chain);
    if (record.kind === "record") {
      this.#offset = record.end;
      this.#chain = record.chain;
    }
    return record;
  }

  /** @throws WalError "corrupt" where the checksum is right and the body is still none: no product of ours wrote it */
  decoded<T>({ body, offset }: Pick<SegmentRecord, "body" | "offset">, decode: (body: Uint8Array) => T): T {
    try {
      return decode(body);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw this.corrupt(offset, `a record that cannot be read (${why})`);
    }
  }

  corrupt(offset: number, why: string): WalError {
    return new WalError({ failure: "corrupt", file: this.path, offset }, `${why}. ${damageAdvice}`);
  }
}
