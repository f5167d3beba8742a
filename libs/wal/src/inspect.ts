/**
 * Looks at a log without changing it, also at one that a running member writes to: then the newest segment is as it was
 * at the moment it was read, and what was being written may look like a tear.
 *
 * Memory: one segment at a time; a check also keeps 100 bytes or so for each retained entry.
 */
import type { Entry, HardState } from "@triarch/raft";
import { readEntry, readHardState, readSnapshot, type SegmentHeader } from "./bodies.ts";
import type { WalDisk } from "./disk.ts";
import { WalError } from "./errors.ts";
import { explainingSystemErrors, pathOf, readSegment, requireContiguous } from "./open.ts";
import { recordTypes } from "./record.ts";
import { Replayer } from "./replay.ts";
import { segmentsAmong, type SegmentName } from "./segment-names.ts";
import { SegmentReader, type SegmentPart, type SegmentRecord } from "./segment-reader.ts";
import type { WalMetadata, WalRepair, WalSnapshot } from "./types.ts";

/** How often a segment that does not check out is read again if it has changed meanwhile. */
const changedRereadsMax = 5;

export type WalRecordContent =
  | { readonly kind: "segment"; readonly header: SegmentHeader }
  | { readonly kind: "entry"; readonly entry: Entry }
  | { readonly kind: "hardState"; readonly hardState: HardState }
  | { readonly kind: "snapshot" | "installing"; readonly snapshot: WalSnapshot }
  | { readonly kind: "seal"; readonly nextSequence: number }
  /** Opening the log would cut it off. */
  | { readonly kind: "tear" };

export type WalRecord = WalRecordContent & {
  /** Name of the segment's file. */
  readonly segment: string;
  readonly offset: number;
  /** On disk, framing included. */
  readonly bytes: number;
};

export interface WalSummary {
  readonly metadata: WalMetadata;
  readonly segments: number;
  readonly bytes: number;
  readonly entries: number;
  /** 0: none. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly hardState: HardState;
  readonly snapshot: WalSnapshot;
  /** What opening the log would cut off. */
  readonly tear: WalRepair | undefined;
}

/**
 * All records in the order of the log, the framing of batches left out.
 * @param options.fromIndex starts at the first entry from here on
 * @throws WalError where the log does not check out; what comes before was given out
 */
export async function* walRecords(
  disk: WalDisk,
  options: { readonly fromIndex?: number } = {},
): AsyncGenerator<WalRecord, void, undefined> {
  const fromIndex = options.fromIndex ?? 0;
  let begun = fromIndex === 0;
  for await (const read of segmentContents(disk, fromIndex)) {
    for (const record of recordsOf(read)) {
      begun ||= record.kind === "entry" && record.entry.index >= fromIndex;
      if (begun) yield record;
    }
  }
}

/**
 * Checks every byte as opening the log would.
 * @param expected whose log it must be; absent: whosever it is
 * @throws WalError as `openWal`
 */
export async function verifyWal(disk: WalDisk, expected?: WalMetadata): Promise<WalSummary> {
  let replayer = new Replayer(expected, false);
  let segments = 0;
  let bytes = 0;
  let tear: WalRepair | undefined;
  let path = disk.directory;
  for await (const { content, segment, nextSequence, beginsLog } of segmentContents(disk, 0)) {
    path = pathOf(disk, segment);
    if (beginsLog) {
      replayer = new Replayer(expected, false);
      segments = bytes = 0;
    }
    ({ tear } = replayer.segment(content, segment, path, nextSequence));
    segments += 1;
    bytes += content.length;
  }
  const { entries, hardState, snapshot } = replayer.result(path);
  const [firstIndex, lastIndex] = [entries[0]?.index ?? 0, entries.at(-1)?.index ?? 0];
  const { metadata } = replayer;
  return { metadata, segments, bytes, entries: entries.length, firstIndex, lastIndex, hardState, snapshot, tear };
}

interface SegmentContent {
  readonly segment: SegmentName;
  readonly path: string;
  readonly content: Uint8Array;
  /** Undefined: the newest. */
  readonly nextSequence: number | undefined;
  /** The first; again when what was read before it has been purged, so that the log begins here now. */
  readonly beginsLog: boolean;
}

