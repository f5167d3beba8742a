// v3lockpb.Lock. Source: etcd server/etcdserver/api/v3lock.
import { emptyBytes } from "@triarch/base";
import * as proto from "@triarch/etcd-proto";
import { unary } from "./grpc-server.ts";
import { asProgram, enter, reachFront, type QueueStore } from "./queue.ts";
import type { Service } from "./services.ts";
import { GrpcError, grpcCodes } from "./status.ts";

export function lockService(store: QueueStore): Service {
  return {
    "v3lockpb.Lock/Lock": unary(proto.LockRequest, proto.LockResponse, (request, { signal }) =>
      asProgram(lock(store, request, signal)),
    ),
    "v3lockpb.Lock/Unlock": unary(proto.UnlockRequest, proto.UnlockResponse, async ({ key }) => ({
      header: (await asProgram(store.deleteRange({ key }))).header,
    })),
  };
}

async function lock(
  store: QueueStore,
  { name, lease }: proto.LockRequest,
  signal: AbortSignal,
): Promise<proto.LockResponse> {
  const place = await enter(store, { name, lease, value: emptyBytes });
  if (!(await reachFront(store, name, place, signal))) {
    throw new GrpcError(grpcCodes.unknown, "mutex: session is expired");
  }
  return { header: place.header, key: place.key };
}
