import * as proto from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import { unary } from "./grpc-server.ts";
import type { Service } from "./services.ts";

export function authService(server: EtcdServer): Service {
  return {
    "etcdserverpb.Auth/AuthStatus": unary(proto.AuthStatusRequest, proto.AuthStatusResponse, async () => ({
      header: server.header(),
    })),
  };
}
