/**
 * The end of the log that is not known to be on disk: a snapshot that came from the leader, entries, or both in turn.
 *
 * I1. `entries[i]` has index `offset + i`. I2. Entries below `offsetInProgress` were handed out to be written.
 * The same index may be handed out again with another term when a new leader overwrites it; only an acknowledgement
 * with the term that is here now makes an entry stable.
 */
import { assert } from "@triarch/base";
import type { Entry, Snapshot } from "../types.ts";

const noEntries: readonly Entry[] = [];

export class Unstable {
  #snapshot: Snapshot | undefined;
  #snapshotInProgress = false;
  #entries: Entry[] = [];
  #offset: number;
  #offsetInProgress: number;

  /** @param offset the index after the last stable one */
  constructor(offset: number) {
    this.#offset = offset;
    this.#offsetInProgress = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  get hasEntries(): boolean {
    return this.#entries.length > 0;
  }

  /** Index after the last entry or snapshot here; undefined when the log ends in storage. */
  lastIndex(): number | undefined {
    if (this.#entries.length > 0) return this.#offset + this.#entries.length - 1;
    return this.#snapshot?.index;
  }

  /** undefined: ask storage. */
  term(index: number): number | undefined {
    if (index >= this.#offset) return this.#entries[index - this.#offset]?.term;
    return this.#snapshot?.index === index ? this.#snapshot.term : undefined;
  }

  /** `[lo, hi)`, all of which must be here. */
  slice(lo: number, hi: number): readonly Entry[] {
    assert(
      lo >= this.#offset && hi <= this.#offset + this.#entries.length,
      `unstable slice [${lo}, ${hi}) out of bounds`,
    );
    return this.#entries.slice(lo - this.#offset, hi - this.#offset);
  }

  get hasNextEntries(): boolean {
    return this.#offsetInProgress < this.#offset + this.#entries.length;
  }

  /** Entries that were not yet handed out. */
  nextEntries(): readonly Entry[] {
    return this.hasNextEntries ? this.#entries.slice(this.#offsetInProgress - this.#offset) : noEntries;
  }

  nextSnapshot(): Snapshot | undefined {
    return this.#snapshotInProgress ? undefined : this.#snapshot;
  }

  /** Marks everything here as handed out. */
  acceptInProgress(): void {
    this.#offsetInProgress = this.#offset + this.#entries.length;
    if (this.#snapshot) this.#snapshotInProgress = true;
  }

  /** @returns false when that entry is not here, or not with that term: it was overwritten or is stable already */
  stableTo(index: number, term: number): boolean {
    const entry = index < this.#offset ? undefined : this.#entries[index - this.#offset];
    if (entry?.term !== term) return false;
    this.#entries = this.#entries.slice(index + 1 - this.#offset);
    this.#offset = index + 1;
    this.#offsetInProgress = Math.max(this.#offsetInProgress, this.#offset);
    return true;
  }

  stableSnapshotTo(index: number): void {
    if (this.#snapshot?.index !== index) return;
    this.#snapshot = undefined;
    this.#snapshotInProgress = false;
  }

  /** Everything before the snapshot's index, and every entry here, is void. */
  restore(snapshot: Snapshot): void {
    this.#offset = snapshot.index + 1;
    this.#offsetInProgress = this.#offset;
    this.#entries = [];
    this.#snapshot = snapshot;
    this.#snapshotInProgress = false;
  }

  /** Appends entries; from the first one's index on they replace what is here. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const from = (entries[0] as Entry).index;
    if (from < this.#offset) {
      this.#entries = [];
      this.#offset = from;
    }
    assert(from <= this.#offset + this.#entries.length, `entries from ${from} leave a gap in the log`);
    this.#entries.length = from - this.#offset;
    for (const entry of entries) this.#entries.push(entry);
    this.#offsetInProgress = Math.min(this.#offsetInProgress, from); // I2: what was overwritten must be written again
  }
}
