/**
 * Tells a write that a crash cut short from damage. Facts it stands on: only the last batch of the last segment can be
 * unfinished (each earlier one was synced before the next began), and what was not written yet is zeros, up to the end
 * of the file.
 *
 * So a tear is the beginning of a record that goes on past the last byte that is not zero. Whatever else does not check
 * out (a record whose end is there, zeros with something behind them) is damage.
 */
import { batchRecordBytes } from "./bodies.ts";
import { recordHeaderBytes } from "./record.ts";

/** One past the last byte that is not zero; `from` if there is none. */
export function lastUsedByte(segment: Uint8Array, from: number): number {
  let end = segment.length;
  while (end > from && segment[end - 1] === 0) end -= 1;
  return end;
}

/** Is what stands at `offset`, where a batch would start, the beginning of the first record of one? */
export function isTornBatchHeader(segment: Uint8Array, offset: number): boolean {
  const end = offset + batchRecordBytes;
  return statedEnd(segment, offset) === end && lastUsedByte(segment, offset) < end;
}

/** Is what stands at `offset`, inside a batch that ends at `batchEnd`, the beginning of a record, or nothing at all? */
export function isTornRecord(segment: Uint8Array, offset: number, batchEnd: number): boolean {
  const usedEnd = lastUsedByte(segment, offset);
  if (usedEnd === offset) return true;
  const end = statedEnd(segment, offset);
  // The last byte of a whole record is never zero.
  return end <= batchEnd && usedEnd < end;
}

/** Where the record at `offset` ends by its length, as far as that is there. */
function statedEnd(segment: Uint8Array, offset: number): number {
  let length = 0;
  for (let i = 3; i >= 0; i--) length = length * 256 + (segment[offset + i] ?? 0);
  return length === 0 ? offset : offset + recordHeaderBytes + length;
}
