/**
 * Tells a write that a crash cut short from damage. Facts it stands on: only the last batch of the last segment can be
 * unfinished (each earlier one was synced before the next began), disks write whole sectors in any order, and what is
 * not written yet is zeros.
 *
 * A sector that holds any part of a record's frame is never all zeros, so only sectors inside an entry's data can be,
 * and the batch says how many of those it has. More zero sectors than that, or zeros from somewhere to the end, are a
 * tear. A batch with all its sectors and a wrong checksum was changed after it was synced: damage.
 */
import type { Entry } from "@triarch/raft";
import { batchRecordBytes, entryDataOffset, entryRecordBytes } from "./bodies.ts";
import { recordOverheadBytes, recordTypes } from "./record.ts";

/** The least that a disk writes at once. */
export const sectorBytes = 512;

/** All-zero sectors inside the data of `entries`, whose records are written one after the other from `offset` on. */
export function zeroSectorsOf(entries: readonly Entry[], offset: number): number {
  let count = 0;
  let at = offset;
  for (const entry of entries) {
    const { data } = entry;
    if (data.length >= sectorBytes) {
      const dataStart = at + entryDataOffset;
      count += countZeroSectors(data, roundUp(dataStart) - dataStart, data.length);
    }
    at += entryRecordBytes(entry);
  }
  return count;
}

/** One past the last byte that is not zero; `from` if there is none. */
export function lastUsedByte(segment: Uint8Array, from: number): number {
  let end = segment.length;
  while (end > from && segment[end - 1] === 0) end -= 1;
  return end;
}

/** Is a bad batch header at `offset` the remains of a write that was never finished? */
export function isTornBatchHeader(segment: Uint8Array, offset: number): boolean {
  const usedEnd = lastUsedByte(segment, offset);
  const headerEnd = offset + batchRecordBytes;
  if (usedEnd < headerEnd) return true;
  if (hasLaterBatch(segment, offset + 1, usedEnd)) return false;
  for (let sector = offset; sector < headerEnd; sector = roundUp(sector + 1)) {
    if (isZero(segment, sector, Math.min(roundUp(sector + 1), segment.length))) return true;
  }
  return false;
}

/** Is the batch whose good header ends at `start` the remains of a write that was never finished? */
export function isTornBatch(
  segment: Uint8Array,
  batch: { readonly start: number; readonly end: number; readonly zeroSectors: number },
): boolean {
  const usedEnd = lastUsedByte(segment, batch.start);
  if (usedEnd > batch.end) return false;
  if (usedEnd < batch.end) return true;
  return countZeroSectors(segment, roundUp(batch.start), batch.end) > batch.zeroSectors;
}

/** A batch header says where it starts; one that says so truly was written there after what precedes it was synced. */
function hasLaterBatch(segment: Uint8Array, from: number, to: number): boolean {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  const bodyOffset = recordOverheadBytes - 1;
  const length = batchRecordBytes - bodyOffset;
  for (let at = from; at + batchRecordBytes <= to; at++) {
    if (segment[at] !== length || segment[at + batchRecordBytes - 1] !== recordTypes.batch) continue;
    if (view.getUint32(at + bodyOffset, true) === at && view.getUint32(at + bodyOffset + 4, true) === 0) return true;
  }
  return false;
}

/** Whole sectors of zeros in `bytes[from, to)`, where `from` is the start of a sector. */
function countZeroSectors(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let sector = from; sector + sectorBytes <= to; sector += sectorBytes) {
    if (isZero(bytes, sector, sector + sectorBytes)) count += 1;
  }
  return count;
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}

function roundUp(offset: number): number {
  return Math.ceil(offset / sectorBytes) * sectorBytes;
}
