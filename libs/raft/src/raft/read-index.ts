/** Linearizable reads without a log entry (thesis 6.4). */
import { emptyBytes } from "@triarch/base";
import { pendingReadsMax } from "../read-only.ts";
import { noMember } from "../types.ts";
import type { Entry, MemberId, Message } from "../types.ts";
import type { Raft } from "./raft.ts";
import { broadcastHeartbeat } from "./replication.ts";

/** A request's context travels as the data of its only entry. */
export function contextOf(message: Message): Uint8Array {
  return message.entries[0]?.data ?? emptyBytes;
}

export function contextEntries(context: Uint8Array): readonly Entry[] {
  return [{ term: 0, index: 0, type: "normal", data: context }];
}

/** A leader got a MsgReadIndex, its own or a follower's. */
export function leaderRead(raft: Raft, message: Message): void {
  if (raft.tracker.isSingleton) {
    answerRead(raft, message.from, raft.log.committed, contextOf(message));
  } else if (raft.committedInOwnTerm) {
    startRead(raft, message);
  } else if (raft.readsBeforeFirstCommit.length < pendingReadsMax) {
    // What earlier terms committed is not known before something of this term is (thesis 6.4, step 1).
    raft.readsBeforeFirstCommit.push(message);
  } else {
    dropRead(raft);
  }
}

function startRead(raft: Raft, message: Message): void {
  const context = contextOf(message);
  const index = raft.log.committed;
  if (raft.config.readOnlyOption === "leaseBased" || isVouchedFor(raft, message)) {
    answerRead(raft, message.from, index, context);
    return;
  }
  if (!raft.readOnly.add({ from: message.from, index, context })) {
    dropRead(raft);
    return;
  }
  raft.readOnly.acknowledge(raft.id, context);
  broadcastHeartbeat(raft, context);
}

/**
 * Who asks in this term has not voted in a later one, and neither has the leader: if the two are a quorum, nobody had been
 * elected since when the request was sent, so that all that was committed by then is committed here. That says nothing
 * of other reads, which may have begun later.
 */
function isVouchedFor(raft: Raft, { from, term }: Message): boolean {
  return term !== 0 && raft.tracker.quorumAcked(new Set([raft.id, from]));
}

function dropRead(raft: Raft): void {
  raft.logText("warn", `a read is dropped: ${pendingReadsMax} reads wait already`);
}

/** The first commit of this term is there. */
export function releaseReads(raft: Raft): void {
  if (raft.readsBeforeFirstCommit.length === 0 || !raft.committedInOwnTerm) return;
  const waiting = raft.readsBeforeFirstCommit;
  raft.readsBeforeFirstCommit = [];
  for (const message of waiting) startRead(raft, message);
}

/** A follower confirmed the leadership for the reads up to the heartbeat's context. */
export function confirmReads(raft: Raft, from: MemberId, context: Uint8Array): void {
  if (raft.config.readOnlyOption !== "safe" || context.length === 0) return;
  const acked = raft.readOnly.acknowledge(from, context);
  if (acked === undefined || !raft.tracker.quorumAcked(acked)) return;
  for (const read of raft.readOnly.takeUpTo(context)) answerRead(raft, read.from, read.index, read.context);
}

function answerRead(raft: Raft, from: MemberId, index: number, context: Uint8Array): void {
  if (from === noMember || from === raft.id) raft.readStates.push({ index, requestContext: context });
  else raft.send("MsgReadIndexResp", from, { index, entries: contextEntries(context) });
}
