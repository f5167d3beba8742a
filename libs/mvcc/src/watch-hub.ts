/**
 * Watchers. A synced watcher has been offered every event up to the store's revision and gets new ones as they are
 * applied. An unsynced one, because it started in the past or refused events, works through a backlog of revisions.
 *
 * Invariants:
 *  I1. a watcher is offered every matching event with revision >= `next` exactly once, in order, until accepted;
 *  I2. all events of one revision are in one call;
 *  I3. the backlog of an unsynced watcher, once collected, holds every matching change from `next` to `#seen`;
 *  I4. a watcher whose `next` fell behind the compact revision is ended, never skipped ahead.
 */
import { assert, type ByteString } from "@triarch/base";
import { EventType, type Event } from "@triarch/etcd-proto";
import { MvccError } from "./errors.ts";
import { successor } from "./key-range.ts";
import { readKey, type ReadView } from "./read-view.ts";
import { tombstoneKv } from "./tombstone.ts";
import { WatchIndex, type WatchGroup } from "./watch-index.ts";
import type { Change } from "./write-txn.ts";

/** Backlog entries one watcher may hold; past it the backlog is dropped and collected anew from the index later. */
export const backlogEntriesMax = 100_000;
const eventsPerSlice = 300;
const keysPerSlice = 10_000;

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

interface BacklogEntry {
  readonly key: ByteString;
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
}

