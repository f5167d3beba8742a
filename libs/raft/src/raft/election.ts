/** Campaigning and voting (thesis 3.4, 3.6.1, 9.6). */
import { utf8, utf8Text } from "@triarch/base";
import type { VoteTally } from "../tracker/tracker.ts";
import type { MemberId, Message, Role } from "../types.ts";
import { noMember } from "../types.ts";
import type { Raft } from "./raft.ts";

export type Campaign = "preElection" | "election" | "transfer";

/** In the context of a MsgVote: the leader itself wants the change, so its lease is no reason to refuse. */
const transferContextText = "CampaignTransfer";
const transferContext = utf8(transferContextText);

/** Starts a campaign if this member may lead. Does nothing, and says why, if not. */
export function hup(raft: Raft, campaign: Campaign): void {
  if (raft.role === "leader") return;
  if (!raft.promotable) {
    raft.logText("warn", "may not campaign: no voter here, or a snapshot is being installed");
    return;
  }
  if (hasUnappliedConfChange(raft)) {
    raft.logText("warn", "may not campaign: a committed configuration change is not applied yet");
    return;
  }
  startCampaign(raft, campaign);
}

/** An election timeout passed. */
export function electionTimedOut(raft: Raft): void {
  hup(raft, raft.config.preVote ? "preElection" : "election");
}

function hasUnappliedConfChange(raft: Raft): boolean {
  const { log } = raft;
  if (log.applied >= log.committed) return false;
  for (const batch of log.scan(log.applied + 1, log.committed + 1, raft.config.maxCommittedSizePerReady)) {
    if (batch.some((entry) => entry.type !== "normal")) return true;
  }
  return false;
}

export function startCampaign(raft: Raft, campaign: Campaign): void {
  const pre = campaign === "preElection";
  if (pre) raft.becomePreCandidate();
  else raft.becomeCandidate();
  const term = pre ? raft.term + 1 : raft.term;
  const last = raft.log.lastEntryId();
  for (const id of raft.tracker.voterIds()) {
    if (id === raft.id) {
      // The own vote counts like any other once it is on disk.
      raft.send(pre ? "MsgPreVoteResp" : "MsgVoteResp", id, { term });
      continue;
    }
    const request = { term, index: last.index, logTerm: last.term };
    raft.send(
      pre ? "MsgPreVote" : "MsgVote",
      id,
      campaign === "transfer" ? { ...request, context: transferContext } : request,
    );
  }
}

export function recordVote(raft: Raft, id: MemberId, granted: boolean): VoteTally {
  raft.tracker.recordVote(id, granted);
  const tally = raft.tracker.tallyVotes();
  if (raft.logs) {
    const verdict = granted ? "granted" : "refused";
    raft.logText("info", `vote of ${id.toString()} ${verdict}: ${tally.granted} for, ${tally.rejected} against`);
  }
  return tally;
}

/** A vote for a higher term is not even considered while the leader is heard, unless that leader asked for it. */
export function ignoresVoteRequest(raft: Raft, message: Message): boolean {
  if (!raft.config.checkQuorum || !raft.hearsLeader) return false;
  return utf8Text(message.context) !== transferContextText;
}

/** Answers MsgVote and MsgPreVote of this term, or of a later one in case of a pre-vote. */
export function answerVoteRequest(raft: Raft, message: Message): void {
  const pre = message.type === "MsgPreVote";
  const votedForIt = raft.vote === message.from;
  const free = raft.vote === noMember && raft.leader === noMember;
  const canVote = votedForIt || free || (pre && message.term > raft.term);
  const granted = canVote && raft.log.isUpToDate({ term: message.logTerm, index: message.index });
  const type = pre ? "MsgPreVoteResp" : "MsgVoteResp";
  // A pre-candidate still has its old term, so a grant repeats the term it asked about.
  if (granted) raft.send(type, message.from, { term: message.term });
  else raft.send(type, message.from, { term: raft.term, reject: true });
  if (granted && !pre) {
    raft.electionElapsed = 0;
    raft.vote = message.from;
  }
  if (raft.logs) {
    const verdict = granted ? "granted" : "refused";
    raft.logText(
      "info",
      `${verdict} ${message.type} to ${message.from.toString()} (log ends ${message.logTerm}/${message.index})`,
    );
  }
}

/** The answer that a candidate or pre-candidate waits for; the other kind is a leftover. */
export function awaitedVoteType(role: Role): "MsgVoteResp" | "MsgPreVoteResp" {
  return role === "preCandidate" ? "MsgPreVoteResp" : "MsgVoteResp";
}
