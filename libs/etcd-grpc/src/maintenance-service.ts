import * as proto from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import { serverStream, unary, type Method } from "./grpc-server.ts";
import type { Service } from "./services.ts";

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
