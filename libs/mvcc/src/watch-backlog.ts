/**
 * What one unsynced watcher still has to get: references to changes, oldest first, values not included. It is collected
 * from the key index for a window of revisions. The last window is open: it has no end, and live changes join it.
 *
 * Invariants:
 *  I1. once collected, it holds every wanted change from the watcher's place to `upTo`, or to now while it is open;
 *  I2. it is sorted by revision and has no duplicates;
 *  I3. an open backlog that reaches its bound is closed before the change that does not fit: what follows is collected
 *      in the next window. Nothing is lost, however slow the watcher.
 */
import type { ByteString } from "@triarch/base";
import { successor, type KeyRange } from "./key-range.ts";
import type { ReadView } from "./read-view.ts";

export interface BacklogEntry {
  readonly key: ByteString;
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
}

export interface BacklogLimits {
  /** Live changes are added up to this length. */
  readonly entriesMax: number;
  /** Revisions in a window that is collected at once. */
  readonly revisionsMax: number;
}

type Wants = (change: { readonly main: number; readonly tombstone: boolean }) => boolean;

/** Accepted entries are dropped from memory when so many have gathered. */
const acceptedKeptMax = 4096;

export class WatchBacklog {
  readonly #limits: BacklogLimits;
  #entries: BacklogEntry[];
  #accepted = 0;
  /** The next key to look at; undefined once collected. */
  #cursor: ByteString | undefined;
  readonly #from: number;
  /** undefined: open. */
  #upTo: number | undefined;

  private constructor(init: {
    readonly limits: BacklogLimits;
    readonly entries: BacklogEntry[];
    readonly from: number;
    readonly cursor: ByteString | undefined;
    readonly upTo: number | undefined;
  }) {
    this.#limits = init.limits;
    this.#entries = init.entries;
    this.#from = init.from;
    this.#cursor = init.cursor;
    this.#upTo = init.upTo;
  }

  /** To be collected from revision `from` on. */
  static ofHistory(range: KeyRange, from: number, revision: number, limits: BacklogLimits): WatchBacklog {
    const windowEnd = from + limits.revisionsMax - 1;
    const upTo = windowEnd < revision ? windowEnd : undefined;
    return new WatchBacklog({ limits, entries: [], from, cursor: range.start, upTo });
  }

  /** Live changes that were refused. Nothing before them is missing. */
  static ofRefused(entries: BacklogEntry[], limits: BacklogLimits): WatchBacklog {
    return new WatchBacklog({ limits, entries, from: 0, cursor: undefined, upTo: undefined });
  }

  get isCollected(): boolean {
    return this.#cursor === undefined;
  }

  /** The last revision covered; undefined: everything up to now. */
  get upTo(): number | undefined {
    return this.#upTo;
  }

  get isDrained(): boolean {
    return this.isCollected && this.#accepted === this.#entries.length;
  }

  /** Looks at some more keys' histories. @returns keys looked at */
  collect(view: ReadView, range: KeyRange, wants: Wants, keysMax: number): number {
    let visited = 0;
    const upTo = this.#upTo ?? view.revision;
    while (this.#cursor !== undefined && visited < keysMax) {
      const page = view.index.page(this.#cursor, range.end);
      for (const history of page) {
        const { key } = history;
        history.visit(this.#from, upTo, (main, sub, tombstone) => {
          if (wants({ main, tombstone })) this.#entries.push({ key, main, sub, tombstone });
        });
      }
      visited += page.length;
      const last = page.at(-1);
      this.#cursor = last === undefined ? undefined : successor(last.key);
    }
    if (this.isCollected) this.#finishCollecting();
    return visited;
  }

  /** @param room entries that may wait at most */
  addLive(change: BacklogEntry, room = this.#limits.entriesMax): void {
    if (this.#upTo !== undefined) return; // a later window has it
    if (this.#entries.length - this.#accepted < room) {
      this.#entries.push(change);
      return;
    }
    this.#upTo = change.main - 1; // I3
    if (this.isCollected) this.#dropAfterEnd();
  }

  /** The next events to offer: at least one revision, whole. Empty when drained. */
  nextSlice(eventsMax: number): readonly BacklogEntry[] {
    const entries = this.#entries;
    let to = Math.min(this.#accepted + eventsMax, entries.length);
    while (to < entries.length && entries[to]?.main === entries[to - 1]?.main) to += 1;
    return entries.slice(this.#accepted, to);
  }

  accept(count: number): void {
    this.#accepted += count;
    if (this.#accepted < acceptedKeptMax) return;
    this.#entries = this.#entries.slice(this.#accepted);
    this.#accepted = 0;
  }

  /** A change made while collecting may be here twice: live, and from the history of a key looked at later. I2 */
  #finishCollecting(): void {
    this.#entries.sort((left, right) => left.main - right.main || left.sub - right.sub);
    this.#entries = this.#entries.filter((entry, i, entries) => {
      const before = entries[i - 1];
      return before?.main !== entry.main || before.sub !== entry.sub;
    });
    this.#dropAfterEnd();
  }

  #dropAfterEnd(): void {
    if (this.#upTo === undefined) return;
    while ((this.#entries.at(-1)?.main ?? 0) > this.#upTo) this.#entries.pop();
  }
}
