/**
 * Bodies of the records, all little-endian:
 * segment   version u32, chain u32, clusterId u64, memberId u64, sequence u64, firstIndex u64
 * batch     offset u64 (where this record starts), bytes u32 (of the records that follow), 0 u32
 * entry     term u64, index u64, kind u8 (1 normal, 2 confChange, 3 confChangeV2), data
 * hardState term u64, vote u64, commit u64
 * snapshot, installing   index u64, term u64, configuration as JSON with ids in decimal
 * seal      sequence u64 of the segment that follows
 */
import { utf8, utf8Text } from "@triarch/base";
import type { ConfState, Entry, EntryType, HardState } from "@triarch/raft";
import { recordOverheadBytes, recordTypes, type RecordWriter } from "./record.ts";
import type { WalMetadata, WalSnapshot } from "./types.ts";

export const formatVersion = 1;
export const batchRecordBytes = recordOverheadBytes + 16;
export const segmentBodyBytes = 40;
const entryFixedBytes = 17;
const entryKinds: readonly (EntryType | undefined)[] = [undefined, "normal", "confChange", "confChangeV2"];

export interface SegmentHeader extends WalMetadata {
  readonly version: number;
  /** Checksum of the last record of the segment before (a seal does not count). */
  readonly chain: number;
  readonly sequence: number;
  /** No entry in this segment comes before it, unless it replaces one. */
  readonly firstIndex: number;
}

export interface BatchHeader {
  readonly offset: number;
  readonly bytes: number;
}

export function writeSegmentHeader(out: RecordWriter, header: SegmentHeader): void {
  out.begin(segmentBodyBytes);
  out.u32(header.version);
  out.u32(header.chain);
  out.u64Big(header.clusterId);
  out.u64Big(header.memberId);
  out.u64(header.sequence);
  out.u64(header.firstIndex);
  out.end(recordTypes.segment);
}

export function readSegmentHeader(body: Uint8Array): SegmentHeader {
  const view = viewOf(body);
  return {
    version: view.getUint32(0, true),
    chain: view.getUint32(4, true),
    clusterId: view.getBigUint64(8, true),
    memberId: view.getBigUint64(16, true),
    sequence: u64(view, 24),
    firstIndex: u64(view, 32),
  };
}

export function writeBatchHeader(out: RecordWriter, header: BatchHeader): void {
  out.begin(16);
  out.u64(header.offset);
  out.u32(header.bytes);
  out.u32(0);
  out.end(recordTypes.batch);
}

export function readBatchHeader(body: Uint8Array): BatchHeader {
  const view = viewOf(body);
  return { offset: u64(view, 0), bytes: view.getUint32(8, true) };
}

export function entryRecordBytes(entry: Entry): number {
  return recordOverheadBytes + entryFixedBytes + entry.data.length;
}

export function writeEntry(out: RecordWriter, entry: Entry): void {
  out.begin(entryFixedBytes + entry.data.length);
  out.u64(entry.term);
  out.u64(entry.index);
  out.u8(entryKinds.indexOf(entry.type));
  out.raw(entry.data);
  out.end(recordTypes.entry);
}

/** The data is a view of `body`: copy it before it is kept, or the entry keeps a whole segment in memory. */
export function readEntry(body: Uint8Array): Entry | undefined {
  const type = entryKinds[body[16] ?? 0];
  if (type === undefined) return undefined;
  const view = viewOf(body);
  return { term: u64(view, 0), index: u64(view, 8), type, data: body.subarray(entryFixedBytes) };
}

export const hardStateRecordBytes = recordOverheadBytes + 24;

export function writeHardState(out: RecordWriter, hardState: HardState): void {
  out.begin(24);
  out.u64(hardState.term);
  out.u64Big(hardState.vote);
  out.u64(hardState.commit);
  out.end(recordTypes.hardState);
}

export function readHardState(body: Uint8Array): HardState {
  const view = viewOf(body);
  return { term: u64(view, 0), vote: view.getBigUint64(8, true), commit: u64(view, 16) };
}

/** @returns the body, so that its length is known before it is written */
export function encodeSnapshot(snapshot: WalSnapshot): Uint8Array {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = snapshot.confState;
  const lists = { voters, learners, votersOutgoing, learnersNext };
  const text = JSON.stringify({ ...mapValues(lists, (ids) => ids.map((id) => id.toString())), autoLeave });
  const confState = utf8(text);
  const body = new Uint8Array(16 + confState.length);
  const view = viewOf(body);
  view.setBigUint64(0, BigInt(snapshot.index), true);
  view.setBigUint64(8, BigInt(snapshot.term), true);
  body.set(confState, 16);
  return body;
}

export function readSnapshot(body: Uint8Array): WalSnapshot {
  const view = viewOf(body);
  const parsed = JSON.parse(utf8Text(body.subarray(16))) as Record<keyof ConfState, string[]> & { autoLeave: boolean };
  const ids = (texts: readonly string[]): bigint[] => texts.map((text) => BigInt(text));
  return {
    index: u64(view, 0),
    term: u64(view, 8),
    confState: {
      voters: ids(parsed.voters),
      learners: ids(parsed.learners),
      votersOutgoing: ids(parsed.votersOutgoing),
      learnersNext: ids(parsed.learnersNext),
      autoLeave: parsed.autoLeave,
    },
  };
}

export function writeSeal(out: RecordWriter, nextSequence: number): void {
  out.begin(8);
  out.u64(nextSequence);
  out.end(recordTypes.seal);
}

export function readSeal(body: Uint8Array): number {
  return u64(viewOf(body), 0);
}

function u64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);
}

function viewOf(body: Uint8Array): DataView {
  return new DataView(body.buffer, body.byteOffset, body.byteLength);
}

function mapValues<K extends string, V, W>(record: Readonly<Record<K, V>>, map: (value: V) => W): Record<K, W> {
  const entries = Object.entries(record) as [K, V][];
  return Object.fromEntries(entries.map(([key, value]) => [key, map(value)])) as Record<K, W>;
}
