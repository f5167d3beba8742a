/** Sizes by which the log, messages and batches are bounded: the bytes that raftpb.Entry takes on the wire. */
import type { Entry } from "../types.ts";

/** One tag and a type that fits in one byte; term and index with their tags; the data with tag and length. */
export function entrySizeBytes(entry: Entry): number {
  const dataLength = entry.data.length;
  const dataField = dataLength === 0 ? 0 : 1 + varintLength(dataLength) + dataLength;
  return 4 + varintLength(entry.term) + varintLength(entry.index) + dataField;
}

export function entriesSizeBytes(entries: readonly Entry[]): number {
  let size = 0;
  for (const entry of entries) size += entrySizeBytes(entry);
  return size;
}

/** Only what was proposed, without Raft's own fields; an empty entry weighs nothing. */
export function payloadSizeBytes(entries: readonly Entry[]): number {
  let size = 0;
  for (const entry of entries) size += entry.data.length;
  return size;
}

/** How many of `entries[from, to)` fit in `maxSizeBytes`; the first always does. */
export function fittingCount(entries: readonly Entry[], from: number, to: number, maxSizeBytes: number): number {
  let size = 0;
  for (let i = from; i < to; i++) {
    size += entrySizeBytes(entries[i] as Entry);
    if (size > maxSizeBytes) return Math.max(1, i - from);
  }
  return to - from;
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length += 1;
  return length;
}
