/**
 * Reads the segments in order, checks every byte, and puts together what the log says. Only the last segment may end in
 * a tear. Nothing is changed here; the caller wipes the tear.
 */
import { assertDefined } from "@triarch/base";
import { emptyHardState } from "@triarch/raft";
import type { Entry, HardState } from "@triarch/raft";
import {
  formatVersion,
  readBatchHeader,
  readEntry,
  readHardState,
  readSeal,
  readSegmentHeader,
  readSnapshot,
  segmentBodyBytes,
} from "./bodies.ts";
import type { SegmentHeader } from "./bodies.ts";
import { WalError } from "./errors.ts";
import { readRecord, recordOverheadBytes, recordTypes } from "./record.ts";
import type { SegmentName } from "./segment-names.ts";
import { isTornBatch, isTornBatchHeader, lastUsedByte } from "./tear.ts";
import type { WalMetadata, WalRepair, WalSnapshot } from "./types.ts";

const whatToDo =
  "Do not edit it. Keep the files for analysis, remove this member from the cluster and add it again under a new id.";

/** Where writing goes on. */
export interface LogEnd {
  readonly offset: number;
  readonly chain: number;
}

export class Replayer {
  readonly #expected: WalMetadata;
  #chain: number | undefined;
  #hardState: HardState = emptyHardState;
  #snapshot: WalSnapshot | undefined;
  #installing: WalSnapshot | undefined;
  #entries: Entry[] = [];
  /** What the segment holds last says about its successor. */
  #sealedBy: number | undefined;

  constructor(expected: WalMetadata) {
    this.#expected = expected;
  }

  /** @returns where the segment ends and, in the last one, the tear to wipe */
  segment(
    content: Uint8Array,
    name: SegmentName,
    path: string,
    isLast: boolean,
  ): { readonly end: LogEnd; readonly tear: WalRepair | undefined } {
    const reader = new SegmentReader(content, path, isLast);
    this.#segmentHeader(reader, name, path);
    this.#sealedBy = undefined;
    let tear: WalRepair | undefined;
    while (this.#sealedBy === undefined) {
      const outcome = this.#batch(reader);
      if (outcome === "end") break;
      if (outcome === "batch") continue;
      tear = outcome;
      break;
    }
    if (tear === undefined) reader.requireZeros();
    this.#chain = reader.chain;
    const sealedBy = this.#sealedBy as number | undefined;
    if (isLast && sealedBy !== undefined) {
      throw new WalError(
        { failure: "missingSegment", file: path, offset: reader.offset },
        `segment ${sealedBy} must follow and is not there. Put the file back. ${whatToDo}`,
      );
    }
    return { end: { offset: reader.offset, chain: reader.chain }, tear };
  }

