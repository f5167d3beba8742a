import { utf8, utf8Text, type Clock } from "@triarch/base";
import type { KeyValue } from "@triarch/etcd-proto";
import { RangeResponse, ResponseHeader, TxnResponse, type Event } from "@triarch/etcd-proto";
import {
  memoryStore,
  type EtcdServer,
  type MemoryStore,
  type ServerWatchSink,
  type StoreEvent,
  type StoreKeyValue,
} from "../src/index.ts";

/** The part of `EtcdServer` that the bridge calls, on the in-memory store: the bridge alone under test. */
export function memoryEtcdServer(clock: Clock): { readonly server: EtcdServer; readonly store: MemoryStore } {
  const store = memoryStore({ clock });
  const header = (revision: number): ResponseHeader => ResponseHeader.create({ revision });
  const server: Partial<EtcdServer> = {
    range: async (request) => {
      const key = utf8Text(request.key ?? new Uint8Array(0));
      const options = { revision: request.revision ?? 0 };
      if ((request.rangeEnd ?? new Uint8Array(0)).length === 0) {
        const found = await store.get(key, options);
        return RangeResponse.create({
          header: header(found.revision),
          kvs: found.rows.map(toKeyValue),
          count: found.count,
        });
      }
      // Pages ask from behind a key on: the shared start of both bounds is the prefix.
      const end = request.rangeEnd ?? new Uint8Array(0);
      const prefix = end.length === 1 && end[0] === 0 ? "" : prefixBefore(end);
      const startAfter = key.endsWith("\0") ? key.slice(0, -1) : undefined;
      const found = await store.list(prefix, {
        ...options,
        limit: request.limit ?? 0,
        countOnly: request.countOnly ?? false,
        ...(startAfter === undefined || startAfter === "" ? {} : { startAfter }),
      });
      const kvs = found.rows.map(toKeyValue);
      return RangeResponse.create({ header: header(found.revision), kvs, count: found.count, more: found.more });
    },
    txn: async (request) => {
      const compare = request.compare?.[0];
      const key = utf8Text(compare?.key ?? new Uint8Array(0));
      const expectedModRevision = compare?.modRevision ?? 0;
      const put = request.success?.[0]?.requestPut;
      const outcome = put
        ? await store.put({ key, value: put.value ?? new Uint8Array(0), expectedModRevision, leaseId: put.lease ?? 0n })
        : await store.delete({ key, expectedModRevision });
      const row = outcome.kind === "conflict" ? outcome.current : outcome.previous;
      const rows = row === undefined ? [] : [toKeyValue(row)];
      const responses =
        outcome.kind === "conflict" ? [{ responseRange: { kvs: rows } }] : [{ responseDeleteRange: { prevKvs: rows } }];
      return TxnResponse.create({ header: header(outcome.revision), succeeded: outcome.kind === "written", responses });
    },
    watch: (request, sink) => watch(store, utf8Text(request.key), request.startRevision, sink),
    readBarrier: () => store.readBarrier(),
    leaseGrant: async ({ ttl }) => ({ header: undefined, id: await store.leaseGrant(ttl), ttl, error: "" }),
    compact: async ({ revision }) => {
      await store.compact(revision);
      return { header: undefined };
    },
    storeStatus: () => ({
      clusterId: 2n ** 63n + 1n,
      memberId: 7n,
      name: "m1",
      leaderId: 7n,
      role: "leader",
      term: 1,
      revision: lastRevision.get(store) ?? 1,
      commitIndex: 1,
      appliedIndex: 1,
      dbSizeBytes: 0,
      members: [{ id: 7n, name: "m1", peerUrls: [], clientUrls: [], isLearner: false }],
    }),
    handOverLeadership: () => store.handOverLeadership(),
  };
  store.watch("", 1, {
    onEvents: () => undefined,
    onProgress: (revision) => void lastRevision.set(store, revision),
    onEnd: () => undefined,
  });
  return { server: server as EtcdServer, store };
}

const lastRevision = new WeakMap<MemoryStore, number>();

function watch(
  store: MemoryStore,
  key: string,
  startRevision: number,
  sink: ServerWatchSink,
): ReturnType<EtcdServer["watch"]> {
  const queue: (() => boolean)[] = [];
  const pump = (): void => {
    while (queue[0]?.() === true) queue.shift();
  };
  const add = (one: () => boolean): void => {
    queue.push(one);
    if (queue.length === 1) pump();
  };
  const done = (call: () => void) => (): boolean => {
    call();
    return true;
  };
  const inner = store.watch(key === "\0" ? "" : key, startRevision, {
    onEvents: (events) => add(() => sink.onEvents(events.map(toEvent))),
    onProgress: (revision) => add(done(() => sink.onProgress(revision))),
    onEnd: (failure) =>
      add(done(() => (failure.code === "compacted" ? sink.onCompacted(failure.compactRevision) : sink.onStopped()))),
  });
  return { startRevision, synced: true, resume: pump, close: () => inner.close() };
}

function toKeyValue(row: StoreKeyValue): KeyValue {
  return { ...row, key: utf8(row.key), lease: row.leaseId };
}

function toEvent(event: StoreEvent): Event {
  const prevKv = event.previous === undefined ? undefined : toKeyValue(event.previous);
  return { type: event.kind === "put" ? 0 : 1, kv: toKeyValue(event.row), prevKv };
}

function prefixBefore(end: Uint8Array): string {
  const prefix = end.slice();
  prefix[prefix.length - 1] = (prefix.at(-1) ?? 1) - 1;
  return utf8Text(prefix);
}
