/**
 * The stable log's tail in memory: a snapshot's metadata, then the entries after a compacted prefix. The driver makes
 * each change durable elsewhere (the write-ahead log) before Raft is told about it.
 *
 * I1. `#entries[i]` has index `#offset + 1 + i`; `#offset` is the last compacted index and `#offsetTerm` its term.
 */
import { assert, emptyBytes } from "@triarch/base";
import { emptyConfState, emptyHardState } from "../types.ts";
import type { ConfState, Entry, HardState, Snapshot } from "../types.ts";
import { fittingCount } from "./entry-size.ts";
import { RaftStorageError } from "./storage.ts";
import type { RaftStorage } from "./storage.ts";

export class MemoryStorage implements RaftStorage {
  #hardState: HardState = emptyHardState;
  #snapshot: Snapshot = { index: 0, term: 0, confState: emptyConfState, data: emptyBytes };
  #offset = 0;
  #offsetTerm = 0;
  #entries: Entry[] = [];

  initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#snapshot.confState };
  }

  setHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  firstIndex(): number {
    return this.#offset + 1;
  }

  lastIndex(): number {
    return this.#offset + this.#entries.length;
  }

  term(index: number): number {
    if (index === this.#offset) return this.#offsetTerm;
    if (index < this.#offset) throw new RaftStorageError("compacted", `term of ${index}, kept from ${this.#offset}`);
    const entry = this.#entries[index - this.#offset - 1];
    if (entry === undefined) throw new RaftStorageError("unavailable", `term of ${index}, last is ${this.lastIndex()}`);
    return entry.term;
  }

  entries(lo: number, hi: number, maxSizeBytes: number): readonly Entry[] {
    if (lo <= this.#offset)
      throw new RaftStorageError("compacted", `entries from ${lo}, first is ${this.firstIndex()}`);
    if (hi > this.lastIndex() + 1 || this.#entries.length === 0) {
      throw new RaftStorageError("unavailable", `entries to ${hi}, last is ${this.lastIndex()}`);
    }
    const from = lo - this.#offset - 1;
    const count = fittingCount(this.#entries, from, hi - this.#offset - 1, maxSizeBytes);
    return this.#entries.slice(from, from + count);
  }

  snapshot(): Snapshot {
    return this.#snapshot;
  }

  /**
   * Adds entries; from the first one's index on they replace what was there. Those already compacted are skipped.
   * Indexes must be contiguous and leave no gap.
   */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const skip = Math.max(0, this.#offset + 1 - first.index);
    if (skip >= entries.length) return;
    const start = first.index + skip - this.#offset - 1;
    assert(start <= this.#entries.length, `append at ${first.index} leaves a gap after ${this.lastIndex()}`);
    this.#entries.length = start;
    for (let i = skip; i < entries.length; i++) {
      const entry = entries[i] as Entry;
      assert(entry.index === first.index + i, `append of ${entry.index} where ${first.index + i} comes next`);
      this.#entries.push(entry);
    }
  }

  /**
   * Replaces everything by a snapshot that came from the leader.
   * @throws RaftStorageError "snapshotOutOfDate" when the snapshot held is as new or newer
   */
  applySnapshot(snapshot: Snapshot): void {
    if (snapshot.index <= this.#snapshot.index) {
      throw new RaftStorageError("snapshotOutOfDate", `snapshot ${snapshot.index}, held ${this.#snapshot.index}`);
    }
    this.#snapshot = snapshot;
    this.#offset = snapshot.index;
    this.#offsetTerm = snapshot.term;
    this.#entries = [];
  }

  /**
   * Records that the state machine's state at `index` is what a lagging follower gets from now on.
   * @param confState the configuration at `index`; unset keeps the last snapshot's
   * @throws RaftStorageError "snapshotOutOfDate" | "compacted" | "unavailable"
   */
  createSnapshot(index: number, confState: ConfState | undefined, data: Uint8Array): Snapshot {
    if (index <= this.#snapshot.index) {
      throw new RaftStorageError("snapshotOutOfDate", `snapshot ${index}, held ${this.#snapshot.index}`);
    }
    this.#snapshot = { index, term: this.term(index), confState: confState ?? this.#snapshot.confState, data };
    return this.#snapshot;
  }

  /**
   * Drops all entries up to and including `index`. Make sure that `snapshot()` is at or after it first.
   * @throws RaftStorageError "compacted" | "unavailable"
   */
  compact(index: number): void {
    if (index <= this.#offset)
      throw new RaftStorageError("compacted", `compact to ${index}, already at ${this.#offset}`);
    const term = this.term(index);
    this.#entries = this.#entries.slice(index - this.#offset);
    this.#offset = index;
    this.#offsetTerm = term;
  }
}