  result(path: string): {
    readonly hardState: HardState;
    readonly snapshot: WalSnapshot;
    readonly installing: WalSnapshot | undefined;
    readonly entries: readonly Entry[];
  } {
    if (this.#snapshot === undefined) {
      throw new WalError({ failure: "corrupt", file: path }, `no segment names a snapshot to start from. ${whatToDo}`);
    }
    const snapshot = this.#snapshot;
    const first = this.#entries[0];
    if (first !== undefined && first.index > snapshot.index + 1) {
      throw new WalError(
        { failure: "missingSegment", file: path },
        `entries start at ${first.index}, but the state machine's snapshot is at ${snapshot.index}. ${whatToDo}`,
      );
    }
    const commit = Math.max(this.#hardState.commit, snapshot.index);
    const term = Math.max(this.#hardState.term, snapshot.term);
    return {
      hardState: { ...this.#hardState, term, commit },
      snapshot,
      installing: this.#installing,
      entries: this.#entries,
    };
  }

  #segmentHeader(reader: SegmentReader, name: SegmentName, path: string): void {
    const header = reader.firstRecord();
    if (header === undefined || header.sequence !== name.sequence || header.firstIndex !== name.firstIndex) {
      throw new WalError(
        { failure: "corrupt", file: path, offset: 0 },
        `it does not start as its name says. ${whatToDo}`,
      );
    }
    if (header.version !== formatVersion) {
      throw new WalError(
        { failure: "foreign", file: path, offset: 0 },
        `its format is version ${header.version}, this program reads ${formatVersion}. Use the program that wrote it.`,
      );
    }
    const { clusterId, memberId } = this.#expected;
    if (header.clusterId !== clusterId || header.memberId !== memberId) {
      throw new WalError(
        { failure: "foreign", file: path, offset: 0 },
        `it belongs to member ${header.memberId.toString(16)} of cluster ${header.clusterId.toString(16)}, not to ` +
          `${memberId.toString(16)} of ${clusterId.toString(16)}. Check the data directory and the initial cluster.`,
      );
    }
    if (this.#chain !== undefined && this.#chain !== header.chain) {
      throw new WalError(
        { failure: "corrupt", file: path, offset: 0 },
        `it does not continue the segment before it: one of the two was changed or cut. ${whatToDo}`,
      );
    }
  }

  /** Takes a batch only as a whole. */
  #batch(reader: SegmentReader): "batch" | "end" | WalRepair {
    const start = reader.offset;
    const startChain = reader.chain;
    const torn = (): WalRepair => {
      reader.rewind(start, startChain);
      return { file: reader.path, offset: start, droppedBytes: reader.usedEnd(start) - start };
    };
    const head = reader.tryNext();
    if (head.kind === "end" && reader.usedEnd(start) === start) return "end";
    if (head.kind !== "record" || (head.type !== recordTypes.batch && head.type !== recordTypes.seal)) {
      if (reader.isLast && head.kind !== "record" && isTornBatchHeader(reader.content, start)) return torn();
      throw reader.corrupt(start, head.kind === "bad" ? head.why : "a batch must start here");
    }
    if (head.type === recordTypes.seal) {
      this.#sealedBy = readSeal(head.body);
      // A seal is outside the chain: the next segment was made before it was written.
      reader.rewind(reader.offset, startChain);
      return "batch";
    }
    const header = readBatchHeader(head.body);
    const batch = { start: reader.offset, end: reader.offset + header.bytes, zeroSectors: header.zeroSectors };
    const records: { readonly type: number; readonly body: Uint8Array; readonly offset: number }[] = [];
    while (reader.offset < batch.end) {
      const offset = reader.offset;
      const record = reader.tryNext();
      if (record.kind !== "record") {
        if (reader.isLast && isTornBatch(reader.content, batch)) return torn();
        throw reader.corrupt(offset, record.kind === "bad" ? record.why : "the batch ends too early");
      }
      records.push({ type: record.type, body: record.body, offset });
    }
    for (const record of records) this.#take(record.type, record.body, reader, record.offset);
    return "batch";
  }

  #take(type: number, body: Uint8Array, reader: SegmentReader, offset: number): void {
    switch (type) {
      case recordTypes.entry:
        this.#takeEntry(
          assertDefined(readEntry(body), `WAL ${reader.path} at byte ${offset}: entry kind`),
          reader,
          offset,
        );
        break;
      case recordTypes.hardState:
        this.#hardState = readHardState(body);
        break;
      case recordTypes.snapshot:
        this.#takeSnapshot(readSnapshot(body));
        break;
      case recordTypes.installing:
        this.#installing = readSnapshot(body);
        break;
      default:
        throw reader.corrupt(offset, `a record of type ${type} does not belong here`);
    }
  }

  #takeEntry(entry: Entry, reader: SegmentReader, offset: number): void {
    const first = this.#entries[0];
    if (first === undefined) {
      this.#entries.push(entry);
      return;
    }
    const position = entry.index - first.index;
    if (position < 0 || position > this.#entries.length) {
      throw reader.corrupt(offset, `entry ${entry.index} comes after ${first.index + this.#entries.length - 1}`);
    }
    this.#entries.length = position;
    this.#entries.push(entry);
  }

  /** A snapshot of the own state keeps the entries; one from the leader replaces a log that does not reach it. */
  #takeSnapshot(snapshot: WalSnapshot): void {
    const first = this.#entries[0];
    if (first !== undefined && snapshot.index >= first.index) {
      const held = this.#entries[snapshot.index - first.index];
      if (held === undefined || held.term !== snapshot.term) this.#entries = [];
    }
    this.#snapshot = snapshot;
    if (this.#installing !== undefined && this.#installing.index <= snapshot.index) this.#installing = undefined;
  }
}

class SegmentReader {
  readonly content: Uint8Array;
  readonly path: string;
  readonly isLast: boolean;
  offset = 0;
  chain = 0;

  constructor(content: Uint8Array, path: string, isLast: boolean) {
    this.content = content;
    this.path = path;
    this.isLast = isLast;
  }

  /** The segment's own record: it holds the seed of its own checksum. */
  firstRecord(): SegmentHeader | undefined {
    const bodyStart = recordOverheadBytes - 1;
    if (this.content.length < bodyStart + segmentBodyBytes) return undefined;
    this.chain = readSegmentHeader(this.content.subarray(bodyStart, bodyStart + segmentBodyBytes)).chain;
    const record = this.tryNext();
    if (record.kind === "bad") throw this.corrupt(0, record.why);
    return record.kind === "record" && record.type === recordTypes.segment ? readSegmentHeader(record.body) : undefined;
  }

  tryNext(): ReturnType<typeof readRecord> {
    const record = readRecord(this.content, this.offset, this.chain);
    if (record.kind === "record") this.rewind(record.end, record.chain);
    return record;
  }

  rewind(offset: number, chain: number): void {
    this.offset = offset;
    this.chain = chain;
  }

  usedEnd(from: number): number {
    return lastUsedByte(this.content, from);
  }

  requireZeros(): void {
    const usedEnd = this.usedEnd(this.offset);
    if (usedEnd !== this.offset) throw this.corrupt(this.offset, `bytes up to ${usedEnd} follow the end of the log`);
  }

  corrupt(offset: number, why: string): WalError {
    return new WalError({ failure: "corrupt", file: this.path, offset }, `${why}. ${whatToDo}`);
  }
}
