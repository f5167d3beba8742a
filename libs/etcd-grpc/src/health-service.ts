// grpc.health.v1.Health: one service name, the empty one, for all of them.
import * as proto from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import { serverStream, unary } from "./grpc-server.ts";
import type { Service } from "./services.ts";
import { GrpcError, grpcCodes } from "./status.ts";

const { serving, notServing, serviceUnknown } = proto.ServingStatus;

export function healthService(server: Pick<EtcdServer, "leaderId" | "onLeaderChange">): Service {
  const now = (): number => (isServing(server) ? serving : notServing);
  return {
    "grpc.health.v1.Health/Check": unary(proto.HealthCheckRequest, proto.HealthCheckResponse, async ({ service }) => {
      if (service !== "") throw new GrpcError(grpcCodes.notFound, "unknown service");
      return { status: now() };
    }),
    "grpc.health.v1.Health/Watch": serverStream(
      proto.HealthCheckRequest,
      proto.HealthCheckResponse,
      ({ service }, out, { signal }) =>
        new Promise((resolve) => {
          let told: number | undefined;
          const tell = (): void => {
            const status = service === "" ? now() : serviceUnknown;
            if (status !== told) out.send({ status });
            told = status;
          };
          tell();
          const stop = server.onLeaderChange(tell);
          const end = (): void => {
            stop();
            resolve();
          };
          if (signal.aborted) end();
          else signal.addEventListener("abort", end, { once: true });
        }),
    ),
  };
}

/** A member that knows no leader can neither write nor answer linearizable reads. */
export function isServing(server: Pick<EtcdServer, "leaderId">): boolean {
  return server.leaderId() !== 0n;
}
