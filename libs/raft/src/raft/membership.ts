/** Configurations in force: at start, by an applied change, by a snapshot (thesis 4). */
import { assert } from "@triarch/base";
import { changeConfiguration } from "../confchange/changer.ts";
import type { ConfChangeV2 } from "../confchange/conf-change.ts";
import { sortedMembers } from "../confchange/members.ts";
import { noMember } from "../types.ts";
import type { ConfState, MemberId, Snapshot } from "../types.ts";
import type { Raft } from "./raft.ts";
import { broadcastAppend, maybeCommit, sendAppend } from "./replication.ts";

const nobody: ReadonlySet<MemberId> = new Set();

/**
 * @returns the configuration as of that entry
 * @throws ConfChangeError; nothing is changed then
 */
export function applyConfChange(raft: Raft, change: ConfChangeV2): ConfState {
  if (raft.log.unstable.snapshot !== undefined) {
    // The entry was handed out before a snapshot replaced the log; the snapshot's configuration is newer and stays.
    raft.supersededConfState = changeConfiguration(raft.supersededConfState, change).confState;
    return raft.supersededConfState;
  }
  const { confState, forgotten } = changeConfiguration(raft.tracker.confState, change);
  switchTo(raft, confState, forgotten);
  return confState;
}

/** Puts the configuration of the storage or of a snapshot in force. */
export function restoreConfiguration(raft: Raft, stored: ConfState): void {
  const confState: ConfState = {
    voters: sortedMembers(stored.voters),
    learners: sortedMembers(stored.learners),
    votersOutgoing: sortedMembers(stored.votersOutgoing),
    learnersNext: sortedMembers(stored.learnersNext),
    autoLeave: stored.autoLeave,
  };
  switchTo(raft, confState, new Set(raft.tracker.members.map((member) => member.id)));
}

function switchTo(raft: Raft, confState: ConfState, forgotten: ReadonlySet<MemberId> = nobody): void {
  raft.tracker.switchTo(confState, { lastIndex: raft.log.lastIndex(), forgotten });
  if (raft.logs) raft.logText("info", `configuration ${describe(confState)}`);
  if (raft.role !== "leader") return;

  const own = raft.tracker.progressOf(raft.id);
  if (own === undefined || own.isLearner) {
    if (raft.config.stepDownOnRemoval) raft.becomeFollower(raft.term, noMember);
    return;
  }
  if (maybeCommit(raft)) {
    // A smaller quorum may commit what the larger one did not.
    broadcastAppend(raft);
  } else {
    for (const member of raft.tracker.members) {
      if (member.id !== raft.id) sendAppend(raft, member, false);
    }
  }
  if (raft.leadTransferee !== noMember && !raft.tracker.isVoter(raft.leadTransferee)) raft.leadTransferee = noMember;
}

/**
 * Replaces this follower's log and configuration by a leader's snapshot.
 * @returns false when it is not needed, or not for this member
 */
export function restoreSnapshot(raft: Raft, snapshot: Snapshot): boolean {
  const { log } = raft;
  if (snapshot.index <= log.committed) return false;
  assert(raft.role === "follower", `a snapshot reached a ${raft.role}`);
  if (!includes(snapshot.confState, raft.id)) {
    raft.logText(
      "warn",
      `snapshot ${snapshot.term}/${snapshot.index} ignored: its configuration is without this member`,
    );
    return false;
  }
  if (log.matches(snapshot)) {
    // The entries are here already; only that they are committed is news.
    log.commitTo(snapshot.index);
    return false;
  }
  if (log.unstable.snapshot === undefined) raft.supersededConfState = raft.tracker.confState;
  log.restore(snapshot);
  restoreConfiguration(raft, snapshot.confState);
  raft.logText("info", `log replaced by snapshot ${snapshot.term}/${snapshot.index}`);
  return true;
}

function includes(confState: ConfState, id: MemberId): boolean {
  return confState.voters.includes(id) || confState.learners.includes(id) || confState.votersOutgoing.includes(id);
}

function describe(confState: ConfState): string {
  const list = (ids: readonly MemberId[]): string => `[${ids.map(String).join(" ")}]`;
  const outgoing = confState.votersOutgoing.length > 0 ? ` outgoing ${list(confState.votersOutgoing)}` : "";
  const learners = confState.learners.length > 0 ? ` learners ${list(confState.learners)}` : "";
  return `voters ${list(confState.voters)}${outgoing}${learners}`;
}
