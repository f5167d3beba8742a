/** A leader's appends, heartbeats and snapshots to its followers (thesis 3.5, 10.2.1). */
import { assert } from "@triarch/base";
import { payloadSizeBytes } from "../log/entry-size.ts";
import { RaftStorageError } from "../log/storage.ts";
import type { Progress } from "../tracker/progress.ts";
import type { Entry, Snapshot } from "../types.ts";
import type { Raft } from "./raft.ts";

const noEntries: readonly Entry[] = [];

/** Sends every follower what it lacks, at least the commit index, unless it is paused. */
export function broadcastAppend(raft: Raft): void {
  for (const member of raft.tracker.members) {
    if (member.id !== raft.id) sendAppend(raft, member, true);
  }
}

/**
 * Sends the next append, or a snapshot when the entries are compacted away.
 * @param evenIfEmpty an append without entries still tells the commit index, and is a probe
 * @returns whether something was sent
 */
export function sendAppend(raft: Raft, member: Progress, evenIfEmpty: boolean): boolean {
  if (member.paused) return false;
  const previous = member.next - 1;
  const previousTerm = raft.log.term(previous);
  if (previousTerm === undefined) return sendSnapshot(raft, member);
  // A full window takes no entries, but a probe: if everything in it was lost, the answer frees it.
  const windowFull = member.state === "replicate" && member.inflights.full;
  const entries = windowFull ? noEntries : raft.log.entriesFrom(member.next, raft.config.maxSizePerMsg);
  if (entries === undefined) return sendSnapshot(raft, member);
  if (entries.length === 0 && !evenIfEmpty) return false;
  raft.send("MsgApp", member.id, { index: previous, logTerm: previousTerm, entries, commit: raft.log.committed });
  member.sentEntries(entries.length, payloadSizeBytes(entries));
  member.sentCommit(raft.log.committed);
  return true;
}

function sendSnapshot(raft: Raft, member: Progress): boolean {
  if (!member.recentActive) return false; // it would not even receive it
  const snapshot = currentSnapshot(raft);
  if (snapshot === undefined) return false;
  assert(snapshot.index > 0, "a follower needs a snapshot, but the storage has none");
  if (raft.logs) raft.logText("debug", `snapshot ${snapshot.term}/${snapshot.index} goes to ${member.id.toString()}`);
  member.becomeSnapshot(snapshot.index);
  raft.send("MsgSnap", member.id, { snapshot });
  return true;
}

function currentSnapshot(raft: Raft): Snapshot | undefined {
  try {
    return raft.log.snapshot();
  } catch (error) {
    if (error instanceof RaftStorageError && error.failure === "snapshotTemporarilyUnavailable") return undefined;
    throw error;
  }
}

/** A heartbeat may not commit more than the follower is known to hold: it checks nothing against its log. */
export function broadcastHeartbeat(raft: Raft, context: Uint8Array | undefined): void {
  for (const member of raft.tracker.members) {
    if (member.id === raft.id) continue;
    const commit = Math.min(member.match, raft.log.committed);
    raft.send("MsgHeartbeat", member.id, context === undefined ? { commit } : { commit, context });
    member.sentCommit(commit);
  }
}

/** Commits what a quorum holds, if it is of this term. @returns whether the committed index rose */
export function maybeCommit(raft: Raft): boolean {
  const index = raft.tracker.committedIndex();
  return Number.isFinite(index) && raft.log.maybeCommit({ term: raft.term, index });
}

/** A heartbeat's answer shows that the follower is there: time for what it lacks, or for a probe. */
export function handleHeartbeatResponse(raft: Raft, member: Progress): void {
  member.recentActive = true;
  member.appendsPaused = false;
  if (member.match < raft.log.lastIndex() || member.state === "probe") sendAppend(raft, member, true);
}

/** The transport lost a message on its way to `member`. */
export function handleUnreachable(member: Progress): void {
  // Optimistic appends after a lost one would all be refused.
  if (member.state === "replicate") member.becomeProbe();
}

/** The transport delivered the snapshot, or could not. */
export function handleSnapshotStatus(member: Progress, delivered: boolean): void {
  if (member.state !== "snapshot") return;
  if (!delivered) member.pendingSnapshot = 0; // then `next` falls back to what is known for sure
  member.becomeProbe();
  // The follower's acknowledgement, or the next heartbeat's answer, lets the next append go.
  member.appendsPaused = true;
}
