/** Messages of `etcdserverpb.Lease`. TTLs are seconds. Source: etcd api/etcdserverpb/rpc.proto. */
import * as f from "./fields.ts";
import { ResponseHeader } from "./kv.ts";
import { defineMessage, type Value } from "./message.ts";

export const LeaseGrantRequest = defineMessage(
  "etcdserverpb.LeaseGrantRequest",
  { ttl: f.int64(1), id: f.leaseId(2) },
  { jsonNames: { ttl: "TTL", id: "ID" } },
);
export type LeaseGrantRequest = Value<typeof LeaseGrantRequest>;

export const LeaseGrantResponse = defineMessage(
  "etcdserverpb.LeaseGrantResponse",
  {
    header: f.message(1, () => ResponseHeader),
    id: f.leaseId(2),
    ttl: f.int64(3),
    error: f.string(4),
  },
  { jsonNames: { id: "ID", ttl: "TTL" } },
);
export type LeaseGrantResponse = Value<typeof LeaseGrantResponse>;

export const LeaseRevokeRequest = defineMessage(
  "etcdserverpb.LeaseRevokeRequest",
  { id: f.leaseId(1) },
  { jsonNames: { id: "ID" } },
);
export type LeaseRevokeRequest = Value<typeof LeaseRevokeRequest>;

export const LeaseRevokeResponse = defineMessage("etcdserverpb.LeaseRevokeResponse", {
  header: f.message(1, () => ResponseHeader),
});
export type LeaseRevokeResponse = Value<typeof LeaseRevokeResponse>;

export const LeaseCheckpoint = defineMessage(
  "etcdserverpb.LeaseCheckpoint",
  {
    id: f.leaseId(1),
    remainingTtl: f.int64(2),
  },
  { jsonNames: { id: "ID", remainingTtl: "remaining_TTL" } },
);
export type LeaseCheckpoint = Value<typeof LeaseCheckpoint>;

export const LeaseCheckpointRequest = defineMessage("etcdserverpb.LeaseCheckpointRequest", {
  checkpoints: f.repeatedMessage(1, () => LeaseCheckpoint),
});
export type LeaseCheckpointRequest = Value<typeof LeaseCheckpointRequest>;

export const LeaseCheckpointResponse = defineMessage("etcdserverpb.LeaseCheckpointResponse", {
  header: f.message(1, () => ResponseHeader),
});
export type LeaseCheckpointResponse = Value<typeof LeaseCheckpointResponse>;

export const LeaseKeepAliveRequest = defineMessage(
  "etcdserverpb.LeaseKeepAliveRequest",
  { id: f.leaseId(1) },
  { jsonNames: { id: "ID" } },
);
export type LeaseKeepAliveRequest = Value<typeof LeaseKeepAliveRequest>;

export const LeaseKeepAliveResponse = defineMessage(
  "etcdserverpb.LeaseKeepAliveResponse",
  {
    header: f.message(1, () => ResponseHeader),
    id: f.leaseId(2),
    ttl: f.int64(3),
  },
  { jsonNames: { id: "ID", ttl: "TTL" } },
);
export type LeaseKeepAliveResponse = Value<typeof LeaseKeepAliveResponse>;

export const LeaseTimeToLiveRequest = defineMessage(
  "etcdserverpb.LeaseTimeToLiveRequest",
  {
    id: f.leaseId(1),
    keys: f.bool(2),
  },
  { jsonNames: { id: "ID" } },
);
export type LeaseTimeToLiveRequest = Value<typeof LeaseTimeToLiveRequest>;

export const LeaseTimeToLiveResponse = defineMessage(
  "etcdserverpb.LeaseTimeToLiveResponse",
  {
    header: f.message(1, () => ResponseHeader),
    id: f.leaseId(2),
    ttl: f.int64(3),
    grantedTtl: f.int64(4),
    keys: f.repeatedBytes(5),
  },
  { jsonNames: { id: "ID", ttl: "TTL", grantedTtl: "grantedTTL" } },
);
export type LeaseTimeToLiveResponse = Value<typeof LeaseTimeToLiveResponse>;

export const LeaseLeasesRequest = defineMessage("etcdserverpb.LeaseLeasesRequest", {});
export type LeaseLeasesRequest = Value<typeof LeaseLeasesRequest>;

export const LeaseStatus = defineMessage("etcdserverpb.LeaseStatus", { id: f.leaseId(1) }, { jsonNames: { id: "ID" } });
export type LeaseStatus = Value<typeof LeaseStatus>;

export const LeaseLeasesResponse = defineMessage("etcdserverpb.LeaseLeasesResponse", {
  header: f.message(1, () => ResponseHeader),
  leases: f.repeatedMessage(2, () => LeaseStatus),
});
export type LeaseLeasesResponse = Value<typeof LeaseLeasesResponse>;
