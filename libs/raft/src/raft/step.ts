/** Every input of a member: terms are compared first, then its role decides (thesis 3.3). */
import { assert, assertNever, emptyBytes } from "@triarch/base";
import { entriesSizeBytes } from "../log/entry-size.ts";
import { isDropped } from "../outcome.ts";
import type { StepOutcome } from "../outcome.ts";
import { noMember } from "../types.ts";
import type { Message } from "../types.ts";
import { stepCandidate } from "./candidate.ts";
import { answerVoteRequest, electionTimedOut, ignoresVoteRequest } from "./election.ts";
import { stepFollower } from "./follower.ts";
import { stepLeader, tickLeader } from "./leader.ts";
import { leaderPropose, releaseUncommitted } from "./proposals.ts";
import type { Raft } from "./raft.ts";

export function tick(raft: Raft): void {
  if (raft.role === "leader") {
    tickLeader(raft);
    return;
  }
  raft.electionElapsed += 1;
  if (raft.promotable && raft.electionElapsed >= raft.randomizedElectionTicks) {
    raft.electionElapsed = 0;
    electionTimedOut(raft);
  }
}

export function step(raft: Raft, message: Message): StepOutcome {
  assertIntegers(message);
  // Term 0: from this member itself, or forwarded to whoever leads.
  if (message.term > raft.term) {
    if (!acceptHigherTerm(raft, message)) return "handled";
  } else if (message.term !== 0 && message.term < raft.term) {
    answerLowerTerm(raft, message);
    return "handled";
  }
  switch (message.type) {
    case "MsgHup":
      electionTimedOut(raft);
      return "handled";
    case "MsgVote":
    case "MsgPreVote":
      answerVoteRequest(raft, message);
      return "handled";
    case "MsgStorageAppendResp":
      storageAppended(raft, message);
      return "handled";
    case "MsgStorageApplyResp":
      storageApplied(raft, message);
      return "handled";
    default:
      return stepInRole(raft, message);
  }
}

function stepInRole(raft: Raft, message: Message): StepOutcome {
  switch (raft.role) {
    case "leader":
      return stepLeader(raft, message);
    case "follower":
      return stepFollower(raft, message);
    case "candidate":
    case "preCandidate":
      return stepCandidate(raft, message);
    default:
      return assertNever(raft.role);
  }
}

function assertIntegers(message: Message): void {
  const { term, logTerm, index, commit, rejectHint } = message;
  const sane = isCount(term) && isCount(logTerm) && isCount(index) && isCount(commit) && isCount(rejectHint);
  assert(sane, `${message.type} from ${message.from.toString()}: a term or index is no integer of [0, 2^53)`);
}

function isCount(value: number): boolean {
  return value >= 0 && Number.isSafeInteger(value);
}

/** @returns false when the message ends here */
function acceptHigherTerm(raft: Raft, message: Message): boolean {
  switch (message.type) {
    case "MsgVote":
    case "MsgPreVote":
      if (ignoresVoteRequest(raft, message)) {
        if (raft.logs)
          raft.logText("info", `${message.type} of ${message.from.toString()} ignored: the leader is heard`);
        return false;
      }
      if (message.type === "MsgVote") raft.becomeFollower(message.term, noMember);
      return true;
    case "MsgPreVoteResp":
      // A grant repeats the term that was asked about; only a refusal tells of a real one.
      if (message.reject) raft.becomeFollower(message.term, noMember);
      return true;
    case "MsgApp":
    case "MsgHeartbeat":
    case "MsgSnap":
      raft.becomeFollower(message.term, message.from);
      return true;
    default:
      raft.becomeFollower(message.term, noMember);
      return true;
  }
}

function answerLowerTerm(raft: Raft, message: Message): void {
  const { checkQuorum, preVote } = raft.config;
  switch (message.type) {
    case "MsgApp":
    case "MsgHeartbeat":
      // A leader that was cut off may wait for us while we, in a higher term, refuse it: tell it our term. Without
      // pre-vote and check-quorum a vote request does that.
      if (checkQuorum || preVote) raft.send("MsgAppResp", message.from, {});
      return;
    case "MsgPreVote":
      // Members that are behind in term would otherwise never hear of it.
      raft.send("MsgPreVoteResp", message.from, { term: raft.term, reject: true });
      return;
    case "MsgStorageAppendResp":
      // The entries may have been overwritten since; a snapshot is committed and stays valid.
      if (message.snapshot !== undefined) raft.snapshotApplied(message.snapshot);
      return;
    default:
      if (raft.logs)
        raft.logText("info", `${message.type} of ${message.from.toString()} ignored: term ${message.term} is past`);
  }
}

function storageAppended(raft: Raft, message: Message): void {
  if (message.index !== 0 && !raft.log.unstable.stableTo(message.index, message.logTerm) && raft.logs) {
    raft.logText("debug", `entry ${message.logTerm}/${message.index} on disk is not, or no longer, waited for`);
  }
  if (message.snapshot !== undefined) raft.snapshotApplied(message.snapshot);
}

function storageApplied(raft: Raft, message: Message): void {
  const last = message.entries.at(-1);
  if (last === undefined) return;
  raft.log.appliedTo(Math.max(last.index, raft.log.applied), entriesSizeBytes(message.entries));
  leaveJointIfDue(raft);
  releaseUncommitted(raft, message.entries);
}

/** A joint configuration that is to be left by itself is left once the change into it is applied. */
export function leaveJointIfDue(raft: Raft): void {
  const { confState } = raft.tracker;
  if (!confState.autoLeave || raft.role !== "leader" || raft.log.applied < raft.pendingConfIndex) return;
  // Dropped during a leadership transfer; then tried again after the next entry.
  // No data at all reads as the change that leaves, and is never refused for its size.
  const outcome = leaderPropose(raft, [{ type: "confChangeV2", data: emptyBytes }]);
  if (isDropped(outcome)) raft.logText("debug", `leaving the joint configuration is put off: ${outcome}`);
  else raft.logText("info", "leaving the joint configuration");
}
