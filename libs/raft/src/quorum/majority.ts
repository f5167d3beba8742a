/**
 * Decisions of one majority. An empty set of voters agrees to everything, so that a configuration that is not joint is
 * simply joint with nobody.
 */
export type VoteResult = "won" | "lost" | "pending";

/**
 * The highest index that more than half of the voters have acknowledged.
 *
 * @param acked one index per voter, 0 where nothing is known; sorted in place
 * @returns Infinity for no voters
 * Cost: insertion sort, O(n^2) on a handful of voters and O(n) when they are nearly in order.
 */
export function majorityCommitted(acked: number[]): number {
  const count = acked.length;
  if (count === 0) return Number.POSITIVE_INFINITY;
  for (let i = 1; i < count; i++) {
    const index = acked[i] as number;
    let j = i - 1;
    for (; j >= 0 && (acked[j] as number) > index; j--) acked[j + 1] = acked[j] as number;
    acked[j + 1] = index;
  }
  return acked[(count - 1) >> 1] as number;
}

/** @param votes one per voter; undefined is not known yet */
export function majorityVote(votes: readonly (boolean | undefined)[]): VoteResult {
  const needed = (votes.length >> 1) + 1;
  if (votes.length === 0) return "won";
  let granted = 0;
  let open = 0;
  for (const vote of votes) {
    if (vote === undefined) open += 1;
    else if (vote) granted += 1;
  }
  if (granted >= needed) return "won";
  return granted + open >= needed ? "pending" : "lost";
}
