// Which method does what: the etcd v3 services over the replicated store.
import * as proto from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import { bidi, serverStream, unary, type Method } from "./grpc-server.ts";
import { grpcErrorOf } from "./status.ts";
import { WatchStream, type WatchServiceOptions } from "./watch-service.ts";

/** Bytes of a snapshot per message. */
const snapshotBlobBytes = 32 * 1024;
/** The storage version that a snapshot names. */
const storageVersion = "3.6.0";
/** Lease renewals of one stream that are under way; past it nothing is read from the client until half are answered. */
const renewalsMax = 128;

export function etcdServices(
  options: WatchServiceOptions & { readonly server: EtcdServer },
): ReadonlyMap<string, Method> {
  const { server } = options;
  return new Map<string, Method>([
    ...kv(server),
    [
      "/etcdserverpb.Watch/Watch",
      bidi(proto.WatchRequest, proto.WatchResponse, (out, _context, control) => new WatchStream(options, out, control)),
    ],
    ...lease(server),
    [
      "/etcdserverpb.Cluster/MemberList",
      unary(proto.MemberListRequest, proto.MemberListResponse, (request) => server.memberList(request)),
    ],
    ...maintenance(server),
    [
      "/grpc.health.v1.Health/Check",
      unary(proto.HealthCheckRequest, proto.HealthCheckResponse, async () => ({
        status: isServing(server) ? proto.ServingStatus.serving : proto.ServingStatus.notServing,
      })),
    ],
    [
      "/etcdserverpb.Auth/AuthStatus",
      unary(proto.AuthStatusRequest, proto.AuthStatusResponse, async () => ({ header: server.header() })),
    ],
  ]);
}

function kv(server: EtcdServer): readonly (readonly [string, Method])[] {
  return [
    ["/etcdserverpb.KV/Range", unary(proto.RangeRequest, proto.RangeResponse, (request) => server.range(request))],
    ["/etcdserverpb.KV/Put", unary(proto.PutRequest, proto.PutResponse, (request) => server.put(request))],
    [
      "/etcdserverpb.KV/DeleteRange",
      unary(proto.DeleteRangeRequest, proto.DeleteRangeResponse, (request) => server.deleteRange(request)),
    ],
    ["/etcdserverpb.KV/Txn", unary(proto.TxnRequest, proto.TxnResponse, (request) => server.txn(request))],
    [
      "/etcdserverpb.KV/Compact",
      unary(proto.CompactionRequest, proto.CompactionResponse, (request) => server.compact(request)),
    ],
  ];
}

function lease(server: EtcdServer): readonly (readonly [string, Method])[] {
  return [
    [
      "/etcdserverpb.Lease/LeaseGrant",
      unary(proto.LeaseGrantRequest, proto.LeaseGrantResponse, (request) => server.leaseGrant(request)),
    ],
    [
      "/etcdserverpb.Lease/LeaseRevoke",
      unary(proto.LeaseRevokeRequest, proto.LeaseRevokeResponse, (request) => server.leaseRevoke(request)),
    ],
    [
      "/etcdserverpb.Lease/LeaseTimeToLive",
      unary(proto.LeaseTimeToLiveRequest, proto.LeaseTimeToLiveResponse, (request) => server.leaseTimeToLive(request)),
    ],
    [
      "/etcdserverpb.Lease/LeaseLeases",
      unary(proto.LeaseLeasesRequest, proto.LeaseLeasesResponse, () => server.leaseLeases()),
    ],
    ["/etcdserverpb.Lease/LeaseKeepAlive", keepAlive(server)],
  ];
}

/** Renewals are answered in the order they came; a client that sends faster than it is answered has to wait. */
function keepAlive(server: EtcdServer): Method {
  return bidi(proto.LeaseKeepAliveRequest, proto.LeaseKeepAliveResponse, (out, _context, { end, resume }) => {
    let last: Promise<void> = Promise.resolve();
    let waiting = 0;
    return {
      onMessage(request) {
        waiting += 1;
        const answer = server.leaseKeepAlive(request);
        answer.catch(() => undefined); // looked at in its turn
        last = last.then(async () => {
          try {
            out.send(await answer);
          } catch (error) {
            end(grpcErrorOf(error));
          } finally {
            waiting -= 1;
            if (waiting === renewalsMax / 2) resume();
          }
        });
        return waiting < renewalsMax;
      },
      onHalfClose: () => void last.then(() => end()),
      onClose: () => undefined,
    };
  });
}

function maintenance(server: EtcdServer): readonly (readonly [string, Method])[] {
  return [
    ["/etcdserverpb.Maintenance/Status", unary(proto.StatusRequest, proto.StatusResponse, () => server.status())],
    [
      "/etcdserverpb.Maintenance/Alarm",
      unary(proto.AlarmRequest, proto.AlarmResponse, (request) => server.alarm(request)),
    ],
    ["/etcdserverpb.Maintenance/Hash", unary(proto.HashRequest, proto.HashResponse, () => server.hash())],
    [
      "/etcdserverpb.Maintenance/HashKV",
      unary(proto.HashKvRequest, proto.HashKvResponse, (request) => server.hashKv(request)),
    ],
    [
      "/etcdserverpb.Maintenance/Defragment",
      unary(proto.DefragmentRequest, proto.DefragmentResponse, async () => {
        await server.defragment();
        return {};
      }),
    ],
    [
      "/etcdserverpb.Maintenance/MoveLeader",
      unary(proto.MoveLeaderRequest, proto.MoveLeaderResponse, async (request) => {
        await server.moveLeader(request);
        return { header: server.header() };
      }),
    ],
    [
      "/etcdserverpb.Maintenance/Snapshot",
      serverStream(proto.SnapshotRequest, proto.SnapshotResponse, async (_request, out, { signal }) => {
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
      }),
    ],
  ];
}

/** A member that knows no leader can neither write nor answer linearizable reads. */
export function isServing(server: EtcdServer): boolean {
  return server.leaderId() !== 0n;
}
