/** Rebuilding the key index, and which keys hang on which lease, from the stored rows. */
import { toByteString, type ByteString } from "@triarch/base";
import { KeyValue } from "@triarch/etcd-proto";
import type { Pause, RowBackend } from "./backend.ts";
import type { KeyIndex } from "./key-index.ts";
import { decodeRevisionKey } from "./revision.ts";
import type { LeaseAttachments } from "./write-txn.ts";

const rowsPerSlice = 1000;

/** @returns the newest main revision, 1 when there is no row */
export async function restoreIndex(options: {
  readonly backend: RowBackend;
  readonly index: KeyIndex;
  readonly leases: LeaseAttachments;
  readonly pause: Pause;
}): Promise<number> {
  const leaseOf = new Map<ByteString, bigint>();
  let newest = 1;
  let inSlice = 0;
  for await (const batch of options.backend.rows()) {
    for (const row of batch) {
      const revision = decodeRevisionKey(row.key);
      if (revision === undefined)
        throw new Error(`a row of the key bucket has a key that is no revision: ${row.key.join(" ")}`);
      const kv = KeyValue.decode(row.value);
      const key = toByteString(kv.key);
      const { main, sub, tombstone } = revision;
      options.index.getOrCreate(key).restore({ main, sub, tombstone, created: kv.createRevision, version: kv.version });
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
  for (const [key, lease] of leaseOf) if (options.leases.has(lease)) options.leases.attach(lease, key);
  return newest;
}