/** From the segment on in which `fromIndex` can be. Follows a log that grows and is purged meanwhile. */
async function* segmentContents(disk: WalDisk, fromIndex: number): AsyncGenerator<SegmentContent, void, undefined> {
  let segments = await listed(disk);
  if (segments.length === 0) throw new WalError({ failure: "missing", file: disk.directory }, "there is no log here.");
  const first = segments.findLastIndex((segment) => segment.firstIndex <= fromIndex);
  let segment: SegmentName | undefined = segments[Math.max(0, first)];
  let beginsLog = true;
  while (segment !== undefined) {
    const { sequence }: SegmentName = segment;
    const read = await stableContent(disk, segment);
    // A successor has its name before the seal that tells of it is written, so it is asked for after reading.
    segments = await listed(disk);
    const next = segments.find((one) => one.sequence === sequence + 1);
    // Purged while we looked, its successor too.
    const isOvertaken = next === undefined && (segments[0]?.sequence ?? sequence) > sequence;
    const isGone = read === undefined || isOvertaken;
    if (!isGone) yield { ...read, nextSequence: next?.sequence, beginsLog };
    beginsLog = isGone;
    segment = next ?? (isGone ? segments[0] : undefined);
  }
}

async function listed(disk: WalDisk): Promise<readonly SegmentName[]> {
  const segments = segmentsAmong(await explainingSystemErrors(disk, () => disk.list()));
  requireContiguous(disk, segments);
  return segments;
}

/** @returns undefined for one that was purged meanwhile */
async function stableContent(
  disk: WalDisk,
  segment: SegmentName,
): Promise<Pick<SegmentContent, "segment" | "path" | "content"> | undefined> {
  const path = pathOf(disk, segment);
  let before: Uint8Array | undefined;
  for (let reread = 0; ; reread++) {
    const content = await explainingSystemErrors(disk, () => readSegment(disk, segment, "read")).catch(
      async (error: unknown) => {
        const purged = !(await listed(disk)).some((one) => one.sequence === segment.sequence);
        if (purged) return undefined;
        throw error;
      },
    );
    if (content === undefined) return undefined;
    const changed = before === undefined || Buffer.compare(before, content) !== 0;
    if (!changed || reread >= changedRereadsMax || checksOut(content, path, segment.sequence)) {
      return { segment, path, content };
    }
    before = content;
  }
}

/** Reading runs beside writing: half of a write is no reason to call the log damaged. */
function checksOut(content: Uint8Array, path: string, sequence: number): boolean {
  try {
    const reader = new SegmentReader(content, path, sequence + 1);
    reader.header();
    for (const part of reader.parts()) if (part.kind === "tear") return false;
    return true;
  } catch {
    return false;
  }
}

function* recordsOf({ content, path, segment, nextSequence }: SegmentContent): Generator<WalRecord> {
  const reader = new SegmentReader(content, path, nextSequence);
  const header = reader.header();
  const at = { segment: segment.name };
  yield { ...at, kind: "segment", header, offset: 0, bytes: reader.offset };
  for (const part of reader.parts()) yield* recordsOfPart(part, reader, at);
}

function* recordsOfPart(
  part: SegmentPart,
  reader: SegmentReader,
  at: { readonly segment: string },
): Generator<WalRecord> {
  switch (part.kind) {
    case "batch":
      for (const record of part.records) {
        const { offset, end } = record;
        yield { ...at, ...contentOf(record, reader), offset, bytes: end - offset };
      }
      return;
    case "seal":
      yield {
        ...at,
        kind: "seal",
        nextSequence: part.sequence,
        offset: part.offset,
        bytes: reader.offset - part.offset,
      };
      return;
    case "tear":
      yield { ...at, kind: "tear", offset: part.repair.offset, bytes: part.repair.droppedBytes };
  }
}

function contentOf(record: SegmentRecord, reader: SegmentReader): WalRecordContent {
  const { type, body, offset } = record;
  switch (type) {
    case recordTypes.entry: {
      const entry = readEntry(body);
      if (entry === undefined) throw reader.corrupt(offset, "an entry of unknown kind");
      return { kind: "entry", entry: { ...entry, data: entry.data.slice() } };
    }
    case recordTypes.hardState:
      return { kind: "hardState", hardState: reader.decoded(record, readHardState) };
    case recordTypes.snapshot:
    case recordTypes.installing:
      return {
        kind: type === recordTypes.snapshot ? "snapshot" : "installing",
        snapshot: reader.decoded(record, readSnapshot),
      };
    default:
      throw reader.corrupt(offset, `a record of type ${type} does not belong here`);
  }
}
