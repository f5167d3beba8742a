// Who belongs to the cluster. Changes may be asked of any member; the store takes them to the leader.
import * as proto from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import { unary } from "./grpc-server.ts";
import type { Service } from "./services.ts";

export function clusterService(server: EtcdServer): Service {
  return {
    "etcdserverpb.Cluster/MemberAdd": unary(proto.MemberAddRequest, proto.MemberAddResponse, (request) =>
      server.memberAdd(request),
    ),
    "etcdserverpb.Cluster/MemberRemove": unary(proto.MemberRemoveRequest, proto.MemberRemoveResponse, (request) =>
      server.memberRemove(request),
    ),
    "etcdserverpb.Cluster/MemberUpdate": unary(proto.MemberUpdateRequest, proto.MemberUpdateResponse, (request) =>
      server.memberUpdate(request),
    ),
    "etcdserverpb.Cluster/MemberList": unary(proto.MemberListRequest, proto.MemberListResponse, (request) =>
      server.memberList(request),
    ),
    "etcdserverpb.Cluster/MemberPromote": unary(proto.MemberPromoteRequest, proto.MemberPromoteResponse, (request) =>
      server.memberPromote(request),
    ),
    // Of our own: one step instead of two, for `triarch member replace`.
    "triarch.Cluster/MemberReplace": unary(proto.MemberReplaceRequest, proto.MemberReplaceResponse, (request) =>
      server.memberReplace(request),
    ),
  };
}
