/**
 * One member's log: the stable part in `RaftStorage`, the rest in `Unstable`, and how far it is committed, handed out
 * for application, and applied.
 *
 * I1. applied <= applying <= committed <= lastIndex. I2. The committed index never falls.
 */
import { assert } from "@triarch/base";
import type { Entry, Snapshot } from "../types.ts";
import { entriesSizeBytes, fittingCount } from "./entry-size.ts";
import { RaftStorageError } from "./storage.ts";
import type { RaftStorage } from "./storage.ts";
import { Unstable } from "./unstable.ts";

/** What identifies an entry: two logs that hold the same one are equal up to it (log matching, thesis 3.5). */
export interface EntryId {
  readonly term: number;
  readonly index: number;
}

const noEntries: readonly Entry[] = [];

export class RaftLog {
  readonly #storage: RaftStorage;
  readonly unstable: Unstable;
  readonly #maxApplyingBytes: number;
  #committed: number;
  #applying: number;
  #applied: number;
  #applyingBytes = 0;
  /** The last batch did not take all there was, or the bytes being applied reached their bound. */
  #applyingPaused = false;

  /** @param maxApplyingBytes bound of the entries handed out by `nextCommittedEntries` and not applied yet */
  constructor(storage: RaftStorage, maxApplyingBytes: number) {
    this.#storage = storage;
    this.#maxApplyingBytes = maxApplyingBytes;
    this.unstable = new Unstable(storage.lastIndex() + 1);
    this.#committed = this.#applying = this.#applied = storage.firstIndex() - 1;
  }

  get committed(): number {
    return this.#committed;
  }

  get applying(): number {
    return this.#applying;
  }

  get applied(): number {
    return this.#applied;
  }

  firstIndex(): number {
    const snapshot = this.unstable.snapshot;
    return snapshot ? snapshot.index + 1 : this.#storage.firstIndex();
  }

  lastIndex(): number {
    return this.unstable.lastIndex() ?? this.#storage.lastIndex();
  }

  lastEntryId(): EntryId {
    const index = this.lastIndex();
    return { index, term: this.term(index) ?? 0 };
  }

  /** @returns undefined for an index that is compacted away or not there yet */
  term(index: number): number | undefined {
    const unstableTerm = this.unstable.term(index);
    if (unstableTerm !== undefined) return unstableTerm;
    if (index + 1 < this.firstIndex() || index > this.lastIndex()) return undefined;
    try {
      return this.#storage.term(index);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  matches(id: EntryId): boolean {
    return this.term(id.index) === id.term;
  }

  /** May a candidate whose log ends so win the vote of this one (thesis 3.6.1)? */
  isUpToDate(candidateLast: EntryId): boolean {
    const own = this.lastEntryId();
    return candidateLast.term > own.term || (candidateLast.term === own.term && candidateLast.index >= own.index);
  }

  /**
   * Appends as a leader, or after a check that the previous entry matches.
   * @returns the last index
   */
  append(entries: readonly Entry[]): number {
    const first = entries[0];
    if (first === undefined) return this.lastIndex();
    assert(
      first.index > this.#committed,
      `entries from ${first.index} would replace entries committed to ${this.#committed}`,
    );
    this.unstable.truncateAndAppend(entries);
    return this.lastIndex();
  }

  /**
   * A follower's append: takes what is new in `entries`, replaces what conflicts, and commits what both know.
   * @param previous the entry just before `entries[0]` in the leader's log
   * @returns the index up to which this log now equals the leader's; undefined when `previous` is not in this log
   */
  maybeAppend(previous: EntryId, entries: readonly Entry[], leaderCommit: number): number | undefined {
    if (!this.matches(previous)) return undefined;
    const lastNew = previous.index + entries.length;
    const firstNew = entries.findIndex((entry) => this.term(entry.index) !== entry.term);
    if (firstNew !== -1) this.append(firstNew === 0 ? entries : entries.slice(firstNew));
    this.commitTo(Math.min(leaderCommit, lastNew));
    return lastNew;
  }

  /**
   * The highest index at or below `index` whose term is at most `term`: at a disagreement the logs cannot match above
   * it, so whole terms are skipped in one round trip.
   * @returns term 0 where this log is compacted
   */
  findConflictByTerm(index: number, term: number): EntryId {
    for (let at = index; at > 0; at--) {
      const ownTerm = this.term(at);
      if (ownTerm === undefined) return { index: at, term: 0 };
      if (ownTerm <= term) return { index: at, term: ownTerm };
    }
    return { index: 0, term: 0 };
  }

  commitTo(index: number): void {
    if (index <= this.#committed) return; // I2
    assert(
      index <= this.lastIndex(),
      `commit ${index} is past the last entry ${this.lastIndex()}: was this log truncated or lost?`,
    );
    this.#committed = index;
  }

  /** Commits by the rule of the thesis (3.6.2): only an entry of the leader's own term, and all before it with it. */
  maybeCommit(id: EntryId): boolean {
    if (id.index <= this.#committed || id.term === 0 || !this.matches(id)) return false;
    this.commitTo(id.index);
    return true;
  }

  /** Entries from `lo` to the end, as many as fit; undefined when they are compacted away. */
  entriesFrom(lo: number, maxSizeBytes: number): readonly Entry[] | undefined {
    return lo > this.lastIndex() ? noEntries : this.#slice(lo, this.lastIndex() + 1, maxSizeBytes);
  }

  #slice(lo: number, hi: number, maxSizeBytes: number): readonly Entry[] | undefined {
    if (lo >= hi) return noEntries;
    if (lo < this.firstIndex()) return undefined;
    const offset = this.unstable.offset;
    if (lo >= offset) return limited(this.unstable.slice(lo, hi), maxSizeBytes);
    const cut = Math.min(hi, offset);
    let stable: readonly Entry[];
    try {
      stable = this.#storage.entries(lo, cut, maxSizeBytes);
    } catch (error) {
      if (error instanceof RaftStorageError && error.failure === "compacted") return undefined;
      throw error;
    }
    if (hi <= offset || stable.length < cut - lo) return stable;
    const room = maxSizeBytes - entriesSizeBytes(stable);
    if (room <= 0) return stable;
    const rest = limited(this.unstable.slice(offset, hi), room);
    if (rest.length === 1 && entriesSizeBytes(rest) > room) return stable;
    return [...stable, ...rest];
  }

  /** The entries a batch at a time, for looking through a long stretch. */
  *scan(lo: number, hi: number, batchSizeBytes: number): Generator<readonly Entry[]> {
    for (let at = lo; at < hi;) {
      const batch = this.#slice(at, hi, batchSizeBytes);
      assert(batch !== undefined && batch.length > 0, `entries of [${at}, ${hi}) are not in the log`);
      yield batch;
      at += batch.length;
    }
  }

  /** @param allowUnstable also entries that are not on this disk yet: safe when the driver writes before it applies */
  nextCommittedEntries(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommittedEntries(allowUnstable)) return noEntries;
    const entries = this.#slice(
      this.#applying + 1,
      this.#appliableIndex(allowUnstable) + 1,
      this.#maxApplyingBytes - this.#applyingBytes,
    );
    assert(entries !== undefined, `committed entries after ${this.#applying} were compacted before they were applied`);
    return entries;
  }

