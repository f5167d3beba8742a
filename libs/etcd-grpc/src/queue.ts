// A queue of keys: locks and elections are programs over KV, leases and watches. Who waits owns `<name>/<lease in hex>`;
// the oldest key of the prefix is first. Source: etcd client/v3/concurrency describes the layout, which clients share.
import { concatBytes, utf8 } from "@triarch/base";
import {
  CompareResult,
  CompareTarget,
  EventType,
  SortOrder,
  SortTarget,
  type CompareInit,
  type Event,
  type KeyValue,
  type RangeRequestInit,
  type RangeResponse,
  type ResponseHeader,
} from "@triarch/etcd-proto";
import { EtcdServerError, type EtcdServer } from "@triarch/etcd-server";
import { GrpcError, grpcCodes, grpcErrorOf } from "./status.ts";

/** What a queue is made of. */
export type QueueStore = Pick<EtcdServer, "range" | "txn" | "deleteRange" | "leaseGrant" | "watch">;

/** A lease that a caller did not bring lives for this long unless it is renewed. */
const leaseTtlSecondsDefault = 60;

/** A place in the queue; it is lost when `key` is gone or was made anew. */
export interface Place {
  readonly key: Uint8Array;
  readonly createRevision: number;
}

export interface Entered extends Place {
  readonly header: ResponseHeader | undefined;
  readonly lease: bigint;
  /** The key was there before, from the same lease. */
  readonly previous: KeyValue | undefined;
}

/**
 * Locks and elections are clients of the store: what it refuses them comes out with its text and code "unknown", as
 * etcd's do.
 */
export async function asProgram<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof GrpcError) throw error;
    throw new GrpcError(grpcCodes.unknown, grpcErrorOf(error).message, { cause: error });
  }
}

/** @throws what the store refuses with, an unknown lease for one */
export async function enter(
  store: QueueStore,
  request: { readonly name: Uint8Array; readonly lease: bigint; readonly value: Uint8Array },
): Promise<Entered> {
  const { value } = request;
  const lease =
    request.lease === 0n ? (await store.leaseGrant({ id: 0n, ttl: leaseTtlSecondsDefault })).id : request.lease;
  const key = concatBytes([prefixOf(request.name), utf8(BigInt.asUintN(64, lease).toString(16))]);
  const { header, succeeded, responses } = await store.txn({
    compare: [createdAt(key, 0)],
    success: [{ requestPut: { key, value, lease } }],
    failure: [{ requestRange: { key } }],
  });
  const previous = succeeded ? undefined : responses[0]?.responseRange?.kvs[0];
  return { header, key, lease, previous, createRevision: previous?.createRevision ?? header?.revision ?? 0 };
}

/**
 * Waits until nobody stands before this place; gives it up when that fails.
 * @returns false when the place was lost on the way
 * @throws GrpcError when `signal` aborts; what reads refuse with
 */
export async function reachFront(
  store: QueueStore,
  name: Uint8Array,
  place: Place,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    for (let waited = false; ; waited = true) {
      const before = { ...inQueue(name, SortOrder.descend), maxCreateRevision: place.createRevision - 1 };
      const { header, kvs } = await store.range(before);
      const [last] = kvs;
      if (last === undefined) return !waited || (await isHeld(store, place));
      await deleted(store, last.key, (header?.revision ?? 0) + 1, signal);
    }
  } catch (error) {
    await leave(store, place).catch(() => undefined); // its lease ends it in any case
    throw error;
  }
}

async function isHeld(store: QueueStore, { key, createRevision }: Place): Promise<boolean> {
  const { kvs } = await store.range({ key });
  return kvs[0]?.createRevision === createRevision;
}

/** Who is first, if anybody. */
export function front(store: QueueStore, name: Uint8Array): Promise<RangeResponse> {
  return store.range(inQueue(name, SortOrder.ascend));
}

/** Gives the place up if it is still held. */
export async function leave(store: QueueStore, place: Place): Promise<ResponseHeader | undefined> {
  const { key, createRevision } = place;
  const { header } = await store.txn({
    compare: [createdAt(key, createRevision)],
    success: [{ requestDeleteRange: { key } }],
  });
  return header;
}

/** @returns undefined when the place is lost */
export async function putValue(
  store: QueueStore,
  { key, createRevision }: Place,
  write: { readonly value: Uint8Array; readonly lease: bigint },
): Promise<ResponseHeader | undefined> {
  const { header, succeeded } = await store.txn({
    compare: [createdAt(key, createRevision)],
    success: [{ requestPut: { key, ...write } }],
  });
  return succeeded ? header : undefined;
}

export function prefixOf(name: Uint8Array): Uint8Array {
  return concatBytes([name, utf8("/")]);
}

/** The end of the range of all keys with this prefix, which ends in "/". */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  const end = prefix.slice();
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return end;
}

/** Resolves at the first change for which `isIt` holds, or when the history before it is compacted away. */
export function changed<T>(
  store: QueueStore,
  range: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array; readonly startRevision: number },
  isIt: (event: Event) => T | undefined,
  signal: AbortSignal,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const gone = (): void => end(() => reject(new GrpcError(grpcCodes.cancelled, "context canceled")));
    const end = (settle: () => void): void => {
      signal.removeEventListener("abort", gone);
      watch.close();
      settle();
    };
    const watch = store.watch(
      { ...range, prevKv: false },
      {
        onEvents: (events) => {
          for (const event of events) {
            const found = isIt(event);
            if (found === undefined) continue;
            end(() => resolve(found));
            break;
          }
          return true;
        },
        onProgress: () => undefined,
        onCompacted: () => end(() => resolve(undefined)),
        onStopped: () => end(() => reject(new EtcdServerError({ code: "stopped" }))),
      },
    );
    if (signal.aborted) gone();
    else signal.addEventListener("abort", gone, { once: true });
  });
}

async function deleted(store: QueueStore, key: Uint8Array, startRevision: number, signal: AbortSignal): Promise<void> {
  const single = { key, rangeEnd: new Uint8Array(0), startRevision };
  await changed(store, single, ({ type }) => (type === EventType.delete ? true : undefined), signal);
}

function inQueue(name: Uint8Array, sortOrder: number): RangeRequestInit {
  const key = prefixOf(name);
  return { key, rangeEnd: prefixEnd(key), limit: 1, sortOrder, sortTarget: SortTarget.create };
}

function createdAt(key: Uint8Array, createRevision: number): CompareInit {
  return { key, target: CompareTarget.create, result: CompareResult.equal, createRevision };
}
