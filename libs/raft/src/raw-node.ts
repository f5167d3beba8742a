/**
 * One member's Raft as its driver sees it. Inputs go in at any time; `ready()` says what must be done about them.
 *
 * The driver's loop: `ready()`, send `messagesBeforePersist`, write snapshot, entries and hard state to disk (and to the
 * storage that Raft reads), send `messagesAfterPersist`, apply `committedEntries` (a configuration change through
 * `applyConfChange`), then `advance()`. With `asyncStorageWrites` there is no `advance()`: the storage work is in
 * MsgStorageAppend and MsgStorageApply, whose `responses` are delivered once it is done.
 *
 * I1. Without asynchronous writes at most one `Ready` is out at a time. Nothing here waits, reads a clock or does I/O.
 */
import { assert } from "@triarch/base";
import { assertConfig } from "./config.ts";
import type { RaftConfig } from "./config.ts";
import { encodeConfChange } from "./confchange/codec.ts";
import { asConfChangeV2 } from "./confchange/conf-change.ts";
import type { ConfChange } from "./confchange/conf-change.ts";
import { entriesSizeBytes } from "./log/entry-size.ts";
import { isLocalMessage, isLocalThread, isResponseMessage, makeMessage } from "./messages.ts";
import type { ProposalOutcome, StepOutcome } from "./outcome.ts";
import { electionTimedOut } from "./raft/election.ts";
import { forgetLeader } from "./raft/follower.ts";
import { applyConfChange, restoreConfiguration } from "./raft/membership.ts";
import type { ProposedEntry } from "./raft/proposals.ts";
import { leaderPropose } from "./raft/proposals.ts";
import { Raft } from "./raft/raft.ts";
import { contextEntries } from "./raft/read-index.ts";
import { handleSnapshotStatus, handleUnreachable } from "./raft/replication.ts";
import { step, tick } from "./raft/step.ts";
import { collectReady, stepsAfterReady } from "./ready.ts";
import type { RaftStatus } from "./status.ts";
import { noMember } from "./types.ts";
import type { ConfState, Entry, HardState, MemberId, Message, Ready, SoftState } from "./types.ts";

export class RawNode {
  readonly #raft: Raft;
  readonly #async: boolean;
  #lastSoftState: SoftState;
  #lastHardState: HardState;
  /** What `advance()` reports back to Raft. */
  #stepsOnAdvance: Message[] = [];
  #readyOut = false;
  /** The term that is on disk. */
  #durableTerm: number;

  /** Starts as a follower from what the storage holds. */
  constructor(config: RaftConfig) {
    assertConfig(config);
    const raft = new Raft(config);
    const { hardState, confState } = config.storage.initialState();
    restoreConfiguration(raft, confState);
    // What was applied was committed, even if the hard state that says so did not reach the disk.
    raft.loadHardState({ ...hardState, commit: Math.max(hardState.commit, raft.log.committed, config.applied) });
    if (config.applied > raft.log.applied) raft.log.appliedTo(config.applied, 0);
    raft.becomeFollower(raft.term, noMember);
    this.#raft = raft;
    this.#async = config.asyncStorageWrites;
    this.#lastSoftState = { leader: raft.leader, role: raft.role };
    this.#lastHardState = raft.hardState;
    this.#durableTerm = raft.term;
  }

  /** On disk or not yet. */
  get term(): number {
    return this.#raft.term;
  }

