/**
 * Reads the segments in order, checks every byte, and puts together what the log says. Only the last segment may end in
 * a tear. Nothing is changed here; the caller cuts the tear off.
 *
 * I1. Entries after the newest snapshot marker are all kept, those up to it as far as `catchUp` goes.
 * I2. Until `result` entries are views of the segments' contents (`holds`), afterwards they have their own data: copies
 *     of what a later segment makes old would be garbage as large as a segment.
 */
import { assertDefined, emptyBytes } from "@triarch/base";
import { emptyHardState } from "@triarch/raft";
import type { Entry, HardState } from "@triarch/raft";
import { formatVersion, readEntry, readHardState, readSnapshot } from "./bodies.ts";
import { WalError } from "./errors.ts";
import { recordTypes } from "./record.ts";
import type { SegmentName } from "./segment-names.ts";
import { damageAdvice, SegmentReader, type SegmentRecord } from "./segment-reader.ts";
import type { CatchUpBounds, WalMetadata, WalRepair, WalSnapshot } from "./types.ts";

/** Where writing goes on. */
export interface LogEnd {
  readonly offset: number;
  readonly chain: number;
}

export class Replayer {
  /** Whose log it must be; the first segment says it where nobody asked for one. */
  #expected: WalMetadata | undefined;
  readonly #keepData: boolean;
  readonly #catchUp: CatchUpBounds | undefined;
  #chain: number | undefined;
  #hardState: HardState = emptyHardState;
  #snapshot: WalSnapshot | undefined;
  #installing: WalSnapshot | undefined;
  #entries: Entry[] = [];

  /**
   * @param keepData false: entries come without their data, for who only checks
   * @param catchUp undefined: all entries are kept
   */
  constructor(expected: WalMetadata | undefined, keepData: boolean, catchUp?: CatchUpBounds) {
    this.#expected = expected;
    this.#keepData = keepData;
    this.#catchUp = catchUp;
  }

  /**
   * @param nextSequence of the segment after this one; undefined for the newest
   * @returns where the segment ends and, in the newest, the tear to cut off
   */
  segment(
    content: Uint8Array,
    name: SegmentName,
    path: string,
    nextSequence: number | undefined,
  ): { readonly end: LogEnd; readonly tear: WalRepair | undefined } {
    const reader = new SegmentReader(content, path, nextSequence);
    this.#segmentHeader(reader, name);
    let tear: WalRepair | undefined;
    for (const part of reader.parts()) {
      if (part.kind === "batch") for (const record of part.records) this.#take(record, reader);
      if (part.kind === "tear") tear = part.repair;
    }
    this.#chain = reader.chain;
    this.#dropOld();
    return { end: { offset: reader.offset, chain: reader.chain }, tear };
  }

  /** Is this segment's content still needed? */
  holds({ buffer }: Uint8Array): boolean {
    return this.#entries.some((entry) => entry.data.buffer === buffer);
  }

  /** To be called last. */
  result(path: string): {
    readonly hardState: HardState;
    readonly snapshot: WalSnapshot;
    readonly installing: WalSnapshot | undefined;
    readonly entries: readonly Entry[];
  } {
    if (this.#snapshot === undefined) {
      throw new WalError(
        { failure: "corrupt", file: path },
        `no segment names a snapshot to start from. ${damageAdvice}`,
      );
    }
    const snapshot = this.#snapshot;
    const first = this.#entries[0];
    if (first !== undefined && first.index > snapshot.index + 1) {
      throw new WalError(
        { failure: "missingSegment", file: path },
        `entries start at ${first.index}, but the state machine's snapshot is at ${snapshot.index}. ${damageAdvice}`,
      );
    }
    const commit = Math.max(this.#hardState.commit, snapshot.index);
    const term = Math.max(this.#hardState.term, snapshot.term);
    return {
      hardState: { ...this.#hardState, term, commit },
      snapshot,
      installing: this.#installing,
      entries: this.#entries.map((entry) => ({ ...entry, data: entry.data.slice() })), // I2
    };
  }

  get metadata(): WalMetadata {
    return assertDefined(this.#expected, "a log has a segment");
  }

  #segmentHeader(reader: SegmentReader, name: SegmentName): void {
    const { path } = reader;
    const header = reader.header();
    if (header.sequence !== name.sequence || header.firstIndex !== name.firstIndex) {
      throw reader.corrupt(0, "it does not start as its name says");
    }
    if (header.version !== formatVersion) {
      throw new WalError(
        { failure: "foreign", file: path, offset: 0 },
        `its format is version ${header.version}, this program reads ${formatVersion}. Use the program that wrote it.`,
      );
    }
    const { clusterId, memberId } = (this.#expected ??= { clusterId: header.clusterId, memberId: header.memberId });
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
        `it does not continue the segment before it: one of the two was changed or cut. ${damageAdvice}`,
      );
    }
  }

  #take(record: SegmentRecord, reader: SegmentReader): void {
    const { type, body, offset } = record;
    switch (type) {
      case recordTypes.entry:
        this.#takeEntry(body, offset, reader);
        break;
      case recordTypes.hardState:
        this.#hardState = reader.decoded(record, readHardState);
        break;
      case recordTypes.snapshot:
        this.#takeSnapshot(reader.decoded(record, readSnapshot));
        break;
      case recordTypes.installing:
        this.#installing = reader.decoded(record, readSnapshot);
        break;
      default:
        throw reader.corrupt(offset, `a record of type ${type} does not belong here`);
    }
  }

  #takeEntry(body: Uint8Array, offset: number, reader: SegmentReader): void {
    const read = readEntry(body);
    if (read === undefined) throw reader.corrupt(offset, "an entry of unknown kind");
    const entry = this.#keepData ? read : { ...read, data: emptyBytes };
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
    if (this.#entries.length >= dropEveryEntries) this.#dropOld();
  }

  /** I1 */
  #dropOld(): void {
    const first = this.#entries[0];
    if (first === undefined || this.#snapshot === undefined || this.#catchUp === undefined) return;
    const { entriesMax, bytesMax } = this.#catchUp;
    const after = Math.max(0, this.#snapshot.index + 1 - first.index);
    let from = after;
    let bytes = 0;
    while (from > 0 && after - from < entriesMax) {
      bytes += this.#entries[from - 1]?.data.length ?? 0;
      if (bytes > bytesMax) break;
      from -= 1;
    }
    if (from > 0) this.#entries = this.#entries.slice(from);
  }
}

/** Looked at when so many have gathered. */
const dropEveryEntries = 10_000;
