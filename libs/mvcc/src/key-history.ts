/**
 * The revisions at which one key changed, in generations: one from each creation to the deletion that ends it.
 *
 * Memory counts: most keys have one revision, so the newest change stands in fields, and lists are made only for what
 * came before it.
 *
 * Invariants:
 *  I1. revisions ascend within a generation and from one generation to the next;
 *  I2. every generation has a revision; only the newest can be alive, the others end in a tombstone;
 *  I3. `version` counts all changes of the generation, also those compacted away.
 * Source: etcd server/storage/mvcc/key_index.go describes the same model.
 */
import { assert, type ByteString } from "@triarch/base";

interface Generation {
  /** Main revision of the creation; 0 when it was compacted away with only the tombstone left. */
  readonly created: number;
  readonly version: number;
  /** main, sub, main, sub ... */
  readonly revisions: readonly number[];
  readonly ended: boolean;
}

export interface KeyVersion {
  readonly main: number;
  readonly sub: number;
  readonly created: number;
  readonly version: number;
}

export interface Survivor {
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
}

export type RevisionVisitor = (main: number, sub: number, tombstone: boolean) => void;

export class KeyHistory {
  readonly key: ByteString;
  /** The newest change. No change yet: version 0. */
  #main = 0;
  #sub = 0;
  /** Of the newest generation, as are the next three. */
  #created = 0;
  #version = 0;
  #ended = true;
  /** Its revisions before the newest change: main, sub, main, sub ... */
  #earlier: number[] | undefined;
  /** The generations before it. */
  #past: Generation[] | undefined;

  constructor(key: ByteString) {
    this.key = key;
  }

