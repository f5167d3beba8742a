import * as proto from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import { serverStream, unary, type Method } from "./grpc-server.ts";
import type { Service } from "./services.ts";
import { GrpcError, grpcCodes } from "./status.ts";

/** Bytes of a snapshot per message. */
const snapshotBlobBytes = 32 * 1024;
/** The storage version that a snapshot names. */
const storageVersion = "3.6.0";

export function maintenanceService(server: EtcdServer): Service {
  return {
    "etcdserverpb.Maintenance/Status": unary(proto.StatusRequest, proto.StatusResponse, () => server.status()),
    "etcdserverpb.Maintenance/Alarm": unary(proto.AlarmRequest, proto.AlarmResponse, (request) =>
      server.alarm(request),
    ),
    "etcdserverpb.Maintenance/Hash": unary(proto.HashRequest, proto.HashResponse, () => server.hash()),
    "etcdserverpb.Maintenance/HashKV": unary(proto.HashKvRequest, proto.HashKvResponse, (request) =>
      server.hashKv(request),
    ),
    "etcdserverpb.Maintenance/Defragment": unary(proto.DefragmentRequest, proto.DefragmentResponse, async () => {
      await server.defragment();
      return {};
    }),
    "etcdserverpb.Maintenance/MoveLeader": unary(proto.MoveLeaderRequest, proto.MoveLeaderResponse, async (request) => {
      await server.moveLeader(request);
      return { header: server.header() };
    }),
    "etcdserverpb.Maintenance/Downgrade": unary(proto.DowngradeRequest, proto.DowngradeResponse, async (request) =>
      refuseDowngrade(request),
    ),
    "etcdserverpb.Maintenance/Snapshot": snapshot(server),
  };
}

function snapshot(server: EtcdServer): Method {
  return serverStream(proto.SnapshotRequest, proto.SnapshotResponse, async (_request, out, { signal }) => {
    const file = await server.snapshot();
    const header = server.header();
    let remainingBytes = file.sizeBytes;
    let writable = Promise.withResolvers<void>();
    out.onDrain(() => writable.resolve());
    signal.addEventListener("abort", () => writable.resolve(), { once: true });
    for await (const chunk of file.chunks) {
      if (signal.aborted) return;
      for (let at = 0; at < chunk.length; at += snapshotBlobBytes) {
        const blob = chunk.subarray(at, at + snapshotBlobBytes);
        remainingBytes -= blob.length;
        writable = Promise.withResolvers<void>();
        if (!out.send({ header, remainingBytes, blob, version: storageVersion })) await writable.promise;
        if (signal.aborted) return;
      }
    }
  });
}

/** There is no older version of this store to go back to: every target is refused, in etcd's words. */
function refuseDowngrade({ action, version }: proto.DowngradeRequest): never {
  const { invalidArgument, failedPrecondition, unknown } = grpcCodes;
  switch (action) {
    case proto.DowngradeAction.validate:
    case proto.DowngradeAction.enable:
      if (!/^\d+\.\d+(\.\d+)?$/.test(version))
        throw new GrpcError(invalidArgument, "etcdserver: wrong downgrade target version format");
      throw new GrpcError(invalidArgument, "etcdserver: invalid downgrade target version");
    case proto.DowngradeAction.cancel:
      throw new GrpcError(failedPrecondition, "etcdserver: no inflight downgrade job");
    default:
      throw new GrpcError(unknown, "etcdserver: unknown method");
  }
}
