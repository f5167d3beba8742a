import { assertDefined, compareBytes, concatBytes, prefixEnd } from "@triarch/base";
import {
  CompareResult,
  CompareTarget,
  type KeyValue,
  type RangeResponse,
  type TxnRequestInit,
} from "@triarch/etcd-proto";
import type { EtcdServer } from "../server/etcd-server.ts";
import { frame } from "./frames.ts";
import type { Outbox } from "./outbox.ts";
import type { Room } from "./room.ts";
import { rowBytes, writeRow } from "./rows.ts";

/**
 * Rows that one page read from the store holds at most. Each page also counts the rest of
 * the range, so small pages would make long lists quadratic.
 */
const listPageRows = 5000;
/** Rows of one message, unless a single one is larger: buffers of about one size take each other's place in memory. */
const messageBytesMax = 256 * 1024;

export interface OptimisticOutcome {
  readonly kind: "written" | "conflict";
  readonly revision: number;
  readonly row: KeyValue | undefined;
}

/** One proposal: put if the key is at `expected`, else read it. */
export function putAt(
  server: EtcdServer,
  request: { readonly key: Uint8Array; readonly value: Uint8Array; readonly expected: number; readonly lease: bigint },
): Promise<OptimisticOutcome> {
  const { key, value } = request;
  const requestPut = { key, value, lease: BigInt.asIntN(64, request.lease) };
  return optimistic(server, key, request.expected, { requestPut });
}

/** One proposal: delete if the key is at `expected`, else read it. */
export function deleteAt(
  server: EtcdServer,
  request: { readonly key: Uint8Array; readonly expected: number },
): Promise<OptimisticOutcome> {
  return optimistic(server, request.key, request.expected, { requestDeleteRange: { key: request.key, prevKv: true } });
}

async function optimistic(
  server: EtcdServer,
  key: Uint8Array,
  modRevision: number,
  write: NonNullable<TxnRequestInit["success"]>[number],
): Promise<OptimisticOutcome> {
  const response = await server.txn({
    compare: [{ key, target: CompareTarget.mod, result: CompareResult.equal, modRevision }],
    success: [write],
    failure: [{ requestRange: { key } }],
  });
  const revision = response.header?.revision ?? 0;
  const first = response.responses[0];
  if (!response.succeeded) return { kind: "conflict", revision, row: first?.responseRange?.kvs[0] };
  return { kind: "written", revision, row: first?.responseDeleteRange?.prevKvs[0] };
}

export async function getRow(
  server: EtcdServer,
  request: { readonly key: Uint8Array; readonly revision: number; readonly serializable: boolean },
  id: number,
  outbox: Outbox,
): Promise<void> {
  const response = await server.range(request);
  writeRows(outbox, id, response.kvs);
  writeEnd(outbox, id, { ...end(response), more: false });
}

interface ListRequest {
  readonly prefix: Uint8Array;
  readonly startAfter: Uint8Array | undefined;
  readonly revision: number;
  readonly limit: number;
  readonly serializable: boolean;
  readonly countOnly: boolean;
}

/** Reads and sends page by page at one revision; waits between pages while the other side is behind. */
export async function answerList(
  server: EtcdServer,
  request: ListRequest,
  id: number,
  outbox: Outbox,
  room: Room,
): Promise<void> {
  const { limit, serializable, countOnly } = request;
  const rangeEnd = prefixEnd(request.prefix);
  const pageSize = (sent: number): number => (limit > 0 ? Math.min(limit - sent, listPageRows) : listPageRows);
  const start = listStart(request);
  const first = await server.range({
    key: start,
    rangeEnd,
    revision: request.revision,
    limit: pageSize(0),
    serializable,
    countOnly,
  });
  writeRows(outbox, id, first.kvs);
  const revision = request.revision > 0 ? request.revision : (first.header?.revision ?? 0);
  let sent = first.kvs.length;
  let page: RangeResponse = first;
  while (page.more && !countOnly && (limit === 0 || sent < limit)) {
    await new Promise<void>((resolve) => room.whenFree(resolve));
    const last = assertDefined(page.kvs.at(-1), "a page with more behind it has a last row");
    page = await server.range({ key: after(last.key), rangeEnd, revision, limit: pageSize(sent), serializable: true });
    sent += page.kvs.length;
    writeRows(outbox, id, page.kvs);
    outbox.flush();
  }
  writeEnd(outbox, id, { ...end(first), more: page.more && !countOnly });
}

function listStart({ prefix, startAfter }: ListRequest): Uint8Array {
  const first = prefix.length === 0 ? new Uint8Array(1) : prefix;
  return startAfter === undefined || compareBytes(startAfter, first) < 0 ? first : after(startAfter);
}

/** The smallest key behind `key`. */
function after(key: Uint8Array): Uint8Array {
  return concatBytes([key, new Uint8Array(1)]);
}

function end(response: RangeResponse): { readonly revision: number; readonly count: number } {
  return { revision: response.header?.revision ?? 0, count: response.count };
}

function writeRows(outbox: Outbox, id: number, rows: readonly KeyValue[]): void {
  let part: KeyValue[] = [];
  let sizeBytes = 0;
  for (const row of rows) {
    const more = rowBytes(row);
    if (part.length > 0 && sizeBytes + more > messageBytesMax) {
      writePart(outbox, id, part, sizeBytes);
      outbox.flush();
      part = [];
      sizeBytes = 0;
    }
    part.push(row);
    sizeBytes += more;
  }
  if (part.length > 0) writePart(outbox, id, part, sizeBytes);
}

function writePart(outbox: Outbox, id: number, rows: readonly KeyValue[], sizeBytes: number): void {
  const writer = outbox.writer.reserve(sizeBytes).frame(frame.rows, id).number(rows.length);
  for (const row of rows) writeRow(writer, row);
}

function writeEnd(
  outbox: Outbox,
  id: number,
  range: { readonly revision: number; readonly count: number; readonly more: boolean },
): void {
  const writer = outbox.writer.frame(frame.rangeEnd, id);
  writer
    .number(range.revision)
    .number(range.count)
    .byte(range.more ? 1 : 0);
}
