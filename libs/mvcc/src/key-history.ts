/**
 * The revisions at which one key changed, in generations: one from each creation to the deletion that ends it.
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
  version: number;
  /** main, sub, main, sub ... */
  revisions: number[];
  ended: boolean;
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
  #generations: Generation[] = [];
  /** The newest change, and what is alive since: answers reads of now without a search. */
  #lastMain = 0;
  #alive: KeyVersion | undefined;

  constructor(key: ByteString) {
    this.key = key;
  }

  put(main: number, sub: number): void {
    this.#assertAfterLast(main, sub);
    const newest = this.#generations.at(-1);
    if (newest === undefined || newest.ended) {
      this.#generations.push({ created: main, version: 1, revisions: [main, sub], ended: false });
    } else {
      newest.revisions.push(main, sub);
      newest.version += 1;
    }
    this.#noteNewest(main, sub);
  }

  /** Ends the living generation. */
  tombstone(main: number, sub: number): void {
    this.#assertAfterLast(main, sub);
    const newest = this.#generations.at(-1);
    assert(newest !== undefined && !newest.ended, "only a living key can be deleted");
    newest.revisions.push(main, sub);
    newest.version += 1;
    newest.ended = true;
    this.#noteNewest(main, sub);
  }

  /** Continues from a stored row, when what came before may have been compacted. Rows come in revision order. */
  restore(row: KeyVersion & { readonly tombstone: boolean }): void {
    this.#assertAfterLast(row.main, row.sub);
    const newest = this.#generations.at(-1);
    const alive = newest !== undefined && !newest.ended;
    if (row.tombstone) {
      if (alive) this.tombstone(row.main, row.sub);
      else this.#generations.push({ created: 0, version: 1, revisions: [row.main, row.sub], ended: true });
    } else if (alive) {
      newest.revisions.push(row.main, row.sub);
      newest.version = row.version;
    } else {
      const { created, version, main, sub } = row;
      this.#generations.push({ created, version, revisions: [main, sub], ended: false });
    }
    this.#noteNewest(row.main, row.sub);
  }

  /**
   * @returns undefined when the key does not exist at `atMain`
   * Cost: O(1) at or after the newest change, else O(generations + log revisions).
   */
  find(atMain: number): KeyVersion | undefined {
    if (atMain >= this.#lastMain) return this.#alive;
    for (let i = this.#generations.length - 1; i >= 0; i--) {
      const generation = this.#generations[i] as Generation;
      const { revisions } = generation;
      if ((revisions[0] as number) > atMain) continue;
      const at = lastAtOrBefore(revisions, atMain);
      const after = revisions.length / 2 - 1 - at;
      if (generation.ended && after === 0) return undefined;
      return {
        main: revisions[2 * at] as number,
        sub: revisions[2 * at + 1] as number,
        created: generation.created,
        version: generation.version - after,
      };
    }
    return undefined;
  }

  /** Visits changes with `from <= main <= to`, oldest first. */
  visit(from: number, to: number, visitor: RevisionVisitor): void {
    for (const { revisions, ended } of this.#generations) {
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
    const keepFrom = this.#firstGenerationKept(atMain);
    for (const { revisions, ended } of this.#generations.slice(0, keepFrom)) {
      drop(revisions, 0, revisions.length, ended, dropped);
    }
    if (keepFrom > 0) this.#generations = this.#generations.slice(keepFrom);
    const first = this.#generations[0];
    if (first === undefined) return true;
    const keep = lastAtOrBefore(first.revisions, atMain);
    if (keep > 0) {
      drop(first.revisions, 0, 2 * keep, false, dropped);
      first.revisions = first.revisions.slice(2 * keep);
    }
    return false;
  }

  /**
   * @returns how far to compact so that about `countMax` revisions are forgotten at most: `atMain`, or an older one
   * Cost: O(generations), O(1) for the usual key.
   */
  compactionBound(atMain: number, countMax: number): number {
    let counted = 0;
    for (const { revisions } of this.#generations) {
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
    let index = this.#firstGenerationKept(atMain);
    // A transaction may delete a key and create it again: the later generation counts.
    while ((this.#generations[index + 1]?.revisions[0] ?? Infinity) <= atMain) index += 1;
    const generation = this.#generations[index];
    if (generation === undefined) return undefined;
    const { revisions, ended } = generation;
    const at = lastAtOrBefore(revisions, atMain);
    if (at < 0) return undefined;
    const tombstone = ended && at === revisions.length / 2 - 1;
    return { main: revisions[2 * at] as number, sub: revisions[2 * at + 1] as number, tombstone };
  }

  /** The first generation not wholly before `atMain`. */
  #firstGenerationKept(atMain: number): number {
    const index = this.#generations.findIndex(
      ({ revisions, ended }) => !ended || (revisions.at(-2) as number) >= atMain,
    );
    return index < 0 ? this.#generations.length : index;
  }

  #noteNewest(main: number, sub: number): void {
    const newest = this.#generations.at(-1);
    this.#lastMain = main;
    this.#alive =
      newest === undefined || newest.ended
        ? undefined
        : { main, sub, created: newest.created, version: newest.version };
  }

  /** I1 */
  #assertAfterLast(main: number, sub: number): void {
    const revisions = this.#generations.at(-1)?.revisions;
    if (revisions === undefined) return;
    const lastMain = revisions.at(-2) as number;
    const after = main > lastMain || (main === lastMain && sub > (revisions.at(-1) as number));
    assert(after, `revision ${main}/${sub} comes after the key's last one`);
  }
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
