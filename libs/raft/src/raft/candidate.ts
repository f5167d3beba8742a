/** What a candidate or pre-candidate does with the messages of its term. */
import type { StepOutcome } from "../outcome.ts";
import { noMember } from "../types.ts";
import type { Message } from "../types.ts";
import { awaitedVoteType, recordVote, startCampaign } from "./election.ts";
import { handleFromLeader } from "./follower.ts";
import { becomeLeader } from "./leader.ts";
import type { Raft } from "./raft.ts";

export function stepCandidate(raft: Raft, message: Message): StepOutcome {
  switch (message.type) {
    case "MsgProp":
      return "noLeader";
    case "MsgApp":
    case "MsgHeartbeat":
    case "MsgSnap":
      // Someone else won this term.
      raft.becomeFollower(message.term, message.from);
      handleFromLeader(raft, message);
      return "handled";
    case "MsgVoteResp":
    case "MsgPreVoteResp":
      if (message.type === awaitedVoteType(raft.role)) countVote(raft, message);
      return "handled";
    default:
      return "handled";
  }
}

function countVote(raft: Raft, message: Message): void {
  const { result } = recordVote(raft, message.from, !message.reject);
  if (result === "lost") raft.becomeFollower(raft.term, noMember);
  else if (result === "won" && raft.role === "preCandidate") startCampaign(raft, "election");
  else if (result === "won") becomeLeader(raft);
}
