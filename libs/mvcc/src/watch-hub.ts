/**
 * Watchers. A synced watcher has been offered every event up to the store's revision and gets new ones as they are
 * applied. An unsynced one, because it started in the past or refused events, works through a backlog of revisions.
 *
 * Invariants:
 *  I1. a watcher is offered every matching event with revision >= `next` exactly once, in order, until accepted;
 *  I2. all events of one revision are in one call;
 *  I3. an unsynced watcher's backlog misses nothing between `next` and its end (see watch-backlog.ts);
 *  I4. a watcher whose `next` fell behind the compact revision is ended, never skipped ahead.
 */
import { assert } from "@triarch/base";
import { EventType, type Event } from "@triarch/etcd-proto";
import { MvccError } from "./errors.ts";
import { runToEnd } from "./range.ts";
import { readKey, type ReadView } from "./read-view.ts";
import { slicedMap } from "./sliced.ts";
import { isCreation, tombstoneKv } from "./tombstone.ts";
import { WatchBacklog, type BacklogEntry, type BacklogLimits } from "./watch-backlog.ts";
import { WatchIndex, type WatchGroup } from "./watch-index.ts";
import type { Change } from "./write-txn.ts";

/** Bounds of catching up; the defaults are `defaultWatchLimits`. */
export interface WatchLimits {
  /** Changes a watcher that refuses events may have waiting; what follows is found in the index later. */
  readonly backlogEntriesMax: number;
  /** The same for all such watchers together, who share it evenly. Default 1,000,000. */
  readonly backlogEntriesTotalMax?: number;
  /** Revisions whose changes are collected at once for a watcher that is behind. */
  readonly backlogRevisionsMax: number;
  /** Events offered to one watcher in one call, unless one revision has more. */
  readonly eventsPerCall: number;
  /** Changes that `deliver` matches, builds and offers at once, in about 10 ms; more go in slices. Default 1,000. */
  readonly deliveredAtOnceMax?: number;
}

export const defaultWatchLimits: WatchLimits = {
  backlogEntriesMax: 100_000,
  backlogRevisionsMax: 50_000,
  eventsPerCall: 300,
};

const backlogEntriesTotalDefault = 1_000_000;

const deliveredAtOnceDefault = 1_000;
/** In a slice of a delivery so many times as many are matched as are built and offered. */
const matchesPerEvent = 5;

/** Work of one `catchUp()`: an event counts 1, looking at a key a thirtieth, turning to a watcher 1. */
const workPerSlice = 600;
const keysPerWork = 30;

export interface WatchRequest {
  readonly key: Uint8Array;
  /** As in a range: empty is one key, `"\0"` everything from `key` on. */
  readonly rangeEnd: Uint8Array;
  /** First revision wanted; 0: the next one. */
  readonly startRevision: number;
  readonly prevKv: boolean;
  readonly noPut?: boolean;
  readonly noDelete?: boolean;
}

export interface WatchSink {
  /** @returns false to refuse: nothing was taken, and the same events come again after `Watch.resume()` */
  onEvents(events: readonly Event[]): boolean;
  /** After each `deliver()` while synced: everything up to `revision` has been offered. Absent: not called. */
  onProgress?(revision: number): void;
  /** The next revision wanted was compacted away. Nothing follows. */
  onCompacted(compactRevision: number): void;
}

export interface Watch {
  /** First revision the watch can see: what "now" was for `startRevision` 0. */
  readonly startRevision: number;
  readonly synced: boolean;
  /** Ends a refusal; the next `catchUp()` offers the events again. */
  resume(): void;
  close(): void;
}

type WatcherState =
  | { readonly kind: "synced" }
  | { readonly kind: "unsynced"; readonly backlog: WatchBacklog }
  | { readonly kind: "closed" };

class Watcher implements Watch {
  readonly startRevision: number;
  readonly request: WatchRequest;
  readonly sink: WatchSink;
  readonly group: WatchGroup<Watcher>;
  readonly #hub: WatchHub;
  next: number;
  state: WatcherState;
  refused = false;

