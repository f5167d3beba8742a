/**
 * What became of a proposal. `appended`: it is in this leader's log and may yet be lost with the leadership.
 * `forwarded`: it was sent to the leader, who may drop it in silence. Everything else: dropped, nothing was done.
 */
export type ProposalOutcome =
  | "appended"
  | "forwarded"
  | "noLeader"
  | "forwardingDisabled"
  | "leadershipTransfer"
  | "removedFromConfiguration"
  | "tooManyUncommittedBytes";

/** What became of a message. The last two were refused: not for the network, or from someone outside the configuration. */
export type StepOutcome = "handled" | ProposalOutcome | "localMessage" | "peerNotFound";

export function isDropped(outcome: ProposalOutcome | StepOutcome): boolean {
  return outcome !== "appended" && outcome !== "forwarded" && outcome !== "handled";
}
