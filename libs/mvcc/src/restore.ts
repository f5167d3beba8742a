/** Rebuilding the key index, and which keys hang on which lease, from the stored rows. */
import { toByteString, type ByteString } from "@triarch/base";
import { KeyValue } from "@triarch/etcd-proto";
import type { Pause, Row, RowBackend } from "./backend.ts";
import { RestoreError } from "./errors.ts";
import type { KeyIndex } from "./key-index.ts";
import { decodeRevisionKey } from "./revision.ts";
import type { LeaseAttachments } from "./write-txn.ts";

const rowsPerSlice = 1000;

/**
 * Every write leaves a row at its revision, and a compaction removes none after its own: so above `compactRevision` a
 * revision without a row was lost, and with it an acknowledged write.
 *
 * @returns the newest main revision, 1 when there is no row
 * @throws RestoreError
 */
export async function restoreIndex(options: {
  readonly backend: RowBackend;
  readonly index: KeyIndex;
  readonly leases: LeaseAttachments;
  /** -1: never compacted. */
  readonly compactRevision: number;
  readonly pause: Pause;
}): Promise<number> {
  const leaseOf = new Map<ByteString, bigint>();
  let newest = 1;
  let inSlice = 0;
  for await (const batch of options.backend.rows()) {
    for (const row of batch) {
      const revision = decodeRevisionKey(row.key);
      if (revision === undefined) throw new RestoreError({ code: "badRow", rowKey: row.key });
      const kv = decodeRow(row);
      const key = toByteString(kv.key);
      const { main, sub, tombstone } = revision;
      options.index.getOrCreate(key).restore({ main, sub, tombstone, created: kv.createRevision, version: kv.version });
      const before = Math.max(newest, options.compactRevision);
      if (main > before + 1) throw new RestoreError({ code: "missingRevisions", after: before, found: main });
      newest = main;
      if (tombstone || kv.lease === 0n) leaseOf.delete(key);
      else leaseOf.set(key, kv.lease);
    }
    inSlice += batch.length;
    if (inSlice >= rowsPerSlice) {
      inSlice = 0;
      await options.pause();
    }
  }
  let attached = 0;
  for (const [key, lease] of leaseOf) {
    if (options.leases.has(lease)) options.leases.attach(lease, key);
    attached += 1;
    if (attached % rowsPerSlice === 0) await options.pause();
  }
  return newest;
}

function decodeRow({ key, value }: Row): KeyValue {
  try {
    return KeyValue.decode(value);
  } catch (error) {
    throw new RestoreError({ code: "badRow", rowKey: key }, { cause: error });
  }
}
