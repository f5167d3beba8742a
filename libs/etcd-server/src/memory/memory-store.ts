import { compareBytes, utf8, type Clock } from "@triarch/base";
import {
  StoreError,
  type StoreClient,
  type StoreEvent,
  type StoreFailure,
  type StoreKeyValue,
  type StoreRange,
  type StoreRangeOptions,
  type StoreStatus,
  type StoreWatch,
  type StoreWatchHandlers,
  type WriteOutcome,
} from "../store-client.ts";
import { KeyHistory } from "./key-history.ts";
import { MemoryWatches } from "./memory-watches.ts";

/**
 * The in-memory twin of the replicated store: slow and obvious, one member, no log. Writes take effect inside the
 * call; watch events follow in a microtask, before the write's promise resolves. It owns no timer: leases expire
 * when an operation or `expireLeases()` finds their time past.
 */
export interface MemoryStoreOptions {
  readonly clock: Clock;
}

export interface MemoryStore extends StoreClient {
  /** Revokes every lease whose time is past: each deletes its keys in one revision. @returns how many expired */
  expireLeases(): number;
  /** The next `times` operations (watches excepted) reject with `failure` and change nothing. For tests of callers. */
  failNext(failure: StoreFailure, times?: number): void;
}

const memberId = 1n;
const clusterId = 1n;
const requestBytesMax = 1_572_864;
const leaseTtlSecondsMin = 2;

interface MemoryLease {
  readonly expiresAtMs: number;
  readonly keys: Set<string>;
}

export function memoryStore(options: MemoryStoreOptions): MemoryStore {
  return new InMemoryStore(options.clock);
}

class InMemoryStore implements MemoryStore {
  readonly #clock: Clock;
  readonly #history = new KeyHistory();
  readonly #watches = new MemoryWatches(this.#history);
  readonly #leases = new Map<bigint, MemoryLease>();
  #nextLeaseId = 1n;
  #failures: StoreFailure[] = [];
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async put(request: {
    readonly key: string;
    readonly value: Uint8Array;
    readonly expectedModRevision: number;
    readonly leaseId?: bigint;
  }): Promise<WriteOutcome> {
    this.#begin();
    const sizeBytes = utf8(request.key).length + request.value.length;
    if (sizeBytes > requestBytesMax) throw new StoreError({ code: "tooLarge", sizeBytes, limitBytes: requestBytesMax });
    const current = this.#history.latest(request.key);
    if ((current?.modRevision ?? 0) !== request.expectedModRevision) return this.#conflict(current);
    const leaseId = request.leaseId ?? 0n;
    const lease = this.#leases.get(leaseId);
    if (leaseId !== 0n && lease === undefined) throw new StoreError({ code: "leaseNotFound", leaseId });
    if (current !== undefined) this.#leases.get(current.leaseId)?.keys.delete(request.key);
    lease?.keys.add(request.key);
    const revision = this.#history.revision + 1;
    const row: StoreKeyValue = {
      key: request.key,
      value: request.value.slice(),
      createRevision: current?.createRevision ?? revision,
      modRevision: revision,
      version: (current?.version ?? 0) + 1,
      leaseId,
    };
    this.#commit([{ kind: "put", row, previous: current }]);
    return { kind: "written", revision, previous: undefined };
  }

