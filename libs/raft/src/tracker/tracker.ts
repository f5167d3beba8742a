/**
 * The configuration in force, one `Progress` per member of it, and the votes of the election under way.
 *
 * I1. `#progress` holds exactly the voters, outgoing voters and learners of `confState`.
 * I2. A progress says learner exactly when `confState.learners` holds its id. Both are made in `switchTo`.
 */
import { assert } from "@triarch/base";
import { jointCommitted, jointVote } from "../quorum/joint.ts";
import type { VoteResult } from "../quorum/majority.ts";
import { compareMembers } from "../confchange/members.ts";
import type { ConfState, MemberId } from "../types.ts";
import { emptyConfState } from "../types.ts";
import { Inflights } from "./inflights.ts";
import { Progress } from "./progress.ts";

export interface VoteTally {
  readonly granted: number;
  readonly rejected: number;
  readonly result: VoteResult;
}

export class ProgressTracker {
  readonly #inflightMsgsMax: number;
  readonly #inflightBytesMax: number;
  readonly #progress = new Map<MemberId, Progress>();
  readonly #votes = new Map<MemberId, boolean>();
  #confState: ConfState = emptyConfState;
  #members: readonly Progress[] = [];
  #incoming: readonly Progress[] = [];
  #outgoing: readonly Progress[] = [];
  /** Reused by every commit decision. */
  readonly #ackedIncoming: number[] = [];
  readonly #ackedOutgoing: number[] = [];

  constructor(bounds: { inflightMsgsMax: number; inflightBytesMax: number }) {
    this.#inflightMsgsMax = bounds.inflightMsgsMax;
    this.#inflightBytesMax = bounds.inflightBytesMax;
  }

  get confState(): ConfState {
    return this.#confState;
  }

  /** By ascending id. */
  get members(): readonly Progress[] {
    return this.#members;
  }

  get isJoint(): boolean {
    return this.#outgoing.length > 0;
  }

  get isSingleton(): boolean {
    return this.#incoming.length === 1 && this.#outgoing.length === 0;
  }

  progressOf(id: MemberId): Progress | undefined {
    return this.#progress.get(id);
  }

  /** Voters of either half, ascending. */
  voterIds(): MemberId[] {
    return this.#members.filter((member) => this.isVoter(member.id)).map((member) => member.id);
  }

  isVoter(id: MemberId): boolean {
    return this.#confState.voters.includes(id) || this.#confState.votersOutgoing.includes(id);
  }

  /**
   * Puts a configuration in force. Members that stay keep their progress unless `forgotten` names them.
   * @param lastIndex of this member's log: where a new member is probed first
   */
  switchTo(confState: ConfState, options: { lastIndex: number; forgotten: ReadonlySet<MemberId> }): void {
    for (const id of options.forgotten) this.#progress.delete(id);
    const ids = new Set([...confState.voters, ...confState.votersOutgoing, ...confState.learners]);
    for (const id of confState.learnersNext) {
      assert(confState.votersOutgoing.includes(id), `member ${id.toString()} is a next learner but no outgoing voter`);
    }
    for (const id of this.#progress.keys()) if (!ids.has(id)) this.#progress.delete(id);
    for (const id of ids) {
      const isLearner = confState.learners.includes(id);
      const held = this.#progress.get(id);
      if (held) held.isLearner = isLearner;
      else this.#progress.set(id, this.#newProgress(id, isLearner, options.lastIndex));
    }
    this.#confState = confState;
    this.#members = [...this.#progress.values()].sort((left, right) => compareMembers(left.id, right.id));
    this.#incoming = this.#members.filter((member) => confState.voters.includes(member.id));
    this.#outgoing = this.#members.filter((member) => confState.votersOutgoing.includes(member.id));
    this.#ackedIncoming.length = this.#incoming.length;
    this.#ackedOutgoing.length = this.#outgoing.length;
  }

  #newProgress(id: MemberId, isLearner: boolean, lastIndex: number): Progress {
    const inflights = new Inflights(this.#inflightMsgsMax, this.#inflightBytesMax);
    return new Progress(id, { next: Math.max(lastIndex, 1), isLearner, inflights });
  }

  /** The highest index that a quorum is known to hold. */
  committedIndex(): number {
    for (let i = 0; i < this.#incoming.length; i++) this.#ackedIncoming[i] = (this.#incoming[i] as Progress).match;
    for (let i = 0; i < this.#outgoing.length; i++) this.#ackedOutgoing[i] = (this.#outgoing[i] as Progress).match;
    return jointCommitted(this.#ackedIncoming, this.#ackedOutgoing);
  }

  /** Has a quorum been heard from since the last check? */
  quorumActive(): boolean {
    const active = (member: Progress): boolean => member.recentActive;
    return jointVote(this.#incoming.map(active), this.#outgoing.map(active)) === "won";
  }

  /** Have the members of `acked` a quorum? */
  quorumAcked(acked: ReadonlySet<MemberId>): boolean {
    const vote = (member: Progress): true | undefined => (acked.has(member.id) ? true : undefined);
    return jointVote(this.#incoming.map(vote), this.#outgoing.map(vote)) === "won";
  }

  resetVotes(): void {
    this.#votes.clear();
  }

  /** A member's first vote in an election is the one that counts. */
  recordVote(id: MemberId, granted: boolean): void {
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
  }

  tallyVotes(): VoteTally {
    let granted = 0;
    let rejected = 0;
    for (const member of this.#members) {
      const vote = member.isLearner ? undefined : this.#votes.get(member.id);
      if (vote === true) granted += 1;
      else if (vote === false) rejected += 1;
    }
    const vote = (member: Progress): boolean | undefined => this.#votes.get(member.id);
    return { granted, rejected, result: jointVote(this.#incoming.map(vote), this.#outgoing.map(vote)) };
  }
}
