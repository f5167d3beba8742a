/** What the store keeps (`mvccpb`) and what lease rows hold (`leasepb`). Source: etcd api/mvccpb/kv.proto, server/lease/leasepb/lease.proto. */
import * as f from "./fields.ts";
import { defineMessage, type Init, type Value } from "./message.ts";

/** A row's value. Its encoding is what HashKV and snapshots compare, byte for byte. */
export const KeyValue = defineMessage("mvccpb.KeyValue", {
  key: f.bytes(1),
  createRevision: f.int64(2),
  modRevision: f.int64(3),
  version: f.int64(4),
  value: f.bytes(5),
  lease: f.leaseId(6),
});
export type KeyValue = Value<typeof KeyValue>;
export type KeyValueInit = Init<typeof KeyValue>;

export const EventType = { put: 0, delete: 1 } as const;

/** A delete event's `kv` has only `key` and `modRevision`. */
export const Event = defineMessage("mvccpb.Event", {
  /** `EventType` */
  type: f.enumeration(1, ["PUT", "DELETE"]),
  kv: f.message(2, () => KeyValue),
  prevKv: f.message(3, () => KeyValue),
});
export type Event = Value<typeof Event>;

export const PersistedLease = defineMessage("leasepb.Lease", {
  id: f.leaseId(1),
  /** seconds */
  ttl: f.int64(2),
  /** seconds; zero: the full TTL */
  remainingTtl: f.int64(3),
});
export type PersistedLease = Value<typeof PersistedLease>;