  put(main: number, sub: number): void {
    this.#assertAfterLast(main, sub);
    if (this.#ended) this.#beginGeneration(main);
    else this.#keepNewest();
    this.#setNewest(main, sub, this.#version + 1);
  }

  /** Ends the living generation. */
  tombstone(main: number, sub: number): void {
    this.#assertAfterLast(main, sub);
    assert(!this.#ended, "only a living key can be deleted");
    this.#keepNewest();
    this.#setNewest(main, sub, this.#version + 1);
    this.#ended = true;
  }

  /** Continues from a stored row, when what came before may have been compacted. Rows come in revision order. */
  restore(row: KeyVersion & { readonly tombstone: boolean }): void {
    const { main, sub, tombstone } = row;
    if (tombstone && !this.#ended) return this.tombstone(main, sub);
    this.#assertAfterLast(main, sub);
    if (this.#ended) this.#beginGeneration(tombstone ? 0 : row.created);
    else this.#keepNewest();
    this.#setNewest(main, sub, tombstone ? 1 : row.version);
    this.#ended = tombstone;
  }

  /**
   * @returns undefined when the key does not exist at `atMain`
   * Cost: O(1) at or after the newest change, else O(generations + log revisions).
   */
  find(atMain: number): KeyVersion | undefined {
    if (atMain >= this.#main) {
      if (this.#ended) return undefined;
      return { main: this.#main, sub: this.#sub, created: this.#created, version: this.#version };
    }
    const earlier = this.#earlier;
    if (earlier !== undefined && (earlier[0] as number) <= atMain) {
      return versionAt(earlier, lastAtOrBefore(earlier, atMain), this.#created, this.#version - 1);
    }
    const generation = this.#past?.findLast(({ revisions }) => (revisions[0] as number) <= atMain);
    if (generation === undefined) return undefined;
    const { revisions, created, version } = generation;
    const at = lastAtOrBefore(revisions, atMain);
    const isTombstone = at === revisions.length / 2 - 1;
    return isTombstone ? undefined : versionAt(revisions, at, created, version);
  }

  /** As `find(atMain) !== undefined`, without making anything. */
  existsAt(atMain: number): boolean {
    return atMain >= this.#main ? !this.#ended : this.find(atMain) !== undefined;
  }

  /** Visits changes with `from <= main <= to`, oldest first. */
  visit(from: number, to: number, visitor: RevisionVisitor): void {
    if (this.#main < from) return;
    for (const { revisions, ended } of this.#generations()) {
      if ((revisions[revisions.length - 2] as number) < from) continue;
      for (let i = 0; i < revisions.length; i += 2) {
        const main = revisions[i] as number;
        if (main > to) return;
        if (main >= from) visitor(main, revisions[i + 1] as number, ended && i === revisions.length - 2);
      }
    }
  }

  /**
   * Forgets what no read at or after `atMain` can see. A tombstone exactly at `atMain` stays.
   * @param dropped called with each revision forgotten
   * @returns true when nothing is left of the key
   */
  compact(atMain: number, dropped: RevisionVisitor): boolean {
    if (this.#isSingle && !this.#ended) return false;
    const generations = this.#generations();
    const keepFrom = firstGenerationKept(generations, atMain);
    for (const { revisions, ended } of generations.slice(0, keepFrom)) {
      drop(revisions, 0, revisions.length, ended, dropped);
    }
    const [first, ...others] = generations.slice(keepFrom);
    if (first === undefined) return true;
    const keep = Math.max(0, lastAtOrBefore(first.revisions, atMain));
    drop(first.revisions, 0, 2 * keep, false, dropped);
    if (keepFrom > 0 || keep > 0) this.#replace([{ ...first, revisions: first.revisions.slice(2 * keep) }, ...others]);
    return false;
  }

  /**
   * @returns how far to compact so that about `countMax` revisions are forgotten at most: `atMain`, or an older one
   * Cost: O(1) for the usual key, else O(its revisions).
   */
  compactionBound(atMain: number, countMax: number): number {
    if (this.#isSingle) return atMain;
    let counted = 0;
    for (const { revisions } of this.#generations()) {
      const count = revisions.length / 2;
      if (counted + count > countMax) {
        return Math.min(atMain, revisions[2 * Math.max(1, countMax - counted)] ?? atMain);
      }
      counted += count;
    }
    return atMain;
  }

  /** The revision at or before `atMain` that stays when a compaction at `atMain` has deleted the others. */
  survivorAt(atMain: number): Survivor | undefined {
    const generations = this.#generations();
    let index = firstGenerationKept(generations, atMain);
    // A transaction may delete a key and create it again: the later generation counts.
    while ((generations[index + 1]?.revisions[0] ?? Infinity) <= atMain) index += 1;
    const generation = generations[index];
    if (generation === undefined) return undefined;
    const { revisions, ended } = generation;
    const at = lastAtOrBefore(revisions, atMain);
    if (at < 0) return undefined;
    const tombstone = ended && at === revisions.length / 2 - 1;
    return { main: revisions[2 * at] as number, sub: revisions[2 * at + 1] as number, tombstone };
  }

  /** One revision is all there is. */
  get #isSingle(): boolean {
    return this.#version > 0 && this.#earlier === undefined && this.#past === undefined;
  }

  /** Oldest first. */
  #generations(): Generation[] {
    return this.#version === 0 ? [] : [...(this.#past ?? []), this.#newest()];
  }

  #newest(): Generation {
    const revisions = [...(this.#earlier ?? []), this.#main, this.#sub];
    return { created: this.#created, version: this.#version, revisions, ended: this.#ended };
  }

  /** By generations of which the newest is the same up to its earlier revisions. */
  #replace(generations: readonly Generation[]): void {
    const past = generations.slice(0, -1);
    const earlier = generations.at(-1)?.revisions.slice(0, -2) ?? [];
    this.#past = past.length === 0 ? undefined : past;
    this.#earlier = earlier.length === 0 ? undefined : earlier;
  }

  #beginGeneration(created: number): void {
    if (this.#version > 0) (this.#past ??= []).push(this.#newest());
    this.#earlier = undefined;
    this.#created = created;
    this.#version = 0;
    this.#ended = false;
  }

  /** The newest change is about to be followed by one of the same generation. */
  #keepNewest(): void {
    if (this.#earlier === undefined) this.#earlier = [this.#main, this.#sub];
    else this.#earlier.push(this.#main, this.#sub);
  }

  #setNewest(main: number, sub: number, version: number): void {
    this.#main = main;
    this.#sub = sub;
    this.#version = version;
  }

  /** I1 */
  #assertAfterLast(main: number, sub: number): void {
    const after = main > this.#main || (main === this.#main && (sub > this.#sub || this.#version === 0));
    assert(after, `revision ${main}/${sub} comes after the key's last one`);
  }
}

/** @param version of the last of `revisions` */
function versionAt(revisions: readonly number[], at: number, created: number, version: number): KeyVersion {
  const after = revisions.length / 2 - 1 - at;
  return { main: revisions[2 * at] as number, sub: revisions[2 * at + 1] as number, created, version: version - after };
}

/** The first generation not wholly before `atMain`. */
function firstGenerationKept(generations: readonly Generation[], atMain: number): number {
  const index = generations.findIndex(({ revisions, ended }) => !ended || (revisions.at(-2) as number) >= atMain);
  return index < 0 ? generations.length : index;
}

/** Index of the last revision pair with main <= `atMain`, or -1. */
function lastAtOrBefore(revisions: readonly number[], atMain: number): number {
  let low = 0;
  let high = revisions.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((revisions[2 * middle] as number) <= atMain) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function drop(revisions: readonly number[], from: number, to: number, ended: boolean, dropped: RevisionVisitor): void {
  for (let i = from; i < to; i += 2) {
    dropped(revisions[i] as number, revisions[i + 1] as number, ended && i === revisions.length - 2);
  }
}
