import type { ConfState, MemberId } from "@triarch/raft";

/** Everyone who has a part in a configuration, joint ones included. */
export function membersOf({ voters, learners, votersOutgoing, learnersNext }: ConfState): readonly MemberId[] {
  return [...new Set([...voters, ...learners, ...votersOutgoing, ...learnersNext])];
}
