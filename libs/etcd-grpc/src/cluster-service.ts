import * as proto from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import { unary } from "./grpc-server.ts";
import type { Service } from "./services.ts";

export function clusterService(server: EtcdServer): Service {
  return {
    "etcdserverpb.Cluster/MemberList": unary(proto.MemberListRequest, proto.MemberListResponse, (request) =>
      server.memberList(request),
    ),
  };
}
