import { assertDefined, type ByteString } from "@triarch/base";

/** Keys from `start` up to, not including, `end`; `end` undefined: to the last key. */
export interface KeyInterval {
  readonly start: ByteString;
  readonly end: ByteString | undefined;
}

/**
 * A set of keys as disjoint intervals in order; intervals that touch are one, so that a range may be covered by several
 * grants together.
 */
export class KeyIntervals {
  readonly #merged: readonly KeyInterval[];

  /** Cost: O(n log n). Intervals that hold no key are left out. */
  constructor(intervals: readonly KeyInterval[]) {
    const sorted = intervals.filter(holdsAKey).sort((left, right) => (left.start < right.start ? -1 : 1));
    const merged: KeyInterval[] = [];
    for (const next of sorted) {
      const last = merged.at(-1);
      if (last === undefined || (last.end !== undefined && last.end < next.start)) merged.push(next);
      else merged[merged.length - 1] = { start: last.start, end: later(last.end, next.end) };
    }
    this.#merged = merged;
  }

  get merged(): readonly KeyInterval[] {
    return this.#merged;
  }

  /** Cost: O(log n). */
  hasKey(key: ByteString): boolean {
    return this.hasRange({ start: key, end: `${key}\0` });
  }

  /**
   * Whether every key of the range is in the set. Of a range that holds no key, the start must be in it, as in etcd.
   */
  hasRange({ start, end }: KeyInterval): boolean {
    const found = this.#lastFrom(start);
    if (found === undefined) return false;
    if (found.end === undefined) return true;
    return start < found.end && end !== undefined && end <= found.end;
  }

  /** The last interval that starts at or before `key`. */
  #lastFrom(key: ByteString): KeyInterval | undefined {
    let low = 0;
    let high = this.#merged.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (assertDefined(this.#merged[middle], "the middle of a range lies in it").start <= key) low = middle + 1;
      else high = middle;
    }
    return this.#merged[low - 1];
  }
}

function holdsAKey({ start, end }: KeyInterval): boolean {
  return end === undefined || start < end;
}

function later(left: ByteString | undefined, right: ByteString | undefined): ByteString | undefined {
  if (left === undefined || right === undefined) return undefined;
  return left > right ? left : right;
}