  /** One unit of the time in which the configuration counts. */
  tick(): void {
    tick(this.#raft);
  }

  /** Campaigns now, without waiting for the election timeout. */
  campaign(): void {
    electionTimedOut(this.#raft);
  }

  propose(data: Uint8Array): ProposalOutcome {
    return this.#propose([{ type: "normal", data }]);
  }

  /** Proposes all or none, as neighbours in the log and in one message per follower. Cheaper than one by one. */
  proposeAll(payloads: readonly Uint8Array[]): ProposalOutcome {
    assert(payloads.length > 0, "proposeAll without payloads");
    return this.#propose(payloads.map((data) => ({ type: "normal", data })));
  }

  /** A change that cannot be taken now is "appended" as an empty entry. */
  proposeConfChange(change: ConfChange): ProposalOutcome {
    return this.#propose([encodeConfChange(change)]);
  }

  #propose(proposed: readonly ProposedEntry[]): ProposalOutcome {
    const raft = this.#raft;
    if (raft.role === "leader") return leaderPropose(raft, proposed);
    const entries = proposed.map(({ type, data }): Entry => ({ term: 0, index: 0, type, data }));
    return step(raft, makeMessage("MsgProp", { from: raft.id, entries })) as ProposalOutcome;
  }

  /** Takes a message of another member, or the response of a local storage thread. */
  step(message: Message): StepOutcome {
    if (!isLocalThread(message.from)) {
      if (isLocalMessage(message.type)) return "localMessage";
      const unknown = this.#raft.tracker.progressOf(message.from) === undefined;
      if (unknown && isResponseMessage(message.type)) return "peerNotFound";
    }
    return step(this.#raft, message);
  }

  hasReady(): boolean {
    const raft = this.#raft;
    return (
      raft.messages.length > 0 ||
      raft.messagesAfterAppend.length > 0 ||
      raft.readStates.length > 0 ||
      raft.log.unstable.hasNextEntries ||
      raft.log.unstable.nextSnapshot() !== undefined ||
      raft.log.hasNextCommittedEntries(!this.#async) ||
      this.#softStateChanged() ||
      this.#hardStateChanged()
    );
  }

  #softStateChanged(): boolean {
    return this.#raft.leader !== this.#lastSoftState.leader || this.#raft.role !== this.#lastSoftState.role;
  }

  #hardStateChanged(): boolean {
    const { term, vote, commit } = this.#lastHardState;
    return this.#raft.term !== term || this.#raft.vote !== vote || this.#raft.log.committed !== commit;
  }

  /** Hands the work over; the caller must do all of it. */
  ready(): Ready {
    assert(!this.#readyOut, "ready() again before advance()"); // I1
    const raft = this.#raft;
    const softState = this.#softStateChanged() ? { leader: raft.leader, role: raft.role } : undefined;
    const hardState = this.#hardStateChanged() ? raft.hardState : undefined;
    const voteChanged = raft.term !== this.#lastHardState.term || raft.vote !== this.#lastHardState.vote;
    const ready = collectReady(raft, { softState, hardState, voteChanged });

    if (softState) this.#lastSoftState = softState;
    if (hardState) this.#lastHardState = hardState;
    if (!this.#async) {
      this.#stepsOnAdvance = stepsAfterReady(raft, ready);
      this.#readyOut = true;
    }
    raft.readStates = [];
    raft.messages = [];
    raft.messagesAfterAppend = [];
    raft.log.unstable.acceptInProgress();
    const lastCommitted = ready.committedEntries.at(-1);
    if (lastCommitted)
      raft.log.acceptApplying(lastCommitted.index, entriesSizeBytes(ready.committedEntries), !this.#async);
    return ready;
  }

  /** The last `Ready` is on disk and applied. */
  advance(): void {
    assert(!this.#async, "with asynchronous storage writes the responses advance Raft");
    assert(this.#readyOut, "advance() without ready()");
    this.#readyOut = false;
    this.#durableTerm = this.#lastHardState.term;
    const steps = this.#stepsOnAdvance;
    this.#stepsOnAdvance = [];
    for (const message of steps) step(this.#raft, message);
  }

  /**
   * Heartbeats and the answers to them that came up while a `Ready` is out, to be sent at once: they promise nothing about
   * the log, so that the disk's work under way need not hold them back. None while the term itself is not on disk yet.
   */
  takeHeartbeats(): readonly Message[] {
    const raft = this.#raft;
    if (!this.#readyOut || raft.messages.length === 0 || raft.term !== this.#durableTerm) return [];
    const heartbeats = raft.messages.filter(isHeartbeat);
    if (heartbeats.length > 0) raft.messages = raft.messages.filter((message) => !isHeartbeat(message));
    return heartbeats;
  }

  /**
   * Puts an applied change in force. A change that the state machine refuses is applied with node id 0. With
   * asynchronous writes, entries up to an installed snapshot that are still queued for application must be skipped.
   * @returns the configuration as of that entry
   * @throws ConfChangeError when it does not fit the configuration; nothing is changed then
   */
  applyConfChange(change: ConfChange): ConfState {
    return applyConfChange(this.#raft, asConfChangeV2(change));
  }

  /**
   * Asks for an index at which a read is linearizable; it comes in some `Ready.readStates` with the same context, or
   * never: ask again after a timeout, with another context. Contexts must be unique among members, and not empty.
   */
  readIndex(requestContext: Uint8Array): void {
    step(this.#raft, makeMessage("MsgReadIndex", { entries: contextEntries(requestContext) }));
  }

  /** Asks the leader to hand over to `to`. Given up after one election timeout. */
  transferLeadership(to: MemberId): void {
    step(this.#raft, makeMessage("MsgTransferLeader", { from: to }));
  }

  /** Follows nobody for now, so that this member may vote at once: its leader is known to be dead. */
  forgetLeader(): void {
    forgetLeader(this.#raft);
  }

  /** A message to `id` was lost on its way. */
  reportUnreachable(id: MemberId): void {
    const member = this.#raft.role === "leader" ? this.#raft.tracker.progressOf(id) : undefined;
    if (member) handleUnreachable(member);
  }

  /** The snapshot for `id` was delivered, or not. Must be called for every MsgSnap: nothing is sent to `id` before. */
  reportSnapshot(id: MemberId, ok: boolean): void {
    const member = this.#raft.role === "leader" ? this.#raft.tracker.progressOf(id) : undefined;
    if (member) handleSnapshotStatus(member, ok);
  }

  /** Replaces the random election timeout until the next change of term or role. For drills and tests. */
  setElectionTimeout(ticks: number): void {
    assert(ticks > 0, "an election timeout has at least one tick");
    this.#raft.randomizedElectionTicks = ticks;
  }

  status(): RaftStatus {
    const raft = this.#raft;
    return {
      id: raft.id,
      ...raft.hardState,
      leader: raft.leader,
      role: raft.role,
      applied: raft.log.applied,
      lastIndex: raft.log.lastIndex(),
      leadTransferee: raft.leadTransferee,
      confState: raft.tracker.confState,
      progress: raft.role === "leader" ? raft.tracker.members.map((member) => member.status()) : [],
    };
  }
}

function isHeartbeat({ type }: Message): boolean {
  return type === "MsgHeartbeat" || type === "MsgHeartbeatResp";
}
