/** Messages of `etcdserverpb.Watch`. Source: etcd api/etcdserverpb/rpc.proto. */
import * as f from "./fields.ts";
import { ResponseHeader } from "./kv.ts";
import { defineMessage, type Init, type Value } from "./message.ts";
import { Event } from "./mvccpb.ts";

export const WatchFilter = { noPut: 0, noDelete: 1 } as const;

export const WatchCreateRequest = defineMessage("etcdserverpb.WatchCreateRequest", {
  key: f.bytes(1),
  rangeEnd: f.bytes(2),
  startRevision: f.int64(3),
  progressNotify: f.bool(4),
  /** `WatchFilter` */
  filters: f.repeatedEnumeration(5, ["NOPUT", "NODELETE"]),
  prevKv: f.bool(6),
  watchId: f.int64(7),
  fragment: f.bool(8),
});
export type WatchCreateRequest = Value<typeof WatchCreateRequest>;

export const WatchCancelRequest = defineMessage("etcdserverpb.WatchCancelRequest", { watchId: f.int64(1) });
export type WatchCancelRequest = Value<typeof WatchCancelRequest>;

export const WatchProgressRequest = defineMessage("etcdserverpb.WatchProgressRequest", {});
export type WatchProgressRequest = Value<typeof WatchProgressRequest>;

/** A oneof: exactly one is set. */
export const WatchRequest = defineMessage("etcdserverpb.WatchRequest", {
  createRequest: f.message(1, () => WatchCreateRequest),
  cancelRequest: f.message(2, () => WatchCancelRequest),
  progressRequest: f.message(3, () => WatchProgressRequest),
});
export type WatchRequest = Value<typeof WatchRequest>;

export const WatchResponse = defineMessage("etcdserverpb.WatchResponse", {
  header: f.message(1, () => ResponseHeader),
  watchId: f.int64(2),
  created: f.bool(3),
  canceled: f.bool(4),
  compactRevision: f.int64(5),
  cancelReason: f.string(6),
  fragment: f.bool(7),
  events: f.repeatedMessage(11, () => Event),
});
export type WatchResponse = Value<typeof WatchResponse>;
export type WatchResponseInit = Init<typeof WatchResponse>;
