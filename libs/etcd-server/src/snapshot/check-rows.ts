/**
 * Whether the rows of a snapshot file can be served, before anything is written: the file's checksum and its tree say
 * only that it is what somebody wrote.
 */
import { hex } from "@triarch/base";
import { BboltError, type BboltReader } from "@triarch/bbolt";
import { KeyValue } from "@triarch/etcd-proto";
import { decodeLeaseRow } from "@triarch/lease";
import { decodeRevisionKey } from "@triarch/mvcc";
import { pause } from "../server/pause.ts";

export interface CheckedRows {
  /** Of the last row, or of the compaction if that is later. */
  readonly revision: number;
  /** In the bucket `key`. */
  readonly rows: number;
}

/** Reads every bucket to its end. @param compactRevision -1: never compacted. @throws BboltError "corrupt" */
export async function checkRows(reader: BboltReader, compactRevision: number): Promise<CheckedRows> {
  let revision = Math.max(1, compactRevision);
  let count = 0;
  for (const bucket of reader.bucketNames) {
    for await (const rows of reader.rows(bucket)) {
      await pause();
      for (const [key, value] of rows) {
        if (bucket === "lease") checkLease(key, value);
        if (bucket !== "key") continue;
        const main = checkKeyRow(key, value);
        // Each write leaves a row, and a compaction removes none after its own revision.
        if (main > revision + 1) throw corrupt(key, `revisions ${revision + 1} to ${main - 1} are missing before it`);
        revision = Math.max(revision, main);
        count += 1;
      }
    }
  }
  return { revision, rows: count };
}

/** @returns its revision */
function checkKeyRow(key: Uint8Array, value: Uint8Array): number {
  const at = decodeRevisionKey(key);
  if (at === undefined || at.main < 1) throw corrupt(key, "its key is no revision");
  const kv = decoded(key, () => KeyValue.decode(value));
  if (kv.key.length === 0) throw corrupt(key, "it names no key");
  if (at.tombstone) return at.main;
  if (kv.modRevision !== at.main) throw corrupt(key, `it says that it is of revision ${kv.modRevision}`);
  if (kv.createRevision < 1 || kv.createRevision > at.main || kv.version < 1) {
    throw corrupt(key, `created at ${kv.createRevision}, version ${kv.version}: no key has that`);
  }
  return at.main;
}

function checkLease(key: Uint8Array, value: Uint8Array): void {
  const lease = decoded(key, () => decodeLeaseRow({ key, value }));
  if (lease.id === 0n || lease.ttlSeconds < 0) throw corrupt(key, "no lease has such an id or time to live");
}

function decoded<T>(key: Uint8Array, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw corrupt(key, error instanceof Error ? error.message : String(error));
  }
}

function corrupt(key: Uint8Array, what: string): BboltError {
  return new BboltError("corrupt", `row ${hex(key.subarray(0, 32))}: ${what}`);
}
