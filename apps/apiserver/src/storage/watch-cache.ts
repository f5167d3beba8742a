// The watch cache of one resource: its state and latest changes in memory, fed by one list and one watch of the store.
// I1: the state is exactly the store's at `revision`. I2: `revision` never goes back. I3: a watcher gets every change
// after its start, or is ended with "expired" when the store has compacted changes that the cache has not seen.
// Life: it loads, then follows; a broken watch is reopened after `revision`; if that is compacted it loads again.
import { assert, type Clock } from "@triarch/base";
import type { StoreClient, StoreEvent, StoreFailure } from "@triarch/etcd-server";
import type { ClientWatch } from "./client-watch.ts";
import { StorageError } from "./errors.ts";
import { EventRing, type EventRingLimits } from "./event-ring.ts";
import { readChange, readHistory } from "./history.ts";
import { keyPrefix, objectKey } from "./keys.ts";
import { OrderedObjects } from "./ordered-objects.ts";
import { RevisionWaiters } from "./revision-waiters.ts";
import { storageError } from "./store-failures.ts";
import type { ResourceForm, StoredObject } from "./stored-object.ts";
import { pause, type Timers } from "./timers.ts";
import type { ObjectKey } from "./types.ts";
import { bookmarkEvent, EventViews, type CacheEvent } from "./watch-events.ts";
import { WatcherIndex } from "./watcher-index.ts";

/** Every watcher that wants bookmarks hears of the cache's revision this often. */
export const bookmarkPeriodMs = 30_000;
/** Rows per request while loading. */
const loadPageRows = 1_000;
/** Tries to fetch older changes while newer ones push them out again; past it the watch gets 410. */
const extendAttemptsMax = 5;
const retryDelayMsMin = 50;
const retryDelayMsMax = 5_000;

export interface WatchCacheParts {
  readonly store: StoreClient;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly ringLimits: EventRingLimits;
  readonly indexedFields: readonly string[];
  /** Told when loading or following failed and is tried again. */
  readonly onTrouble: (form: ResourceForm, failure: string) => void;
}

export class WatchCache {
  readonly form: ResourceForm;
  readonly #parts: WatchCacheParts;
  readonly #closing = new AbortController();
  readonly #waiters: RevisionWaiters;
  readonly #watchers: WatcherIndex<ClientWatch>;
  #objects = new OrderedObjects();
  #ring: EventRing;
  #revision = 0;
  #trouble = "not loaded yet";
  #running: Promise<void> | undefined;
  #cancelBookmarks: (() => void) | undefined;
  #extending: Promise<void> | undefined;
  /** Changes after revisions up to here can't be had any more. */
  #unreachable = -1;

  constructor(form: ResourceForm, parts: WatchCacheParts) {
    this.form = form;
    this.#parts = parts;
    this.#waiters = new RevisionWaiters(parts.timers);
    this.#watchers = new WatcherIndex(parts.indexedFields);
    this.#ring = new EventRing(0, parts.ringLimits);
  }

  /** The store's revision that the state shows; 0 before the first load. */
  get revision(): number {
    return this.#revision;
  }

  get count(): number {
    return this.#objects.count;
  }

  get watcherCount(): number {
    return this.#watchers.count;
  }

  /** Changes after this revision are at hand. */
  get floor(): number {
    return this.#ring.floor;
  }

  /** Why there is no state to serve, or undefined. */
  get problem(): string | undefined {
    return this.#revision === 0 ? this.#trouble : undefined;
  }

