// etcdserverpb.KV/RangeStream: a range in pieces, all at one revision.
import { concatBytes } from "@triarch/base";
import * as proto from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import { serverStream, type Method, type Outgoing } from "./grpc-server.ts";
import { GrpcError, grpcCodes } from "./status.ts";

const firstPieceKeys = 10;
/** Pieces grow and shrink towards this. */
const pieceBytes = 1_572_864;
/** Rows of small keys: no more than can be read in a few milliseconds. */
const pieceKeysMax = 10_000;
const successorByte = new Uint8Array(1);

export function rangeStream(server: Pick<EtcdServer, "range">): Method {
  return serverStream(proto.RangeRequest, proto.RangeStreamResponse, (request, out, { signal }) =>
    streamRange(server, request, out, signal),
  );
}

/**
 * The rows of each piece follow those of the one before; header, count and more come with the last alone, as they would
 * be for the whole range. A compaction that overtakes the stream ends it with "compacted".
 */
async function streamRange(
  server: Pick<EtcdServer, "range">,
  request: proto.RangeRequest,
  out: Outgoing<proto.Init<typeof proto.RangeStreamResponse>>,
  signal: AbortSignal,
): Promise<void> {
  refuseUnsupported(request);
  let writable = Promise.withResolvers<void>();
  out.onDrain(() => writable.resolve());
  signal.addEventListener("abort", () => writable.resolve(), { once: true });
  let pieceKeys = firstPieceKeys;
  let left = request.limit > 0 ? request.limit : Infinity;
  let piece = await server.range({ ...request, limit: Math.min(pieceKeys, left) });
  const { header, count } = piece;
  // Later pieces are read here at the revision of the first, which the leader has vouched for.
  const pinned = { revision: request.revision > 0 ? request.revision : (header?.revision ?? 0), serializable: true };
  while (!signal.aborted) {
    left -= piece.kvs.length;
    const last = piece.kvs.at(-1);
    if (!piece.more || left <= 0 || last === undefined) {
      out.send({ rangeResponse: { header, kvs: piece.kvs, more: piece.more, count } });
      return;
    }
    writable = Promise.withResolvers<void>();
    const size = piece.kvs.reduce((sum, kv) => sum + kv.key.length + kv.value.length, 0);
    if (!out.send({ rangeResponse: { kvs: piece.kvs } })) await writable.promise;
    if (size * 2 <= pieceBytes) pieceKeys = Math.min(pieceKeysMax, pieceKeys * 2);
    else if (size > pieceBytes) pieceKeys = Math.max(1, pieceKeys >>> 1);
    const key = concatBytes([last.key, successorByte]);
    piece = await server.range({ ...request, ...pinned, key, limit: Math.min(pieceKeys, left) });
  }
}

function refuseUnsupported(request: proto.RangeRequest): void {
  const sorted = request.sortOrder !== proto.SortOrder.none || request.sortTarget !== proto.SortTarget.key;
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  const filtered = [minModRevision, maxModRevision, minCreateRevision, maxCreateRevision].some((bound) => bound !== 0);
  if (!sorted && !filtered) return;
  const what = sorted ? "sort order and sort target" : "revision filters";
  throw new GrpcError(grpcCodes.unimplemented, `etcdserver: range stream does not support ${what}; use Range`);
}
