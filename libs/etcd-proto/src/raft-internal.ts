/** What a log entry holds: one request, and who asked. Source: etcd api/etcdserverpb/raft_internal.proto. */
import * as auth from "./auth.ts";
import { ClusterMemberAttrSetRequest, ClusterVersionSetRequest, DowngradeInfoSetRequest } from "./cluster.ts";
import * as f from "./fields.ts";
import { CompactionRequest, DeleteRangeRequest, PutRequest, RangeRequest, TxnRequest } from "./kv.ts";
import { LeaseCheckpointRequest, LeaseGrantRequest, LeaseRevokeRequest } from "./lease.ts";
import { AlarmRequest } from "./maintenance.ts";
import { defineMessage, type Init, type Value } from "./message.ts";

export const RequestHeader = defineMessage("etcdserverpb.RequestHeader", {
  id: f.id(1),
  username: f.string(2),
  authRevision: f.uint64(3),
  requesterMemberId: f.id(4),
});
export type RequestHeader = Value<typeof RequestHeader>;

/** Exactly one request is set. */
export const InternalRaftRequest = defineMessage("etcdserverpb.InternalRaftRequest", {
  id: f.id(1),
  range: f.message(3, () => RangeRequest),
  put: f.message(4, () => PutRequest),
  deleteRange: f.message(5, () => DeleteRangeRequest),
  txn: f.message(6, () => TxnRequest),
  compaction: f.message(7, () => CompactionRequest),
  leaseGrant: f.message(8, () => LeaseGrantRequest),
  leaseRevoke: f.message(9, () => LeaseRevokeRequest),
  alarm: f.message(10, () => AlarmRequest),
  leaseCheckpoint: f.message(11, () => LeaseCheckpointRequest),
  header: f.message(100, () => RequestHeader),
  authEnable: f.message(1000, () => auth.AuthEnableRequest),
  authDisable: f.message(1011, () => auth.AuthDisableRequest),
  authenticate: f.message(1012, () => auth.InternalAuthenticateRequest),
  authStatus: f.message(1013, () => auth.AuthStatusRequest),
  authUserAdd: f.message(1100, () => auth.AuthUserAddRequest),
  authUserDelete: f.message(1101, () => auth.AuthUserDeleteRequest),
  authUserGet: f.message(1102, () => auth.AuthUserGetRequest),
  authUserChangePassword: f.message(1103, () => auth.AuthUserChangePasswordRequest),
  authUserGrantRole: f.message(1104, () => auth.AuthUserGrantRoleRequest),
  authUserRevokeRole: f.message(1105, () => auth.AuthUserRevokeRoleRequest),
  authUserList: f.message(1106, () => auth.AuthUserListRequest),
  authRoleList: f.message(1107, () => auth.AuthRoleListRequest),
  authRoleAdd: f.message(1200, () => auth.AuthRoleAddRequest),
  authRoleDelete: f.message(1201, () => auth.AuthRoleDeleteRequest),
  authRoleGet: f.message(1202, () => auth.AuthRoleGetRequest),
  authRoleGrantPermission: f.message(1203, () => auth.AuthRoleGrantPermissionRequest),
  authRoleRevokePermission: f.message(1204, () => auth.AuthRoleRevokePermissionRequest),
  clusterVersionSet: f.message(1300, () => ClusterVersionSetRequest),
  clusterMemberAttrSet: f.message(1301, () => ClusterMemberAttrSetRequest),
  downgradeInfoSet: f.message(1302, () => DowngradeInfoSetRequest),
});
export type InternalRaftRequest = Value<typeof InternalRaftRequest>;
export type InternalRaftRequestInit = Init<typeof InternalRaftRequest>;
