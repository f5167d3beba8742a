import { assert } from "@triarch/base";
import { AuthError } from "@triarch/etcd-auth";
import { AlarmAction, AlarmType, InternalRaftRequest } from "@triarch/etcd-proto";
import { LeaseError } from "@triarch/lease";
import { MvccError } from "@triarch/mvcc";
import type { ConfState, Entry } from "@triarch/raft";
import type { LogPosition } from "@triarch/raft-node";
import { applyMemberChange, loggedChangeOf } from "../members/member-changes.ts";
import { applyRequest, type ApplyResult, type ReplicatedState } from "./applier.ts";
import type { AppliedWaiter } from "./applied-waiter.ts";
import type { BucketRow } from "@triarch/store-level";
import type { AppliedPosition, Flusher } from "./flusher.ts";
import { EtcdServerError, ofLessor } from "./errors.ts";
import { pause } from "./pause.ts";
import type { PendingProposals } from "./pending-proposals.ts";

/**
 * Takes committed entries into memory, in log order, batch by batch: effects, answers to this member's own proposals,
 * events to watchers, then progress; the rows go to the flusher. At once, but for entries that concern many keys: such
 * a one is a batch of its own, applied in slices with turns of the event loop between them, and what comes after it
 * waits here. It waits by reference: the log holds the entries anyway.
 *
 * Invariants:
 *  I1. each entry takes effect once: entries at or below the applied index are passed over;
 *  I2. the rows of a batch and its last index are made durable together, after everything before them;
 *  I3. events of a batch are offered to watchers before anyone is told that its index is applied, but for those of an
 *      entry that concerns many keys: they are offered in slices, and until then the watches say that they are behind;
 *  I4. between slices everything reads as before the entry that they belong to.
 */
