/** Lays out one group commit: the batch's own record, then what it holds, in the order in which replay must take it. */
import {
  encodeSnapshot,
  entryRecordBytes,
  hardStateRecordBytes,
  writeBatchHeader,
  writeEntry,
  writeHardState,
} from "./bodies.ts";
import { recordOverheadBytes, recordTypes, type RecordWriter } from "./record.ts";
import type { WalBatch } from "./types.ts";

/**
 * Appends the batch to `out`.
 * @param offset where the first byte of `out` will stand in the segment
 */
export function writeBatch(out: RecordWriter, offset: number, batch: Omit<WalBatch, "sync">): void {
  const entries = batch.entries ?? [];
  const snapshot = batch.snapshot === undefined ? undefined : encodeSnapshot(batch.snapshot);
  const installing = batch.installing === undefined ? undefined : encodeSnapshot(batch.installing);
  let bytes = 0;
  if (installing !== undefined) bytes += recordOverheadBytes + installing.length;
  if (snapshot !== undefined) bytes += recordOverheadBytes + snapshot.length;
  for (const entry of entries) bytes += entryRecordBytes(entry);
  if (batch.hardState !== undefined) bytes += hardStateRecordBytes;

  const start = offset + out.length;
  writeBatchHeader(out, { offset: start, bytes });
  if (installing !== undefined) writeBody(out, installing, recordTypes.installing);
  if (snapshot !== undefined) writeBody(out, snapshot, recordTypes.snapshot);
  for (const entry of entries) writeEntry(out, entry);
  if (batch.hardState !== undefined) writeHardState(out, batch.hardState);
}

function writeBody(
  out: RecordWriter,
  body: Uint8Array,
  type: typeof recordTypes.snapshot | typeof recordTypes.installing,
) {
  out.begin(body.length);
  out.raw(body);
  out.end(type);
}
