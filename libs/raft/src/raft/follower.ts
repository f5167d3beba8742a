/** What a follower does with the messages of its term; candidates that yield to a leader use the second half too. */
import type { ProposalOutcome, StepOutcome } from "../outcome.ts";
import { noMember } from "../types.ts";
import type { MemberId, Message } from "../types.ts";
import { hup } from "./election.ts";
import { restoreSnapshot } from "./membership.ts";
import type { Raft } from "./raft.ts";
import { contextOf } from "./read-index.ts";

export function stepFollower(raft: Raft, message: Message): StepOutcome {
  switch (message.type) {
    case "MsgProp":
      return forwardProposal(raft, message);
    case "MsgApp":
    case "MsgHeartbeat":
    case "MsgSnap":
      raft.electionElapsed = 0;
      raft.leader = message.from;
      handleFromLeader(raft, message);
      return "handled";
    case "MsgTransferLeader":
      if (raft.leader !== noMember) raft.send("MsgTransferLeader", raft.leader, { from: message.from });
      return "handled";
    case "MsgReadIndex":
      forwardRead(raft, message);
      return "handled";
    case "MsgReadIndexResp":
      raft.readStates.push({ index: message.index, requestContext: contextOf(message) });
      return "handled";
    case "MsgTimeoutNow":
      // The leader chose this member: it may win although the leader is heard, and needs no pre-vote.
      hup(raft, "transfer");
      return "handled";
    case "MsgForgetLeader":
      forgetLeader(raft);
      return "handled";
    default:
      return "handled";
  }
}

function forwardProposal(raft: Raft, message: Message): ProposalOutcome {
  if (raft.leader === noMember) return "noLeader";
  if (raft.config.disableProposalForwarding) return "forwardingDisabled";
  raft.send("MsgProp", raft.leader, forwarded(raft, message));
  return "forwarded";
}

/** Without a leader the request is lost; who asked times out. */
function forwardRead(raft: Raft, message: Message): void {
  if (raft.leader === noMember) return;
  const fields = forwarded(raft, message);
  const vouches = raft.config.readersVouch === true && fields.from === raft.id;
  raft.send("MsgReadIndex", raft.leader, vouches ? { ...fields, term: raft.term } : fields);
}

function forwarded(raft: Raft, message: Message): { from: MemberId; entries: Message["entries"] } {
  return { from: message.from === noMember ? raft.id : message.from, entries: message.entries };
}

/**
 * Stays in the term but follows nobody, so that a vote is possible before the election timeout. With lease reads the
 * old leader may still answer reads, so there it is refused.
 */
export function forgetLeader(raft: Raft): void {
  if (raft.role !== "follower" || raft.leader === noMember) return;
  if (raft.config.readOnlyOption === "leaseBased") {
    raft.logText("error", "the leader is not forgotten: lease reads rely on it");
    return;
  }
  raft.leader = noMember;
}

/** MsgApp, MsgHeartbeat and MsgSnap of this term's leader. */
export function handleFromLeader(raft: Raft, message: Message): void {
  if (message.type === "MsgApp") handleAppend(raft, message);
  else if (message.type === "MsgHeartbeat") handleHeartbeat(raft, message);
  else handleSnapshot(raft, message);
}

function handleAppend(raft: Raft, message: Message): void {
  const { log } = raft;
  if (message.index < log.committed) {
    raft.send("MsgAppResp", message.from, { index: log.committed });
    return;
  }
  const previous = { term: message.logTerm, index: message.index };
  const matched = log.maybeAppend(previous, message.entries, message.commit);
  if (matched !== undefined) {
    raft.send("MsgAppResp", message.from, { index: matched });
    return;
  }
  // Name the highest entry that can match: no term of ours above the leader's term at that index can.
  const hint = log.findConflictByTerm(Math.min(message.index, log.lastIndex()), message.logTerm);
  if (raft.logs)
    raft.logText("debug", `append after ${message.logTerm}/${message.index} refused, hint ${hint.term}/${hint.index}`);
  raft.send("MsgAppResp", message.from, {
    index: message.index,
    reject: true,
    rejectHint: hint.index,
    logTerm: hint.term,
  });
}

function handleHeartbeat(raft: Raft, message: Message): void {
  raft.log.commitTo(message.commit);
  raft.send("MsgHeartbeatResp", message.from, { context: message.context });
}

function handleSnapshot(raft: Raft, message: Message): void {
  const restored = message.snapshot !== undefined && restoreSnapshot(raft, message.snapshot);
  raft.send("MsgAppResp", message.from, { index: restored ? raft.log.lastIndex() : raft.log.committed });
}
