import * as proto from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import { unary } from "./grpc-server.ts";
import type { Service } from "./services.ts";

export function healthService(server: EtcdServer): Service {
  return {
    "grpc.health.v1.Health/Check": unary(proto.HealthCheckRequest, proto.HealthCheckResponse, async () => ({
      status: isServing(server) ? proto.ServingStatus.serving : proto.ServingStatus.notServing,
    })),
  };
}

/** A member that knows no leader can neither write nor answer linearizable reads. */
export function isServing(server: EtcdServer): boolean {
  return server.leaderId() !== 0n;
}
