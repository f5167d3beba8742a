/** What a leader learns from its followers' answers to appends. */
import type { Progress } from "../tracker/progress.ts";
import type { Message } from "../types.ts";
import type { Raft } from "./raft.ts";
import { releaseReads } from "./read-index.ts";
import { broadcastAppend, maybeCommit, sendAppend } from "./replication.ts";

/** MsgAppResp, also the leader's own once its disk has the entries. */
export function handleAppendResponse(raft: Raft, member: Progress, message: Message): void {
  member.recentActive = true;
  if (message.reject) {
    appendRejected(raft, member, message);
    return;
  }
  // A probe that matches exactly says nothing new about `match`, but it ends the probing.
  const foundMatch = member.state === "probe" && member.match === message.index;
  if (!member.acknowledge(message.index) && !foundMatch) return;
  if (member.state === "probe") {
    member.becomeReplicate();
  } else if (member.state === "replicate") {
    member.inflights.freeUpTo(message.index);
  } else if (member.match + 1 >= raft.log.firstIndex()) {
    // Snapshot or not, the follower's log now joins ours.
    member.becomeProbe();
    member.becomeReplicate();
  }

  if (maybeCommit(raft)) {
    releaseReads(raft);
    broadcastAppend(raft);
  } else if (member.id !== raft.id && member.canBumpCommit(raft.log.committed)) {
    sendAppend(raft, member, true);
  }
  if (member.id === raft.id) return;
  while (sendAppend(raft, member, false)) {
    // Several messages may fit now that the window moved; each is bounded in size.
  }
  if (member.id === raft.leadTransferee && member.match === raft.log.lastIndex())
    raft.send("MsgTimeoutNow", member.id, {});
}

function appendRejected(raft: Raft, member: Progress, message: Message): void {
  // The follower's hint skips its terms that are too new; ours that are too new are skipped here.
  const hint =
    message.logTerm > 0 ? raft.log.findConflictByTerm(message.rejectHint, message.logTerm).index : message.rejectHint;
  if (raft.logs) {
    raft.logText("debug", `${member.id.toString()} refused the append after ${message.index}, next guess ${hint}`);
  }
  if (!member.reject(message.index, hint)) return;
  if (member.state === "replicate") member.becomeProbe();
  sendAppend(raft, member, true);
}
