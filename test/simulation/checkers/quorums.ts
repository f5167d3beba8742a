import type { ConfState, MemberId } from "@triarch/raft";

/** Plain set arithmetic, on purpose not the one that Raft uses. */
export function isQuorum({ voters, votersOutgoing }: ConfState, members: ReadonlySet<MemberId>): boolean {
  return isMajority(voters, members) && (votersOutgoing.length === 0 || isMajority(votersOutgoing, members));
}

function isMajority(voters: readonly MemberId[], members: ReadonlySet<MemberId>): boolean {
  return voters.filter((voter) => members.has(voter)).length * 2 > voters.length;
}

/** Can a quorum of one and a quorum of the other decide without a common member? Looks at all sets of members. */
export function haveDisjointQuorums(one: ConfState, other: ConfState): boolean {
  const all = [...new Set([...one.voters, ...one.votersOutgoing, ...other.voters, ...other.votersOutgoing])];
  for (let bits = 0; bits < 2 ** all.length; bits++) {
    const inside = new Set(all.filter((_, i) => (bits & (1 << i)) !== 0));
    const outside = new Set(all.filter((_, i) => (bits & (1 << i)) === 0));
    if (isQuorum(one, inside) && isQuorum(other, outside)) return true;
  }
  return false;
}
