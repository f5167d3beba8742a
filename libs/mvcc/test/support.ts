import { utf8, utf8Text, type ByteString } from "@triarch/base";
import type { Event, KeyValue } from "@triarch/etcd-proto";
import {
  MemoryBackend,
  MvccError,
  openMvccStore,
  type Applied,
  type LeaseAttachments,
  type MvccStore,
  type WatchLimits,
} from "../src/index.ts";

export class Leases implements LeaseAttachments {
  readonly granted = new Set<bigint>();
  readonly keys = new Map<ByteString, bigint>();
  has(id: bigint): boolean {
    return this.granted.has(id);
  }
  attach(id: bigint, key: ByteString): void {
    this.keys.set(key, id);
  }
  detach(key: ByteString): void {
    this.keys.delete(key);
  }
}

export const pause = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface Fixture {
  readonly store: MvccStore;
  readonly backend: MemoryBackend;
  readonly leases: Leases;
  /** Persists at once. */
  readonly apply: <R>(applied: Applied<R>) => R;
}

export async function fixture(watchLimits?: WatchLimits): Promise<Fixture> {
  const backend = new MemoryBackend();
  const leases = new Leases();
  const limits = watchLimits === undefined ? {} : { watchLimits };
  const store = await openMvccStore({ backend, leases, pause, ...limits });
  return {
    store,
    backend,
    leases,
    apply: (applied) => {
      backend.write({ puts: applied.rows });
      store.persisted(store.revision);
      return applied.response;
    },
  };
}

export const put = (store: MvccStore, key: string, value = "v", lease = 0n): number =>
  store.put({ key: utf8(key), value: utf8(value), lease }).response.header?.revision ?? -1;

export const del = (store: MvccStore, key: string, rangeEnd = ""): number =>
  store.deleteRange({ key: utf8(key), rangeEnd: utf8(rangeEnd) }).response.deleted;

export const text = (kv: KeyValue | undefined): string =>
  kv === undefined
    ? "none"
    : `${utf8Text(kv.key)}=${utf8Text(kv.value)} c${kv.createRevision} m${kv.modRevision} v${kv.version}` +
      (kv.lease === 0n ? "" : ` l${kv.lease.toString()}`);

export const eventText = (event: Event): string =>
  `${event.type === 0 ? "put" : "del"} ${text(event.kv)}${event.prevKv === undefined ? "" : ` was ${text(event.prevKv)}`}`;

export function compactFully(store: MvccStore, backend: MemoryBackend): void {
  for (let step = store.compactionStep(); step !== undefined; step = store.compactionStep()) {
    backend.write({ deletes: step.deletes });
  }
}

/** The failure code that `run` is refused with, or "accepted". */
export function outcome(run: () => unknown): string {
  try {
    run();
    return "accepted";
  } catch (error) {
    if (error instanceof MvccError) return error.failure.code;
    throw error;
  }
}
