import { assert } from "@triarch/base";
import { AuthError } from "@triarch/etcd-auth";
import { AlarmAction, AlarmType, InternalRaftRequest } from "@triarch/etcd-proto";
import { LeaseError } from "@triarch/lease";
import { MvccError } from "@triarch/mvcc";
import type { ConfState, Entry } from "@triarch/raft";
import type { LogPosition } from "@triarch/raft-node";
import { applyMemberChange, loggedChangeOf } from "../members/member-changes.ts";
import { applyRequest, type ReplicatedState } from "./applier.ts";
import type { AppliedWaiter } from "./applied-waiter.ts";
import type { BucketRow } from "@triarch/store-level";
import type { AppliedPosition, Flusher } from "./flusher.ts";
import { EtcdServerError, ofLessor } from "./errors.ts";
import type { PendingProposals } from "./pending-proposals.ts";

/**
 * Takes committed entries into memory, in log order, batch by batch: effects, answers to this member's own proposals,
 * events to watchers, then progress; the rows go to the flusher. Nothing here waits.
 *
 * Invariants:
 *  I1. each entry takes effect once: entries at or below the applied index are passed over;
 *  I2. the rows of a batch and its last index are made durable together, after everything before them;
 *  I3. events of a batch are offered to watchers before anyone is told that its index is applied.
 */
export class StateMachine {
  readonly state: ReplicatedState;
  readonly #flusher: Flusher;
  readonly #pending: PendingProposals;
  readonly #applied: AppliedWaiter;
  readonly #onCompacted: () => void;
  readonly #onCorruptAlarm: (memberId: bigint, index: number) => void;
  #position: AppliedPosition;

  constructor(options: {
    readonly state: ReplicatedState;
    readonly position: AppliedPosition;
    readonly flusher: Flusher;
    readonly pending: PendingProposals;
    readonly applied: AppliedWaiter;
    /** A compaction was applied: its steps are to be run. */
    readonly onCompacted: () => void;
    /** The entry at `index` says that this member's data are not to be trusted; also when it was said before. */
    readonly onCorruptAlarm: (memberId: bigint, index: number) => void;
  }) {
    this.state = options.state;
    this.#flusher = options.flusher;
    this.#pending = options.pending;
    this.#applied = options.applied;
    this.#onCompacted = options.onCompacted;
    this.#onCorruptAlarm = options.onCorruptAlarm;
    this.#position = options.position;
    this.#applied.advance(options.position.index);
  }

  /** Index and term of the last entry that took effect. */
  get position(): AppliedPosition {
    return this.#position;
  }

  apply(entries: readonly Entry[], end: LogPosition): void {
    const rows: BucketRow[] = [];
    for (const entry of entries) {
      if (entry.index > this.#position.index) rows.push(...this.#applyEntry(entry)); // I1
    }
    this.#advance(end, rows);
  }

  /** Raft has taken the change of membership in `entry`; `confState` is in force from there on. */
  changeMembers(confState: ConfState, entry: Entry): void {
    if (entry.index <= this.#position.index) return; // I1
    const logged = loggedChangeOf(entry);
    const rows = applyMemberChange(this.state.membership, logged, confState);
    this.#advance(entry, rows);
    this.#pending.resolve(logged.requestId, undefined);
  }

  /** Entries without effect here (a new leader's first) move the position too. */
  #advance(end: LogPosition, rows: readonly BucketRow[]): void {
    if (end.index <= this.#position.index) return;
    assert(end.term >= this.#position.term, `entry ${end.index} is of term ${end.term}, after ${this.#position.term}`);
    this.#position = { index: end.index, term: end.term, revision: this.state.mvcc.revision };
    this.#flusher.add(rows, this.#position); // I2
    this.state.mvcc.deliverEvents(); // I3
    // Whatever of an earlier term was not applied by now never will be.
    this.#pending.termApplied(end.term);
    this.#applied.advance(end.index);
  }

  /** Adds rows that no log entry brought (a compaction's deletes), behind everything applied so far. */
  addRows(rows: readonly BucketRow[]): void {
    this.#flusher.add(rows, this.#position);
  }

  /** The state was replaced by a snapshot. */
  restart(position: AppliedPosition): void {
    this.#position = position;
    this.state.mvcc.deliverEvents();
    this.#applied.advance(position.index);
  }

  #applyEntry(entry: Entry): readonly BucketRow[] {
    const request = InternalRaftRequest.decode(entry.data);
    const id = request.header?.id ?? request.id;
    try {
      const { answer, rows } = applyRequest(this.state, request, entry.index);
      this.#pending.resolve(id, answer);
      if (request.compaction !== undefined) this.#onCompacted();
      const { alarm } = request;
      if (alarm?.alarm === AlarmType.corrupt && alarm.action === AlarmAction.activate) {
        this.#onCorruptAlarm(alarm.memberId, entry.index);
      }
      return rows;
    } catch (error) {
      // Refusals are answers too. Anything else is a bug, and going on would let members drift apart.
      const refusal = error instanceof LeaseError ? ofLessor(error) : error;
      if (!(refusal instanceof MvccError || refusal instanceof AuthError || refusal instanceof EtcdServerError))
        throw error;
      this.#pending.reject(id, refusal);
      return [];
    }
  }
}
