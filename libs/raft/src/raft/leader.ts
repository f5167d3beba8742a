/** What a leader does with time and with the messages of its term. */
import { assert, assertDefined, emptyBytes } from "@triarch/base";
import type { StepOutcome } from "../outcome.ts";
import type { Progress } from "../tracker/progress.ts";
import { noMember } from "../types.ts";
import type { Message } from "../types.ts";
import { handleAppendResponse } from "./acknowledgements.ts";
import { appendAsLeader, leaderPropose } from "./proposals.ts";
import type { Raft } from "./raft.ts";
import { confirmReads, leaderRead } from "./read-index.ts";
import { broadcastAppend, broadcastHeartbeat, handleHeartbeatResponse, sendAppend } from "./replication.ts";

export function becomeLeader(raft: Raft): void {
  assert(raft.role === "candidate", `a ${raft.role} cannot become leader`);
  raft.reset(raft.term);
  raft.leader = raft.id;
  raft.role = "leader";
  const own = assertDefined(raft.tracker.progressOf(raft.id), "a leader was elected outside its configuration");
  own.becomeReplicate();
  own.recentActive = true;
  // Any change in the log may be unapplied; assume that the last entry is one.
  raft.pendingConfIndex = raft.log.lastIndex();
  raft.logText("info", `leader in term ${raft.term}`);
  // Entries of earlier terms commit only together with one of this term (thesis 3.6.2).
  assert(appendAsLeader(raft, [{ type: "normal", data: emptyBytes }]), "a new leader's empty entry always fits");
  broadcastAppend(raft);
}

export function tickLeader(raft: Raft): void {
  raft.heartbeatElapsed += 1;
  raft.electionElapsed += 1;
  if (raft.electionElapsed >= raft.config.electionTicks) {
    raft.electionElapsed = 0;
    if (raft.config.checkQuorum && !checkQuorum(raft)) return;
    // The member that was to take over did not: lead on.
    raft.leadTransferee = noMember;
  }
  if (raft.heartbeatElapsed >= raft.config.heartbeatTicks) {
    raft.heartbeatElapsed = 0;
    broadcastHeartbeat(raft, raft.readOnly.lastContext());
  }
}

/** @returns false when this leader heard from too few members since the last check and stepped down */
function checkQuorum(raft: Raft): boolean {
  const active = raft.tracker.quorumActive();
  if (!active) {
    raft.logText("warn", "steps down: no quorum was heard for an election timeout");
    raft.becomeFollower(raft.term, noMember);
  }
  for (const member of raft.tracker.members) {
    if (member.id !== raft.id) member.recentActive = false;
  }
  return active;
}

export function stepLeader(raft: Raft, message: Message): StepOutcome {
  switch (message.type) {
    case "MsgProp":
      return leaderPropose(raft, message.entries);
    case "MsgReadIndex":
      leaderRead(raft, message);
      return "handled";
    default: {
      const member = raft.tracker.progressOf(message.from);
      if (member !== undefined) stepForMember(raft, member, message);
      return "handled";
    }
  }
}

function stepForMember(raft: Raft, member: Progress, message: Message): void {
  switch (message.type) {
    case "MsgAppResp":
      handleAppendResponse(raft, member, message);
      return;
    case "MsgHeartbeatResp":
      handleHeartbeatResponse(raft, member);
      confirmReads(raft, message.from, message.context);
      return;
    case "MsgTransferLeader":
      startTransfer(raft, member);
      return;
    default:
      return;
  }
}

/** Brings `member` up to date, then tells it to campaign at once (thesis 3.10). Ends after one election timeout. */
function startTransfer(raft: Raft, member: Progress): void {
  if (member.isLearner || member.id === raft.id || member.id === raft.leadTransferee) return;
  raft.electionElapsed = 0;
  raft.leadTransferee = member.id;
  if (member.match === raft.log.lastIndex()) raft.send("MsgTimeoutNow", member.id, {});
  else sendAppend(raft, member, true);
}