type WatcherState =
  | { readonly kind: "synced" }
  /** `cursor`: the next key to look at for history; undefined once all were looked at. */
  | { readonly kind: "unsynced"; readonly backlog: BacklogEntry[]; cursor: ByteString | undefined; taken: number }
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
    return this.state.kind === "synced";
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
  readonly #index = new WatchIndex<Watcher>();
  readonly #unsynced = new Set<Watcher>();
  readonly #progress = new Set<Watcher>();
  /** Applied, not yet delivered. */
  #pending: Change[] = [];
  #watchers = 0;

  constructor(view: ReadView) {
    this.#view = view;
  }

  get size(): number {
    return this.#watchers;
  }

  get unsyncedSize(): number {
    return this.#unsynced.size;
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
    if (start <= current) this.#makeUnsynced(watcher, [], from);
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

  /** Offers what was published to the synced watchers, and adds it to the backlogs of the others. */
  deliver(): void {
    const changes = this.#pending;
    this.#pending = [];
    const batches = new Map<Watcher, Change[]>();
    for (const change of changes) {
      for (const group of this.#index.matching(change.key)) {
        for (const watcher of group.watchers) {
          if (!watcher.wants(change)) continue;
          if (watcher.state.kind === "unsynced") this.#extendBacklog(watcher, watcher.state, change);
          else {
            const batch = batches.get(watcher);
            if (batch === undefined) batches.set(watcher, [change]);
            else batch.push(change);
          }
        }
      }
    }
    const built = new Map<Change, BuiltEvent>();
    for (const [watcher, batch] of batches) {
      if (watcher.state.kind !== "synced") continue; // closed or refused by an earlier sink's callback
      const events = batch.map((change) => this.#liveEvent(change, watcher.request.prevKv, built));
      if (watcher.sink.onEvents(events)) {
        watcher.next = Math.max(watcher.next, (batch.at(-1) as Change).main + 1);
      } else if (watcher.state.kind === "synced") {
        watcher.next = (batch[0] as Change).main;
        watcher.refused = true;
        this.#makeUnsynced(watcher, batch.map(toEntry), undefined);
      }
    }
    const { revision } = this.#view;
    for (const watcher of this.#progress) {
      if (watcher.state.kind === "synced" && watcher.next <= revision + 1) watcher.sink.onProgress?.(revision);
    }
  }

  /**
   * One bounded slice of catching up for each unsynced watcher that has not refused.
   * @returns true when there is more to do at once
   */
  catchUp(): boolean {
    if (this.#pending.length > 0) this.deliver();
    for (const watcher of [...this.#unsynced]) {
      if (!watcher.refused && watcher.state.kind === "unsynced") this.#catchUpOne(watcher, watcher.state);
    }
    for (const watcher of this.#unsynced) if (!watcher.refused) return true;
    return false;
  }

  /** Before the rows are replaced: what is published goes out, and every synced watcher's place is written down. */
  settle(): void {
    this.deliver();
    for (const watcher of this.#everyWatcher()) {
      if (watcher.synced) watcher.next = Math.max(watcher.next, this.#view.revision + 1);
    }
  }

  /** After the rows were replaced: watchers go on from their place in the new history. */
  restart(): void {
    for (const watcher of this.#everyWatcher()) {
      if (watcher.next <= this.#view.revision) this.#makeUnsynced(watcher, [], watcher.group.range.start);
    }
  }

  #catchUpOne(watcher: Watcher, state: WatcherState & { kind: "unsynced" }): void {
    if (watcher.next < this.#view.compactRevision) {
      this.remove(watcher);
      watcher.sink.onCompacted(this.#view.compactRevision);
      return;
    }
    if (state.cursor !== undefined) {
      this.#collect(watcher, state);
      if (state.cursor !== undefined) return;
    }
    const { backlog } = state;
    let to = Math.min(state.taken + eventsPerSlice, backlog.length);
    while (to < backlog.length && backlog[to]?.main === backlog[to - 1]?.main) to += 1; // I2
    if (to > state.taken) {
      const entries = backlog.slice(state.taken, to);
      const events = entries.map((entry) => this.#historicEvent(entry, watcher.request.prevKv));
      watcher.next = (entries[0] as BacklogEntry).main;
      if (!watcher.sink.onEvents(events)) {
        watcher.refused = true;
        return;
      }
      if (watcher.synced || watcher.state.kind === "closed") return;
      watcher.next = (entries.at(-1) as BacklogEntry).main + 1;
      state.taken = to;
    }
    if (state.taken < backlog.length) return;
    // I3: `deliver` ran before this slice, so nothing up to the store's revision is missing.
    watcher.next = Math.max(watcher.next, this.#view.revision + 1);
    watcher.state = { kind: "synced" };
    this.#unsynced.delete(watcher);
    if (this.#progress.has(watcher)) watcher.sink.onProgress?.(this.#view.revision);
  }

  /** Looks at some more keys' histories. Live changes join the backlog meanwhile, so it ends sorted and complete. */
  #collect(watcher: Watcher, state: WatcherState & { kind: "unsynced" }): void {
    const { end } = watcher.group.range;
    for (let visited = 0; state.cursor !== undefined && visited < keysPerSlice;) {
      const page = this.#view.index.page(state.cursor, end);
      for (const history of page) {
        history.visit(watcher.next, this.#view.revision, (main, sub, tombstone) => {
          if (watcher.wants({ main, tombstone })) state.backlog.push({ key: history.key, main, sub, tombstone });
        });
      }
      visited += page.length;
      const last = page.at(-1);
      state.cursor = last === undefined ? undefined : successor(last.key);
    }
    if (state.cursor !== undefined) return;
    state.backlog.sort((left, right) => left.main - right.main || left.sub - right.sub);
    // A change made while collecting may have been seen twice: live, and in the history of a key looked at later.
    let kept = 0;
    for (const entry of state.backlog) {
      const before = state.backlog[kept - 1];
      if (kept > 0 && before?.main === entry.main && before.sub === entry.sub) continue;
      state.backlog[kept] = entry;
      kept += 1;
    }
    state.backlog.length = kept;
  }

  #extendBacklog(watcher: Watcher, state: WatcherState & { kind: "unsynced" }, change: Change): void {
    if (state.backlog.length - state.taken < backlogEntriesMax) {
      state.backlog.push(toEntry(change));
      return;
    }
    const first = state.backlog[state.taken];
    if (first !== undefined && state.cursor === undefined) watcher.next = first.main;
    this.#makeUnsynced(watcher, [], watcher.group.range.start);
  }

  #makeUnsynced(watcher: Watcher, backlog: BacklogEntry[], cursor: ByteString | undefined): void {
    watcher.state = { kind: "unsynced", backlog, cursor, taken: 0 };
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
    if (!prevKv || change.previous === undefined) return events.plain;
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
    const readable = prevKv && before >= this.#view.compactRevision;
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
