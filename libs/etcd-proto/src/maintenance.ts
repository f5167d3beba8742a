/** Messages of `etcdserverpb.Maintenance` and `grpc.health.v1`. Source: etcd api/etcdserverpb/rpc.proto, gRPC health checking protocol. */
import * as f from "./fields.ts";
import { ResponseHeader } from "./kv.ts";
import { defineMessage, type Value } from "./message.ts";

export const AlarmType = { none: 0, noSpace: 1, corrupt: 2 } as const;
const alarmNames = ["NONE", "NOSPACE", "CORRUPT"];
export const AlarmAction = { get: 0, activate: 1, deactivate: 2 } as const;

export const AlarmRequest = defineMessage(
  "etcdserverpb.AlarmRequest",
  {
    action: f.enumeration(1, ["GET", "ACTIVATE", "DEACTIVATE"]),
    memberId: f.id(2),
    alarm: f.enumeration(3, alarmNames),
  },
  { jsonNames: { memberId: "memberID" } },
);
export type AlarmRequest = Value<typeof AlarmRequest>;

/** Also the key of a row in the `alarm` bucket. */
export const AlarmMember = defineMessage(
  "etcdserverpb.AlarmMember",
  { memberId: f.id(1), alarm: f.enumeration(2, alarmNames) },
  { jsonNames: { memberId: "memberID" } },
);
export type AlarmMember = Value<typeof AlarmMember>;

export const AlarmResponse = defineMessage("etcdserverpb.AlarmResponse", {
  header: f.message(1, () => ResponseHeader),
  alarms: f.repeatedMessage(2, () => AlarmMember),
});
export type AlarmResponse = Value<typeof AlarmResponse>;

export const StatusRequest = defineMessage("etcdserverpb.StatusRequest", {});
export type StatusRequest = Value<typeof StatusRequest>;

export const DowngradeInfo = defineMessage(
  "etcdserverpb.DowngradeInfo",
  {
    enabled: f.bool(1),
    targetVersion: f.string(2),
  },
  { jsonNames: { targetVersion: "targetVersion" } },
);
export type DowngradeInfo = Value<typeof DowngradeInfo>;

export const StatusResponse = defineMessage(
  "etcdserverpb.StatusResponse",
  {
    header: f.message(1, () => ResponseHeader),
    version: f.string(2),
    dbSize: f.int64(3),
    leader: f.id(4),
    raftIndex: f.uint64(5),
    raftTerm: f.uint64(6),
    raftAppliedIndex: f.uint64(7),
    errors: f.repeatedString(8),
    dbSizeInUse: f.int64(9),
    isLearner: f.bool(10),
    storageVersion: f.string(11),
    dbSizeQuota: f.int64(12),
    downgradeInfo: f.message(13, () => DowngradeInfo),
  },
  {
    jsonNames: {
      dbSize: "dbSize",
      raftIndex: "raftIndex",
      raftTerm: "raftTerm",
      raftAppliedIndex: "raftAppliedIndex",
      dbSizeInUse: "dbSizeInUse",
      isLearner: "isLearner",
      storageVersion: "storageVersion",
      dbSizeQuota: "dbSizeQuota",
      downgradeInfo: "downgradeInfo",
    },
  },
);
export type StatusResponse = Value<typeof StatusResponse>;

export const DefragmentRequest = defineMessage("etcdserverpb.DefragmentRequest", {});
export type DefragmentRequest = Value<typeof DefragmentRequest>;
export const DefragmentResponse = defineMessage("etcdserverpb.DefragmentResponse", {
  header: f.message(1, () => ResponseHeader),
});
export type DefragmentResponse = Value<typeof DefragmentResponse>;

export const HashRequest = defineMessage("etcdserverpb.HashRequest", {});
export type HashRequest = Value<typeof HashRequest>;
export const HashResponse = defineMessage("etcdserverpb.HashResponse", {
  header: f.message(1, () => ResponseHeader),
  hash: f.uint32(2),
});
export type HashResponse = Value<typeof HashResponse>;

export const HashKvRequest = defineMessage("etcdserverpb.HashKVRequest", { revision: f.int64(1) });
export type HashKvRequest = Value<typeof HashKvRequest>;
export const HashKvResponse = defineMessage("etcdserverpb.HashKVResponse", {
  header: f.message(1, () => ResponseHeader),
  hash: f.uint32(2),
  compactRevision: f.int64(3),
  hashRevision: f.int64(4),
});
export type HashKvResponse = Value<typeof HashKvResponse>;

export const SnapshotRequest = defineMessage("etcdserverpb.SnapshotRequest", {});
export type SnapshotRequest = Value<typeof SnapshotRequest>;
export const SnapshotResponse = defineMessage("etcdserverpb.SnapshotResponse", {
  header: f.message(1, () => ResponseHeader),
  remainingBytes: f.uint64(2),
  blob: f.bytes(3),
  version: f.string(4),
});
export type SnapshotResponse = Value<typeof SnapshotResponse>;

export const MoveLeaderRequest = defineMessage(
  "etcdserverpb.MoveLeaderRequest",
  { targetId: f.id(1) },
  { jsonNames: { targetId: "targetID" } },
);
export type MoveLeaderRequest = Value<typeof MoveLeaderRequest>;
export const MoveLeaderResponse = defineMessage("etcdserverpb.MoveLeaderResponse", {
  header: f.message(1, () => ResponseHeader),
});
export type MoveLeaderResponse = Value<typeof MoveLeaderResponse>;

export const DowngradeAction = { validate: 0, enable: 1, cancel: 2 } as const;
export const DowngradeRequest = defineMessage("etcdserverpb.DowngradeRequest", {
  action: f.enumeration(1, ["VALIDATE", "ENABLE", "CANCEL"]),
  version: f.string(2),
});
export type DowngradeRequest = Value<typeof DowngradeRequest>;
export const DowngradeResponse = defineMessage("etcdserverpb.DowngradeResponse", {
  header: f.message(1, () => ResponseHeader),
  version: f.string(2),
});
export type DowngradeResponse = Value<typeof DowngradeResponse>;

export const ServingStatus = { unknown: 0, serving: 1, notServing: 2, serviceUnknown: 3 } as const;
export const HealthCheckRequest = defineMessage("grpc.health.v1.HealthCheckRequest", { service: f.string(1) });
export type HealthCheckRequest = Value<typeof HealthCheckRequest>;
export const HealthCheckResponse = defineMessage("grpc.health.v1.HealthCheckResponse", { status: f.enumeration(1) });
export type HealthCheckResponse = Value<typeof HealthCheckResponse>;
