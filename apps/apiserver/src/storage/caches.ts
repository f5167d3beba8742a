// The parts every operation works with, and one watch cache per storage prefix, started when first needed.
import { StoreError, type StoreClient, type StoreKeyValue } from "@triarch/etcd-server";
import { assertDefined, type Clock } from "@triarch/base";
import { StorageError } from "./errors.ts";
import { eventRingLimits, type EventRingLimits } from "./event-ring.ts";
import { objectKey, storeKey } from "./keys.ts";
import { ReadBarrier } from "./read-barrier.ts";
import { withLeader } from "./store-failures.ts";
import { DecodedObjects, ResourceForm, type FieldsOf, type StoredObject } from "./stored-object.ts";
import type { DecodeForeign } from "./stored-form.ts";
import type { Timers } from "./timers.ts";
import type { ObjectKey, StoredResource } from "./types.ts";
import { WatchCache } from "./watch-cache.ts";

/** How long a read waits for a cache to get to a revision, as long as Kubernetes does. */
export const freshWaitMs = 3_000;

export interface CachesParts {
  readonly store: StoreClient;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly fieldsOf: FieldsOf;
  readonly decodeForeign: DecodeForeign | undefined;
  /** Fields of a resource by which watchers are found without asking each: pods' `spec.nodeName`. */
  readonly indexedFields: (resource: StoredResource) => readonly string[];
  readonly ringLimits?: EventRingLimits;
  readonly onTrouble: (resource: StoredResource, failure: string) => void;
}

export class Caches {
  readonly store: StoreClient;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly #parts: CachesParts;
  readonly #closing = new AbortController();
  readonly #barrier: ReadBarrier;
  readonly #decoded = new DecodedObjects();
  readonly #byPrefix = new Map<string, WatchCache>();
  readonly #required = new Set<WatchCache>();

  constructor(parts: CachesParts) {
    this.#parts = parts;
    this.store = parts.store;
    this.clock = parts.clock;
    this.timers = parts.timers;
    this.#barrier = new ReadBarrier(() => this.reading(() => this.store.readBarrier()));
  }

  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** The cache of a resource, loading or loaded. @throws StorageError "unavailable" after close */
  of(resource: StoredResource): WatchCache {
    if (this.#closing.signal.aborted) {
      throw new StorageError({ code: "unavailable", message: "the server is stopping" });
    }
    const known = this.#byPrefix.get(resource.storagePrefix);
    if (known !== undefined) return known;
    const form = new ResourceForm(resource, {
      decodeForeign: this.#parts.decodeForeign,
      fieldsOf: this.#parts.fieldsOf,
      decoded: this.#decoded,
    });
    const cache = new WatchCache(form, {
      store: this.store,
      clock: this.clock,
      timers: this.timers,
      ringLimits: this.#parts.ringLimits ?? eventRingLimits,
      indexedFields: this.#parts.indexedFields(resource),
      onTrouble: (_, failure) => this.#parts.onTrouble(resource, failure),
    });
    this.#byPrefix.set(resource.storagePrefix, cache);
    cache.start();
    return cache;
  }

  /** The cache of a resource, if it has been needed before. */
  find(resource: StoredResource): WatchCache | undefined {
    return this.#byPrefix.get(resource.storagePrefix);
  }

  /** The cache of a resource without which the server is not ready. */
  require(resource: StoredResource): WatchCache {
    const cache = this.of(resource);
    this.#required.add(cache);
    return cache;
  }

  /** The first required cache that has no state yet. */
  firstMissing(): WatchCache | undefined {
    return [...this.#required].find((cache) => cache.problem !== undefined);
  }

  /** A read of the store, repeated over an election. @throws StorageError */
  reading<T>(operation: () => Promise<T>): Promise<T> {
    return withLeader({ clock: this.clock, timers: this.timers, signal: this.signal }, "read", operation);
  }

  /** A write to the store, repeated while nothing was proposed. @throws StorageError */
  writing<T>(operation: () => Promise<T>): Promise<T> {
    return withLeader({ clock: this.clock, timers: this.timers, signal: this.signal }, "write", operation);
  }

  /** A revision at or after everything acknowledged before the call. @throws StorageError */
  barrier(): Promise<number> {
    return this.#barrier.wait();
  }

  /** The object as it is now, linearizable: from the cache once it is fresh, from the store while there is no cache. */
  async latest(cache: WatchCache, key: ObjectKey): Promise<StoredObject | undefined> {
    if (cache.problem === undefined) {
      const revision = await this.barrier();
      if (await cache.waitFor(revision, freshWaitMs)) return cache.get(key);
    }
    const range = await this.reading(() => this.store.get(storeKey(cache.form.resource, key)));
    return range.rows[0] === undefined ? undefined : this.read(cache, range.rows[0]);
  }

  /** A row of the store as an object; the cached one when it is the same version. */
  read(cache: WatchCache, row: StoreKeyValue): StoredObject {
    const key = assertDefined(objectKey(cache.form.resource, row.key), "the row was read by this resource's key");
    const cached = cache.get(key);
    return cached?.modRevision === row.modRevision ? cached : cache.form.read(key, row.value, row.modRevision);
  }

  /** Waits until the cache is not older than `revision`. @throws StorageError "tooLargeResourceVersion" | "unavailable" */
  async waitFor(cache: WatchCache, revision: number): Promise<void> {
    if (await cache.waitFor(revision, freshWaitMs)) return;
    this.mustHaveState(cache);
    throw tooLarge(revision, cache.revision);
  }

  /** @throws StorageError "unavailable" */
  mustHaveState(cache: WatchCache): void {
    const problem = cache.problem;
    if (problem === undefined) return;
    const what = `${cache.form.resource.resource} are not loaded from the store yet: ${problem}`;
    throw new StorageError({ code: "unavailable", message: what });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#byPrefix.values()].map((cache) => cache.close()));
  }
}

export function tooLarge(requested: number, current: number): StorageError {
  return new StorageError({
    code: "tooLargeResourceVersion",
    requested: String(requested),
    current: String(current),
  });
}

/** Has the store forgotten what was asked for? */
export function isCompacted(error: unknown): boolean {
  return error instanceof StoreError && error.failure.code === "compacted";
}