  async delete(request: { readonly key: string; readonly expectedModRevision: number }): Promise<WriteOutcome> {
    this.#begin();
    const current = this.#history.latest(request.key);
    if ((current?.modRevision ?? 0) !== request.expectedModRevision) return this.#conflict(current);
    if (current !== undefined) this.#deleteKeys([current]);
    return { kind: "written", revision: this.#history.revision, previous: current };
  }

  async get(
    key: string,
    options?: { readonly revision?: number; readonly serializable?: boolean },
  ): Promise<StoreRange> {
    this.#begin();
    const row = this.#history.at(key, this.#readRevision(options?.revision));
    const rows = row === undefined ? [] : [row];
    return { revision: this.#history.revision, rows, count: rows.length, more: false };
  }

  async list(prefix: string, options?: StoreRangeOptions & { readonly startAfter?: string }): Promise<StoreRange> {
    this.#begin();
    const revision = this.#readRevision(options?.revision);
    const after = options?.startAfter;
    const afterBytes = after === undefined ? undefined : utf8(after);
    const all: StoreKeyValue[] = [];
    for (const key of this.#history.keysInOrder(prefix)) {
      if (afterBytes !== undefined && compareBytes(utf8(key), afterBytes) <= 0) continue;
      const row = this.#history.at(key, revision);
      if (row !== undefined) all.push(row);
    }
    const limit = options?.limit ?? 0;
    const counted = options?.countOnly === true;
    const rows = counted ? [] : limit > 0 ? all.slice(0, limit) : all;
    return { revision: this.#history.revision, rows, count: all.length, more: !counted && rows.length < all.length };
  }

  async readBarrier(): Promise<number> {
    this.#begin();
    return this.#history.revision;
  }

  watch(prefix: string, startRevision: number, handlers: StoreWatchHandlers): StoreWatch {
    if (!this.#closed) return this.#watches.add(prefix, startRevision, handlers);
    queueMicrotask(() => handlers.onEnd({ code: "stopped" }));
    return { close: () => undefined };
  }

  async leaseGrant(ttlSeconds: number): Promise<bigint> {
    this.#begin();
    const leaseId = this.#nextLeaseId;
    this.#nextLeaseId += 1n;
    const ttlMs = Math.max(ttlSeconds, leaseTtlSecondsMin) * 1000;
    this.#leases.set(leaseId, { expiresAtMs: this.#clock.monotonicMs() + ttlMs, keys: new Set() });
    return leaseId;
  }

  async compact(revision: number): Promise<void> {
    this.#begin();
    const { compactRevision, revision: currentRevision } = this.#history;
    if (revision <= compactRevision) throw new StoreError({ code: "compacted", requested: revision, compactRevision });
    if (revision > currentRevision)
      throw new StoreError({ code: "futureRevision", requested: revision, currentRevision });
    this.#history.compact(revision);
  }

  async status(): Promise<StoreStatus> {
    this.#begin();
    const revision = this.#history.revision;
    return {
      clusterId,
      memberId,
      name: "memory",
      leaderId: memberId,
      role: "leader",
      term: 1,
      revision,
      commitIndex: revision,
      appliedIndex: revision,
      dbSizeBytes: this.#history.sizeBytes(),
      members: [{ id: memberId, name: "memory", peerUrls: [], clientUrls: [], isLearner: false }],
    };
  }

  async handOverLeadership(): Promise<void> {
    this.#begin();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#watches.endAll({ code: "stopped" });
  }

  expireLeases(): number {
    const now = this.#clock.monotonicMs();
    let expired = 0;
    for (const [leaseId, lease] of this.#leases) {
      if (lease.expiresAtMs > now) continue;
      this.#leases.delete(leaseId);
      expired += 1;
      const rows = [...lease.keys]
        .sort((a, b) => compareBytes(utf8(a), utf8(b)))
        .map((key) => this.#history.latest(key));
      this.#deleteKeys(rows.filter((row) => row !== undefined));
    }
    return expired;
  }

  failNext(failure: StoreFailure, times = 1): void {
    for (let i = 0; i < times; i++) this.#failures.push(failure);
  }

  #begin(): void {
    if (this.#closed) throw new StoreError({ code: "stopped" });
    const failure = this.#failures.shift();
    if (failure !== undefined) throw new StoreError(failure);
    this.expireLeases();
  }

  #conflict(current: StoreKeyValue | undefined): WriteOutcome {
    return { kind: "conflict", revision: this.#history.revision, current };
  }

  #readRevision(asked: number | undefined): number {
    const { compactRevision, revision: currentRevision } = this.#history;
    if (asked === undefined || asked <= 0) return currentRevision;
    if (asked > currentRevision) throw new StoreError({ code: "futureRevision", requested: asked, currentRevision });
    if (asked < compactRevision) throw new StoreError({ code: "compacted", requested: asked, compactRevision });
    return asked;
  }

  #deleteKeys(rows: readonly StoreKeyValue[]): void {
    if (rows.length === 0) return;
    const revision = this.#history.revision + 1;
    for (const row of rows) this.#leases.get(row.leaseId)?.keys.delete(row.key);
    this.#commit(rows.map((previous) => ({ kind: "delete", row: tombstone(previous.key, revision), previous })));
  }

  #commit(events: readonly StoreEvent[]): void {
    this.#history.append(events);
    this.#watches.changed();
  }
}

function tombstone(key: string, modRevision: number): StoreKeyValue {
  return { key, value: new Uint8Array(0), createRevision: 0, modRevision, version: 0, leaseId: 0n };
}
