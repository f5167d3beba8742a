/** Decisions of two majorities at once (thesis 4.3): both must agree, and either can refuse. */
import { majorityCommitted, majorityVote } from "./majority.ts";
import type { VoteResult } from "./majority.ts";

/** @returns Infinity when neither has voters */
export function jointCommitted(ackedIncoming: number[], ackedOutgoing: number[]): number {
  return Math.min(majorityCommitted(ackedIncoming), majorityCommitted(ackedOutgoing));
}

export function jointVote(
  incoming: readonly (boolean | undefined)[],
  outgoing: readonly (boolean | undefined)[],
): VoteResult {
  const first = majorityVote(incoming);
  const second = majorityVote(outgoing);
  if (first === second) return first;
  return first === "lost" || second === "lost" ? "lost" : "pending";
}
