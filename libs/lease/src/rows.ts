/** Leases as rows of the bucket `lease`: the id, big-endian u64, and `leasepb.Lease`. */
import { PersistedLease } from "@triarch/etcd-proto";

export interface LeaseRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface StoredLease {
  readonly id: bigint;
  readonly ttlSeconds: number;
  /** What was left at the last checkpoint; 0: the whole TTL. */
  readonly checkpointSeconds: number;
}

export function leaseRowKey(leaseId: bigint): Uint8Array {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setBigInt64(0, leaseId);
  return key;
}

export function encodeLeaseRow({ id, ttlSeconds, checkpointSeconds }: StoredLease): LeaseRow {
  const value = PersistedLease.encode({ id, ttl: ttlSeconds, remainingTtl: checkpointSeconds });
  return { key: leaseRowKey(id), value };
}

/** @throws DecodeError */
export function decodeLeaseRow({ value }: LeaseRow): StoredLease {
  const { id, ttl, remainingTtl } = PersistedLease.decode(value);
  return { id, ttlSeconds: ttl, checkpointSeconds: remainingTtl };
}
