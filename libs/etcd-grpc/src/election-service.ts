// v3electionpb.Election. Source: etcd server/etcdserver/api/v3election.
import * as proto from "@triarch/etcd-proto";
import { serverStream, unary, type Outgoing } from "./grpc-server.ts";
import {
  asProgram,
  changed,
  enter,
  front,
  leave,
  prefixEnd,
  prefixOf,
  putValue,
  reachFront,
  type QueueStore,
} from "./queue.ts";
import type { Service } from "./services.ts";
import { GrpcError, grpcCodes } from "./status.ts";

export function electionService(store: QueueStore): Service {
  return {
    "v3electionpb.Election/Campaign": unary(proto.CampaignRequest, proto.CampaignResponse, (request, { signal }) =>
      asProgram(campaign(store, request, signal)),
    ),
    "v3electionpb.Election/Proclaim": unary(proto.ProclaimRequest, proto.ProclaimResponse, (request) =>
      asProgram(proclaim(store, request)),
    ),
    "v3electionpb.Election/Leader": unary(proto.LeaderRequest, proto.LeaderResponse, async ({ name }) => {
      const { header, kvs } = await asProgram(front(store, name));
      if (kvs[0] === undefined) throw new GrpcError(grpcCodes.unknown, "election: no leader");
      return { header, kv: kvs[0] };
    }),
    "v3electionpb.Election/Observe": serverStream(
      proto.LeaderRequest,
      proto.LeaderResponse,
      ({ name }, out, { signal }) => asProgram(observe(store, name, out, signal)),
    ),
    "v3electionpb.Election/Resign": unary(proto.ResignRequest, proto.ResignResponse, async (request) => ({
      header: await asProgram(leave(store, placeOf(request.leader))),
    })),
  };
}

async function proclaim(store: QueueStore, { leader, value }: proto.ProclaimRequest): Promise<proto.ProclaimResponse> {
  const { lease, ...place } = placeOf(leader);
  const header = await putValue(store, place, { value, lease });
  if (header === undefined) throw notLeader();
  return { header };
}

/** Resolves when the caller leads. Campaigning again with the same lease keeps the place and takes the new value. */
async function campaign(
  store: QueueStore,
  { name, lease, value }: proto.CampaignRequest,
  signal: AbortSignal,
): Promise<proto.CampaignResponse> {
  const place = await enter(store, { name, lease, value });
  const { header, previous, key, createRevision } = place;
  if (previous !== undefined && Buffer.compare(previous.value, value) !== 0) {
    if ((await putValue(store, place, { value, lease: place.lease })) === undefined) throw notLeader();
  }
  if (!(await reachFront(store, name, place, signal))) throw notLeader();
  return { header, leader: { name, key, revision: createRevision, lease: place.lease } };
}

/** What each leader proclaims, in order; the latest is never left out. */
async function observe(
  store: QueueStore,
  name: Uint8Array,
  out: Outgoing<proto.LeaderResponse>,
  signal: AbortSignal,
): Promise<void> {
  const key = prefixOf(name);
  const range = { key, rangeEnd: prefixEnd(key) };
  let writable = Promise.resolve();
  let drained = (): void => undefined;
  out.onDrain(() => drained());
  const send = (header: proto.ResponseHeader | undefined, kv: proto.KeyValue): void => {
    if (out.send({ header, kv })) return;
    writable = new Promise((resolve) => (drained = resolve));
  };
  while (!signal.aborted) {
    const { header, kvs } = await front(store, name);
    const after = (header?.revision ?? 0) + 1;
    const leader = kvs[0] ?? (await changed(store, { ...range, startRevision: after }, putOf, signal));
    if (leader === undefined) continue;
    const at = Math.max(leader.modRevision, after - 1);
    send(header === undefined ? undefined : { ...header, revision: at }, leader);
    let next = at + 1;
    for (let current: proto.Event | undefined; ; next = (current.kv?.modRevision ?? next) + 1) {
      await writable;
      const single = { key: leader.key, rangeEnd: new Uint8Array(0), startRevision: next };
      current = await changed(store, single, (event) => event, signal);
      if (current === undefined || current.type === proto.EventType.delete || current.kv === undefined) break;
      send(header === undefined ? undefined : { ...header, revision: current.kv.modRevision }, current.kv);
    }
  }
}

function putOf({ type, kv }: proto.Event): proto.KeyValue | undefined {
  return type === proto.EventType.put ? kv : undefined;
}

function placeOf(leader: proto.LeaderKey | undefined) {
  if (leader === undefined) throw new GrpcError(grpcCodes.unknown, '"leader" field must be provided');
  return { key: leader.key, createRevision: leader.revision, lease: leader.lease };
}

function notLeader(): GrpcError {
  return new GrpcError(grpcCodes.unknown, "election: not leader");
}
