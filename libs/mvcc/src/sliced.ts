/** Work on long lists, cut into slices: each generator yields between pieces of about a millisecond. */

const sliceItems = 2_000;

/** As `Array.map`. */
export function* slicedMap<T, R>(items: readonly T[], convert: (item: T) => R): Generator<undefined, R[], undefined> {
  const out: R[] = [];
  for (const item of items) {
    if (out.length > 0 && out.length % sliceItems === 0) yield;
    out.push(convert(item));
  }
  return out;
}

/** As `Array.toSorted`: equal ones stay in order. A merge sort from the bottom up. */
export function* slicedSort<T>(
  items: readonly T[],
  compare: (left: T, right: T) => number,
): Generator<undefined, T[], undefined> {
  let runs: T[][] = [];
  for (let at = 0; at < items.length; at += sliceItems) {
    if (at > 0) yield;
    runs.push(items.slice(at, at + sliceItems).sort(compare));
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const [left, right] = [runs[i] as T[], runs[i + 1]];
      merged.push(right === undefined ? left : yield* merge(left, right, compare));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merge<T>(
  left: readonly T[],
  right: readonly T[],
  compare: (left: T, right: T) => number,
): Generator<undefined, T[], undefined> {
  const out: T[] = [];
  let l = 0;
  let r = 0;
  while (l < left.length || r < right.length) {
    if (out.length > 0 && out.length % sliceItems === 0) yield;
    const fromLeft = r === right.length || (l < left.length && compare(left[l] as T, right[r] as T) <= 0);
    out.push((fromLeft ? left[l++] : right[r++]) as T);
  }
  return out;
}