  constructor(
    hub: WatchHub,
    request: WatchRequest,
    sink: WatchSink,
    index: WatchIndex<Watcher>,
    startRevision: number,
  ) {
    this.#hub = hub;
    this.request = request;
    this.sink = sink;
    this.startRevision = startRevision;
    this.next = startRevision;
    this.state = { kind: "synced" };
    this.group = index.add(request.key, request.rangeEnd, this);
  }

  get synced(): boolean {
    return this.state.kind === "synced" && !this.#hub.isDelivering;
  }

  resume(): void {
    this.refused = false;
  }

  close(): void {
    this.#hub.remove(this);
  }

  wants(change: { readonly main: number; readonly tombstone: boolean }): boolean {
    if (change.main < this.next) return false;
    return change.tombstone ? this.request.noDelete !== true : this.request.noPut !== true;
  }
}

export class WatchHub {
  readonly #view: ReadView;
  readonly #limits: WatchLimits;
  readonly #backlogLimits: BacklogLimits;
  readonly #deliveredAtOnceMax: number;
  readonly #index = new WatchIndex<Watcher>();
  readonly #unsynced = new Set<Watcher>();
  readonly #progress = new Set<Watcher>();
  /** Applied, not yet delivered. */
  #pending: Change[] = [];
  /** A delivery of many changes that is under way; what is published meanwhile waits. */
  #delivery: Generator<undefined, void, undefined> | undefined;
  #watchers = 0;

  constructor(view: ReadView, limits: WatchLimits) {
    this.#view = view;
    this.#limits = limits;
    this.#deliveredAtOnceMax = limits.deliveredAtOnceMax ?? deliveredAtOnceDefault;
    this.#backlogLimits = { entriesMax: limits.backlogEntriesMax, revisionsMax: limits.backlogRevisionsMax };
  }

  get size(): number {
    return this.#watchers;
  }

  get unsyncedSize(): number {
    return this.#unsynced.size;
  }

  /** Watchers that are synced still have to be offered something. */
  get isDelivering(): boolean {
    return this.#delivery !== undefined;
  }