  /** Loads and follows until `close`. Calling again changes nothing. */
  start(): void {
    if (this.#running !== undefined || this.#closing.signal.aborted) return;
    this.#running = this.#run();
    this.#scheduleBookmarks();
  }

  get(key: ObjectKey): StoredObject | undefined {
    return this.#objects.get(key);
  }

  /** In key order. @param namespace empty: all */
  list(namespace: string): StoredObject[] {
    return this.#objects.list(namespace);
  }

  /** Is the state the same as it was at `revision`? */
  isUnchangedSince(revision: number): boolean {
    return revision <= this.#revision && this.#ring.newest <= revision;
  }

  /** @returns whether the cache has got to `revision` (1: has any state) within the time */
  waitFor(revision: number, timeoutMs: number): Promise<boolean> {
    return this.#waiters.wait(Math.max(revision, 1), timeoutMs);
  }

  /** The changes after `revision` up to now; undefined when some are not at hand: try `extendHistory`. */
  changesSince(revision: number): readonly CacheEvent[] | undefined {
    return this.#ring.since(revision);
  }

  /** Fetches the changes between `revision` and `floor` from the store. @returns false when they can't be had */
  async extendHistory(revision: number): Promise<boolean> {
    for (let attempt = 0; this.#ring.floor > revision; attempt++) {
      if (attempt >= extendAttemptsMax || revision <= this.#unreachable || this.#closing.signal.aborted) return false;
      this.#extending ??= this.#extend(revision).finally(() => (this.#extending = undefined));
      await this.#extending;
    }
    return true;
  }

  /** From now on `watch` is offered every change of its selection. */
  addWatcher(watch: ClientWatch): void {
    assert(!this.#closing.signal.aborted, "no watcher joins a closed cache");
    this.#watchers.add(watch);
  }

  removeWatcher(watch: ClientWatch): void {
    this.#watchers.remove(watch);
  }

  /** Tells one watcher how far it is, if that is news. */
  bookmark(watch: ClientWatch): void {
    if (!watch.allowBookmarks || watch.lastRevision >= this.#revision) return;
    watch.offer(bookmarkEvent(this.form.resource, this.#revision, false), this.#revision);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelBookmarks?.();
    this.#waiters.giveUp();
    for (const watch of this.#watchers.all()) watch.end({ kind: "closed" });
    await this.#running;
  }

  async #run(): Promise<void> {
    const signal = this.#closing.signal;
    let delayMs = retryDelayMsMin;
    while (!signal.aborted) {
      try {
        if (this.#revision === 0) await this.#load();
        if (isAborted(signal)) return;
        const before = this.#revision;
        const failure = await this.#follow(signal);
        if (failure === undefined) return;
        if (failure.code === "compacted") {
          await this.#load();
          continue;
        }
        if (this.#revision > before) delayMs = retryDelayMsMin;
        this.#trouble = failure.code;
      } catch (error) {
        this.#trouble = storageError(error).message;
      }
      this.#parts.onTrouble(this.form, this.#trouble);
      await pause(this.#parts.timers, delayMs, signal);
      delayMs = Math.min(delayMs * 2, retryDelayMsMax);
    }
  }

  /** Reads the whole state at one revision. Whoever watched across it may have missed changes: 410. */
  async #load(): Promise<void> {
    const { store } = this.#parts;
    const prefix = keyPrefix(this.form.resource);
    const { revision } = await store.get(prefix, { serializable: true });
    const objects = new OrderedObjects();
    let startAfter: string | undefined;
    for (;;) {
      const page = await store.list(prefix, {
        revision,
        limit: loadPageRows,
        serializable: true,
        ...(startAfter === undefined ? {} : { startAfter }),
      });
      for (const row of page.rows) {
        const key = objectKey(this.form.resource, row.key);
        if (key === undefined) continue;
        const object = this.form.read(key, row.value, row.modRevision);
        objects.set(object);
        if (this.#parts.indexedFields.length > 0) object.prepare();
      }
      startAfter = page.rows.at(-1)?.key;
      if (!page.more || startAfter === undefined) break;
    }
    if (this.#closing.signal.aborted) return;
    for (const watch of this.#watchers.all())
      watch.end({ kind: "failed", error: tooOld(watch.lastRevision, revision) });
    this.#objects = objects;
    this.#ring = new EventRing(revision, this.#parts.ringLimits);
    this.#advance(revision);
  }

  /** @returns why the store ended the watch; undefined: closed by us */
  #follow(signal: AbortSignal): Promise<StoreFailure | undefined> {
    return new Promise((resolve) => {
      const abort = (): void => {
        watch.close();
        resolve(undefined);
      };
      const watch = this.#parts.store.watch(keyPrefix(this.form.resource), this.#revision + 1, {
        onEvents: (events) => this.#take(events),
        onProgress: (revision) => this.#advance(revision),
        onEnd: (failure) => {
          signal.removeEventListener("abort", abort);
          resolve(failure);
        },
      });
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  #take(events: readonly StoreEvent[]): void {
    const touched = new Set<ClientWatch>();
    const atMs = this.#parts.clock.monotonicMs();
    let revision = this.#revision;
    for (const event of events) {
      assert(event.row.modRevision > this.#revision, "the store sends each change once, in order");
      revision = event.row.modRevision;
      const key = objectKey(this.form.resource, event.row.key);
      if (key === undefined) continue;
      const change = readChange(this.form, event, this.#objects.get(key), atMs);
      if (change === undefined) continue;
      if (change.current === undefined) this.#objects.remove(key);
      else this.#objects.set(change.current);
      this.#ring.push(change);
      this.#offer(change, touched);
    }
    this.#advance(revision);
    for (const watch of touched) watch.flush();
  }

  #offer(change: CacheEvent, touched: Set<ClientWatch>): void {
    if (this.#watchers.count === 0) return;
    const views = new EventViews(change);
    try {
      this.#watchers.candidates(change, (watch) => {
        const event = views.for(watch.selection);
        if (event === undefined) return;
        watch.offer(event, change.revision);
        touched.add(watch);
      });
    } catch (error) {
      // The object can't be read: nobody may go on as if it were not there.
      const failed = { kind: "failed", error: storageError(error) } as const;
      for (const watch of this.#watchers.all()) watch.end(failed);
    }
  }

  #advance(revision: number): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    this.#waiters.reached(revision);
  }

  async #extend(revision: number): Promise<void> {
    const upTo = this.#ring.floor;
    const eventsMax = this.#parts.ringLimits.eventsMax - this.#ring.length;
    const range = { after: revision, upTo, eventsMax, atMs: this.#parts.clock.monotonicMs() };
    const older = await readHistory(this.#parts.store, this.form, range, this.#closing.signal);
    // Worth another try: the store's watch broke, or new changes pushed old ones out meanwhile.
    if (older === "broken" || (older !== "gone" && this.#ring.floor !== upTo)) return;
    if (older === "gone" || !this.#ring.extendBack(revision, older)) {
      this.#unreachable = Math.max(this.#unreachable, revision);
    }
  }

  #scheduleBookmarks(): void {
    this.#cancelBookmarks = this.#parts.timers.after(bookmarkPeriodMs, () => {
      for (const watch of this.#watchers.all()) {
        this.bookmark(watch);
        watch.flush();
      }
      this.#scheduleBookmarks();
    });
  }
}

/** It may have happened while something was awaited. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** The 410 of a watch that starts where changes are no longer known. */
export function tooOld(requested: number, floor: number): StorageError {
  return new StorageError({ code: "expired", message: `too old resource version: ${requested} (${floor})` });
}
