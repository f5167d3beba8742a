/**
 * The state of one member and the steps that every role shares: sending, and becoming follower, candidate or leader.
 * What a role does with a message is in the files beside this one; `step.ts` picks the role.
 *
 * I1. The term never falls, and a vote is only withdrawn by a higher term. I2. There is one leader per term: `leader`
 * changes from one member to another only with the term. I3. Messages in `messagesAfterAppend` promise something about
 * this member's disk (votes, acknowledgements) and leave only when what they promise is there.
 */
import { assert, emptyBytes } from "@triarch/base";
import type { LogLevel, RaftConfig } from "../config.ts";
import { RaftLog } from "../log/raft-log.ts";
import { ReadOnlyQueue } from "../read-only.ts";
import { ProgressTracker } from "../tracker/tracker.ts";
import { emptyConfState, noMember } from "../types.ts";
import type {
  ConfState,
  Entry,
  HardState,
  MemberId,
  Message,
  MessageType,
  ReadState,
  Role,
  Snapshot,
} from "../types.ts";

const noEntries: readonly Entry[] = [];
const noResponses: readonly Message[] = [];

/** What a sender fills in; `from` and `term` have defaults that depend on the type. */
export type MessageFields = Partial<Omit<Message, "type" | "to">>;

export class Raft {
  readonly id: MemberId;
  readonly config: RaftConfig;
  readonly log: RaftLog;
  readonly tracker: ProgressTracker;

  term = 0;
  vote: MemberId = noMember;
  role: Role = "follower";
  leader: MemberId = noMember;

  /** The member that this leader is handing over to; proposals are dropped meanwhile. */
  leadTransferee: MemberId = noMember;
  /** No configuration change may be proposed before the log is applied to here: one at a time (thesis 4.1). */
  pendingConfIndex = 0;
  /** While a snapshot waits for the disk: the configuration of the entries before it that are still being applied. */
  supersededConfState: ConfState = emptyConfState;
  /** Payload bytes of this leader's entries that are not applied yet. */
  uncommittedBytes = 0;

  /** Ticks since the leader was heard; on a leader, since the last quorum check. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  randomizedElectionTicks = 0;

  readonly readOnly = new ReadOnlyQueue();
  /** Reads that came before this leader committed anything in its term. Bound: `pendingReadsMax`. */
  readsBeforeFirstCommit: Message[] = [];

  messages: Message[] = [];
  messagesAfterAppend: Message[] = []; // I3
  readStates: ReadState[] = [];

  constructor(config: RaftConfig) {
    this.id = config.id;
    this.config = config;
    this.log = new RaftLog(config.storage, config.maxCommittedSizePerReady);
    this.tracker = new ProgressTracker({
      inflightMsgsMax: config.maxInflightMsgs,
      inflightBytesMax: config.maxInflightBytes,
    });
  }

