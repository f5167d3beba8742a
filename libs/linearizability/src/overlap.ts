import type { Operation } from "./history.ts";

/**
 * The share of operations that were under way at the same time as at least one other: a history in which nothing
 * overlaps tests nothing. Open operations count until the end.
 *
 * @returns 0 to 1; 0 for an empty history
 */
export function overlapOf(history: readonly Operation<unknown, unknown>[]): number {
  if (history.length === 0) return 0;
  const spans = history
    .map(({ calledAt, returnedAt, output }) => ({ from: calledAt, to: output === undefined ? Infinity : returnedAt }))
    .sort((left, right) => left.from - right.from);
  let overlapping = 0;
  let latestEnd = -Infinity;
  for (const [i, { from, to }] of spans.entries()) {
    const next = spans[i + 1];
    if (latestEnd > from || (next !== undefined && next.from < to)) overlapping += 1;
    latestEnd = Math.max(latestEnd, to);
  }
  return overlapping / history.length;
}