export class StateMachine {
  readonly state: ReplicatedState;
  readonly #flusher: Flusher;
  readonly #pending: PendingProposals;
  readonly #applied: AppliedWaiter;
  readonly #onCompacted: () => void;
  readonly #onCorruptAlarm: (memberId: bigint, index: number) => void;
  readonly #onFailed: (error: unknown) => void;
  readonly #onWatchersBehind: () => void;
  /** The first is under way. */
  readonly #work: Work[] = [];
  #pausing: Promise<void> | undefined;
  #closed = false;
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
    /** A later slice of an entry failed, as `apply` fails by throwing. */
    readonly onFailed: (error: unknown) => void;
    /** Events of a long entry are to be offered, in slices. */
    readonly onWatchersBehind: () => void;
  }) {
    this.state = options.state;
    this.#flusher = options.flusher;
    this.#pending = options.pending;
    this.#applied = options.applied;
    this.#onCompacted = options.onCompacted;
    this.#onCorruptAlarm = options.onCorruptAlarm;
    this.#onFailed = options.onFailed;
    this.#onWatchersBehind = options.onWatchersBehind;
    this.#position = options.position;
    this.#applied.advance(options.position.index);
  }

  /** Index and term of the last entry that took effect. */
  get position(): AppliedPosition {
    return this.#position;
  }

  apply(entries: readonly Entry[], end: LogPosition): void {
    this.#do(this.#applyEntries(entries, end));
  }

  /** Raft has taken the change of membership in `entry`; `confState` is in force from there on. */
  changeMembers(confState: ConfState, entry: Entry, onChanged: () => void = () => undefined): void {
    this.#do(inOneStep(() => this.#changeMembers(confState, entry, onChanged)));
  }

  /** Resolves when all that was given before is applied, or never will be because this is closed. */
  async idle(): Promise<void> {
    while (this.#pausing !== undefined) await this.#pausing;
  }

  /** What is not applied by now is left to the log. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pausing;
  }

  #do(work: Work): void {
    this.#work.push(work);
    if (this.#work.length === 1) this.#run();
  }

  #run(): void {
    for (let work = this.#work[0]; work !== undefined && !this.#closed; work = this.#work[0]) {
      if (work.next().done !== true) {
        this.#pausing = this.#continue();
        return;
      }
      this.#work.shift();
    }
    this.#pausing = undefined;
  }

  async #continue(): Promise<void> {
    await pause();
    try {
      this.#run();
    } catch (error) {
      this.#closed = true;
      this.#pausing = undefined;
      this.#onFailed(error);
    }
  }

  *#applyEntries(entries: readonly Entry[], end: LogPosition): Generator<undefined, void, undefined> {
    let rows: BucketRow[] = [];
    let last: LogPosition = this.#position;
    for (const entry of entries) {
      if (entry.index <= this.#position.index) continue; // I1
      const request = InternalRaftRequest.decode(entry.data);
      try {
        const begun = applyRequest(this.state, request, entry.index);
        if ("rows" in begun) {
          this.#answer(entry, request, begun);
          for (const row of begun.rows) rows.push(row);
        } else {
          this.#advance(last, rows);
          rows = [];
          const applied = yield* begun;
          this.#answer(entry, request, applied);
          this.#advance(entry, applied.rows);
        }
      } catch (error) {
        this.#refuse(request, error);
      }
      last = entry;
    }
    this.#advance(end, rows);
  }

  #changeMembers(confState: ConfState, entry: Entry, onChanged: () => void): void {
    if (entry.index <= this.#position.index) return; // I1
    const logged = loggedChangeOf(entry);
    const rows = applyMemberChange(this.state.membership, logged, confState);
    this.#advance(entry, rows);
    this.#pending.resolve(logged.requestId, undefined);
    onChanged();
  }

  /** Entries without effect here (a new leader's first) move the position too. */
  #advance(end: LogPosition, rows: readonly BucketRow[]): void {
    if (end.index <= this.#position.index) return;
    assert(end.term >= this.#position.term, `entry ${end.index} is of term ${end.term}, after ${this.#position.term}`);
    this.#position = { index: end.index, term: end.term, revision: this.state.mvcc.revision };
    this.#flusher.add(rows, this.#position); // I2
    this.#deliverEvents(); // I3
    // Whatever of an earlier term was not applied by now never will be.
    this.#pending.termApplied(end.term);
    this.#applied.advance(end.index);
  }

  #deliverEvents(): void {
    if (this.state.mvcc.deliverEvents()) this.#onWatchersBehind();
  }

  /** Adds rows that no log entry brought (a compaction's deletes), behind everything applied so far. */
  addRows(rows: readonly BucketRow[]): void {
    this.#flusher.add(rows, this.#position);
  }

  /** The state was replaced by a snapshot. */
  restart(position: AppliedPosition): void {
    this.#position = position;
    this.#deliverEvents();
    this.#pending.stateReplaced();
    this.#applied.advance(position.index);
  }

  #answer(entry: Entry, request: InternalRaftRequest, { answer }: ApplyResult): void {
    this.#pending.resolve(idOf(request), answer);
    if (request.compaction !== undefined) this.#onCompacted();
    const { alarm } = request;
    if (alarm?.alarm === AlarmType.corrupt && alarm.action === AlarmAction.activate) {
      this.#onCorruptAlarm(alarm.memberId, entry.index);
    }
  }

  /** Refusals are answers too. Anything else is a bug, and going on would let members drift apart. */
  #refuse(request: InternalRaftRequest, error: unknown): void {
    const refusal = error instanceof LeaseError ? ofLessor(error) : error;
    if (!(refusal instanceof MvccError || refusal instanceof AuthError || refusal instanceof EtcdServerError)) {
      throw error;
    }
    this.#pending.reject(idOf(request), refusal);
  }
}

/** One step for each slice. */
interface Work {
  next(): { readonly done?: boolean | undefined };
}

function inOneStep(run: () => void): Work {
  return { next: () => (run(), { done: true }) };
}

function idOf(request: InternalRaftRequest): bigint {
  return request.header?.id ?? request.id;
}