  get hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }

  /** A learner, a stranger, or a member whose log is about to be replaced must not campaign. */
  get promotable(): boolean {
    const own = this.tracker.progressOf(this.id);
    return own !== undefined && !own.isLearner && this.log.unstable.snapshot === undefined;
  }

  /** Is the leader's lease in force here, so that no one else is needed? */
  get hearsLeader(): boolean {
    return this.leader !== noMember && this.electionElapsed < this.config.electionTicks;
  }

  get committedInOwnTerm(): boolean {
    return this.log.term(this.log.committed) === this.term;
  }

  /**
   * Queues a message. Votes carry the term they are about; all others get this member's term, except what is forwarded
   * to whatever leader there is.
   */
  send(type: MessageType, to: MemberId, fields: MessageFields): void {
    const message: Message = {
      type,
      to,
      from: fields.from ?? this.id,
      term: this.#termOf(type, fields.term),
      logTerm: fields.logTerm ?? 0,
      index: fields.index ?? 0,
      entries: fields.entries ?? noEntries,
      commit: fields.commit ?? 0,
      vote: fields.vote ?? noMember,
      snapshot: fields.snapshot,
      reject: fields.reject ?? false,
      rejectHint: fields.rejectHint ?? 0,
      context: fields.context ?? emptyBytes,
      responses: noResponses,
    };
    if (type === "MsgAppResp" || type === "MsgVoteResp" || type === "MsgPreVoteResp") {
      this.messagesAfterAppend.push(message); // I3
      return;
    }
    assert(to !== this.id, `${type} sent by member ${this.id.toString()} to itself`);
    this.messages.push(message);
  }

  #termOf(type: MessageType, given: number | undefined): number {
    switch (type) {
      case "MsgVote":
      case "MsgVoteResp":
      case "MsgPreVote":
      case "MsgPreVoteResp":
        assert(given !== undefined && given > 0, `${type} needs the term it is about`);
        return given;
      case "MsgProp":
        return 0;
      case "MsgReadIndex":
        return given ?? 0;
      default:
        assert(given === undefined, `${type} carries the sender's term`);
        return this.term;
    }
  }

  becomeFollower(term: number, leader: MemberId): void {
    this.reset(term);
    this.leader = leader;
    this.role = "follower";
    if (this.logs) this.logText("info", `follower in term ${this.term}, leader ${leader.toString()}`);
  }

  becomeCandidate(): void {
    assert(this.role !== "leader", "a leader must step down before it campaigns");
    this.reset(this.term + 1);
    this.vote = this.id;
    this.role = "candidate";
    if (this.logs) this.logText("info", `candidate in term ${this.term}`);
  }

  /** Neither the term nor the vote changes: that is the point of a pre-vote (thesis 9.6). */
  becomePreCandidate(): void {
    assert(this.role !== "leader", "a leader must step down before it campaigns");
    this.tracker.resetVotes();
    this.leader = noMember;
    this.role = "preCandidate";
    if (this.logs) this.logText("info", `pre-candidate in term ${this.term}`);
  }

  /** Clears what belongs to one leadership or one election. */
  reset(term: number): void {
    assert(term >= this.term, `term would fall from ${this.term} to ${term}`); // I1
    if (term !== this.term) {
      this.term = term;
      this.vote = noMember;
    }
    this.leader = noMember;
    this.leadTransferee = noMember;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    this.randomizeElectionTimeout();
    this.tracker.resetVotes();
    const lastIndex = this.log.lastIndex();
    for (const member of this.tracker.members) member.restart(member.id === this.id ? lastIndex : 0, lastIndex + 1);
    this.pendingConfIndex = 0;
    this.uncommittedBytes = 0;
    this.readOnly.clear();
    this.readsBeforeFirstCommit = [];
  }

  randomizeElectionTimeout(): void {
    const spread = this.config.electionSpreadTicks ?? this.config.electionTicks;
    this.randomizedElectionTicks = this.config.electionTicks + this.config.rng.int(spread);
  }

  loadHardState(hardState: HardState): void {
    const { commit } = hardState;
    assert(
      commit >= this.log.committed && commit <= this.log.lastIndex(),
      `stored commit ${commit} outside the log [${this.log.committed}, ${this.log.lastIndex()}]: the log on disk lost its end`,
    );
    this.log.commitTo(commit);
    this.term = hardState.term;
    this.vote = hardState.vote;
  }

  /** The disk holds a snapshot that this log was replaced by. */
  snapshotApplied(snapshot: Snapshot): void {
    this.log.unstable.stableSnapshotTo(snapshot.index);
    this.log.appliedTo(Math.max(snapshot.index, this.log.applied), 0);
  }

  /** False: nobody listens, so the text need not be made. */
  get logs(): boolean {
    return this.config.logger !== undefined;
  }

  logText(level: LogLevel, text: string): void {
    this.config.logger?.(level, `raft ${this.id.toString()}: ${text}`);
  }
}