  hasNextCommittedEntries(allowUnstable: boolean): boolean {
    if (this.#applyingPaused || this.unstable.snapshot) return false; // the snapshot goes first
    return this.#applying < this.#appliableIndex(allowUnstable);
  }

  #appliableIndex(allowUnstable: boolean): number {
    return allowUnstable ? this.#committed : Math.min(this.#committed, this.unstable.offset - 1);
  }

  /** The entries up to `index` were handed out for application. */
  acceptApplying(index: number, bytes: number, allowUnstable: boolean): void {
    assert(index <= this.#committed, `applying ${index} past the committed index ${this.#committed}`);
    this.#applying = index;
    this.#applyingBytes += bytes;
    this.#applyingPaused = this.#applyingBytes >= this.#maxApplyingBytes || index < this.#appliableIndex(allowUnstable);
  }

  /** The state machine holds everything up to `index`; `bytes` of what was handed out are free again. */
  appliedTo(index: number, bytes: number): void {
    assert(
      index >= this.#applied && index <= this.#committed,
      `applied ${index} outside [${this.#applied}, ${this.#committed}]`,
    );
    this.#applied = index;
    this.#applying = Math.max(this.#applying, index);
    this.#applyingBytes = Math.max(0, this.#applyingBytes - bytes);
    this.#applyingPaused = this.#applyingBytes >= this.#maxApplyingBytes;
  }

  /** @throws RaftStorageError "snapshotTemporarilyUnavailable" */
  snapshot(): Snapshot {
    return this.unstable.snapshot ?? this.#storage.snapshot();
  }

  /** Replaces the whole log by a leader's snapshot. */
  restore(snapshot: Snapshot): void {
    this.#committed = snapshot.index;
    this.unstable.restore(snapshot);
  }
}

function limited(entries: readonly Entry[], maxSizeBytes: number): readonly Entry[] {
  const count = fittingCount(entries, 0, entries.length, maxSizeBytes);
  return count === entries.length ? entries : entries.slice(0, count);
}

function isMissing(error: unknown): boolean {
  return error instanceof RaftStorageError && (error.failure === "compacted" || error.failure === "unavailable");
}