  /** Nothing is called on `sink` before this returns. @throws MvccError "emptyWatchRange" */
  watch(request: WatchRequest, sink: WatchSink): Watch {
    const current = this.#view.revision;
    const start = request.startRevision === 0 ? current + 1 : request.startRevision;
    const watcher = new Watcher(this, request, sink, this.#index, start);
    const { start: from, end } = watcher.group.range;
    if (end !== undefined && end <= from) {
      this.#index.remove(watcher.group, watcher);
      throw new MvccError({ code: "emptyWatchRange" });
    }
    this.#watchers += 1;
    if (sink.onProgress !== undefined) this.#progress.add(watcher);
    if (start <= current) this.#startOver(watcher);
    return watcher;
  }

  remove(watcher: Watcher): void {
    if (watcher.state.kind === "closed") return;
    watcher.state = { kind: "closed" };
    this.#watchers -= 1;
    this.#index.remove(watcher.group, watcher);
    this.#unsynced.delete(watcher);
    this.#progress.delete(watcher);
  }

  /** Changes that nobody watches are not kept: a later watcher finds them in the index. */
  publish(changes: readonly Change[]): void {
    if (this.#watchers === 0) return;
    for (const change of changes) this.#pending.push(change);
  }

  /**
   * Offers what was published to the synced watchers, and adds it to the backlogs of the others. Many changes are only
   * begun with here: `catchUp` goes on.
   * @returns true: call `catchUp`
   */
  deliver(): boolean {
    if (this.#delivery !== undefined) return true;
    const changes = this.#pending;
    this.#pending = [];
    const delivery = this.#deliverySteps(changes);
    if (changes.length > this.#deliveredAtOnceMax) this.#delivery = delivery;
    else runToEnd(delivery);
    return this.isDelivering;
  }

  /** Before anything happens that a delivery under way must not see. */
  finishDelivery(): void {
    while (this.#delivery !== undefined || this.#pending.length > 0) {
      if (this.#delivery !== undefined) runToEnd(this.#delivery);
      this.#delivery = undefined;
      this.deliver();
    }
  }

  /** In slices. A watcher gets all events of its changes in one call at the end of those in which they are made. */
  *#deliverySteps(changes: readonly Change[]): Generator<undefined, void, undefined> {
    const batches = yield* this.#matchSteps(changes);
    const built = new Map<Change, BuiltEvent>();
    let offered = 0;
    for (const [watcher, batch] of batches) {
      const event = (change: Change): Event => this.#liveEvent(change, watcher.request.prevKv, built);
      const events = batch.length > this.#deliveredAtOnceMax ? yield* slicedMap(batch, event) : batch.map(event);
      if (watcher.state.kind !== "synced") continue; // closed meanwhile, or refused by an earlier sink's callback
      if (watcher.sink.onEvents(events)) {
        watcher.next = Math.max(watcher.next, (batch.at(-1) as Change).main + 1);
      } else if (watcher.state.kind === "synced") {
        watcher.next = (batch[0] as Change).main;
        watcher.refused = true;
        this.#makeUnsynced(watcher, WatchBacklog.ofRefused(batch.map(toEntry), this.#backlogLimits));
      }
      offered += batch.length;
      if (offered < this.#deliveredAtOnceMax) continue;
      offered = 0;
      yield;
    }
    // Only up to here: what was published since then comes with the next delivery.
    const revision = this.#pending[0] === undefined ? this.#view.revision : this.#pending[0].main - 1;
    for (const watcher of this.#progress) {
      if (watcher.state.kind === "synced" && watcher.next <= revision + 1) watcher.sink.onProgress?.(revision);
    }
  }

  *#matchSteps(changes: readonly Change[]): Generator<undefined, Map<Watcher, Change[]>, undefined> {
    const batches = new Map<Watcher, Change[]>();
    const roomForEach = this.#roomForEach();
    let work = 0;
    for (const change of changes) {
      const entry = toEntry(change); // shared by all backlogs
      work += 1;
      for (const group of this.#index.matching(change.key)) {
        work += group.watchers.size;
        for (const watcher of group.watchers) {
          if (!watcher.wants(change)) continue;
          if (watcher.state.kind === "unsynced") watcher.state.backlog.addLive(entry, roomForEach);
          else {
            const batch = batches.get(watcher);
            if (batch === undefined) batches.set(watcher, [change]);
            else batch.push(change);
          }
        }
      }
      if (work < matchesPerEvent * this.#deliveredAtOnceMax) continue;
      work = 0;
      yield;
    }
    return batches;
  }

  /** What one watcher that is behind may have waiting: however many there are, their memory is bounded. */
  #roomForEach(): number {
    const { backlogEntriesMax, backlogEntriesTotalMax, eventsPerCall } = this.#limits;
    const total = backlogEntriesTotalMax ?? backlogEntriesTotalDefault;
    const share = Math.floor(total / Math.max(1, this.#unsynced.size));
    return Math.min(backlogEntriesMax, Math.max(eventsPerCall, share));
  }

  /**
   * One bounded slice of catching up, for the unsynced watchers that have not refused, in turn.
   * @returns true when there is more to do at once
   */
  catchUp(): boolean {
    if (this.#delivery?.next().done === true) {
      this.#delivery = undefined;
      this.deliver();
    }
    if (this.#pending.length > 0) this.deliver();
    if (this.#delivery !== undefined) return true;
    let work = 0;
    for (const watcher of [...this.#unsynced]) {
      if (watcher.refused || watcher.state.kind !== "unsynced") continue;
      if (work >= workPerSlice) return true;
      this.#unsynced.delete(watcher); // to the end of the line
      this.#unsynced.add(watcher);
      work += 1 + this.#catchUpOne(watcher, watcher.state.backlog);
    }
    for (const watcher of this.#unsynced) if (!watcher.refused) return true;
    return false;
  }

  /** Before the rows are replaced: what is published goes out, and every synced watcher's place is written down. */
  settle(): void {
    this.finishDelivery();
    for (const watcher of this.#everyWatcher()) {
      if (watcher.synced) watcher.next = Math.max(watcher.next, this.#view.revision + 1);
    }
  }

  /** After the rows were replaced: watchers go on from their place in the new history. */
  restart(): void {
    for (const watcher of this.#everyWatcher()) {
      if (watcher.next <= this.#view.revision) this.#startOver(watcher);
    }
  }

  /** @returns work done */
  #catchUpOne(watcher: Watcher, backlog: WatchBacklog): number {
    if (watcher.next < this.#view.compactRevision) {
      this.remove(watcher); // I4
      watcher.sink.onCompacted(this.#view.compactRevision);
      return 0;
    }
    const { range } = watcher.group;
    const wants = (change: { readonly main: number; readonly tombstone: boolean }): boolean => watcher.wants(change);
    const keysMax = workPerSlice * keysPerWork;
    let work = backlog.isCollected ? 0 : backlog.collect(this.#view, range, wants, keysMax) / keysPerWork;
    if (!backlog.isCollected) return work;
    const slice = backlog.nextSlice(this.#limits.eventsPerCall);
    const [first, last] = [slice.at(0), slice.at(-1)];
    if (first !== undefined && last !== undefined) {
      watcher.next = first.main;
      work += slice.length;
      if (!watcher.sink.onEvents(slice.map((entry) => this.#historicEvent(entry, watcher.request.prevKv)))) {
        watcher.refused = true;
        return work;
      }
      watcher.next = last.main + 1;
      backlog.accept(slice.length);
    }
    const closed = watcher.state.kind === "closed"; // by its own sink
    if (closed || !backlog.isDrained) return work;
    if (backlog.upTo !== undefined) {
      watcher.next = Math.max(watcher.next, backlog.upTo + 1);
      this.#startOver(watcher);
      return work;
    }
    // Open and drained, and `deliver` ran before: nothing up to the store's revision is missing.
    watcher.next = Math.max(watcher.next, this.#view.revision + 1);
    watcher.state = { kind: "synced" };
    this.#unsynced.delete(watcher);
    if (this.#progress.has(watcher)) watcher.sink.onProgress?.(this.#view.revision);
    return work;
  }

  #startOver(watcher: Watcher): void {
    const { range } = watcher.group;
    this.#makeUnsynced(watcher, WatchBacklog.ofHistory(range, watcher.next, this.#view.revision, this.#backlogLimits));
  }

  #makeUnsynced(watcher: Watcher, backlog: WatchBacklog): void {
    watcher.state = { kind: "unsynced", backlog };
    this.#unsynced.add(watcher);
  }

  /** Shared by all watchers of the change, with and without the previous row. */
  #liveEvent(change: Change, prevKv: boolean, built: Map<Change, BuiltEvent>): Event {
    let events = built.get(change);
    if (events === undefined) {
      const type = change.tombstone ? EventType.delete : EventType.put;
      events = { plain: { type, kv: change.kv, prevKv: undefined }, withPrevious: undefined };
      built.set(change, events);
    }
    if (!prevKv || change.previous === undefined || isCreation(change.kv)) return events.plain;
    events.withPrevious ??= {
      ...events.plain,
      prevKv: this.#view.rows.read(change.previous.main, change.previous.sub),
    };
    return events.withPrevious;
  }

  #historicEvent(entry: BacklogEntry, prevKv: boolean): Event {
    const kv = entry.tombstone ? tombstoneKv(entry.key, entry.main) : this.#view.rows.read(entry.main, entry.sub);
    assert(kv.modRevision === entry.main, `the row of revision ${entry.main} says it is of ${kv.modRevision}`);
    const before = entry.main - 1;
    const readable = prevKv && before >= this.#view.compactRevision && !isCreation(kv);
    const previous = readable ? readKey({ ...pick(this.#view), revision: before }, entry.key) : undefined;
    return { type: entry.tombstone ? EventType.delete : EventType.put, kv, prevKv: previous };
  }

  *#everyWatcher(): Iterable<Watcher> {
    for (const group of this.#index.groups()) yield* group.watchers;
  }
}

interface BuiltEvent {
  readonly plain: Event;
  withPrevious: Event | undefined;
}

function toEntry({ key, main, sub, tombstone }: Change): BacklogEntry {
  return { key, main, sub, tombstone };
}

function pick({ index, rows, compactRevision }: ReadView): Pick<ReadView, "index" | "rows" | "compactRevision"> {
  return { index, rows, compactRevision };
}
