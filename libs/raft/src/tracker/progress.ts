/**
 * What a leader knows about one member's log, and how fast it may send.
 *
 * - probe: one append at a time until the point where the logs agree is found.
 * - replicate: appends go out optimistically, `next` runs ahead of `match`, bounded by the in-flight window.
 * - snapshot: the member needs a snapshot; nothing is sent until it has it.
 *
 * I1. match < next. I2. A snapshot is pending exactly in state snapshot.
 */
import type { ProgressState, ProgressStatus } from "../status.ts";
import type { MemberId } from "../types.ts";
import type { Inflights } from "./inflights.ts";

export class Progress {
  readonly id: MemberId;
  /** Highest index known to be in the member's stable log. */
  match = 0;
  /** Index of the next entry to send. */
  next: number;
  state: ProgressState = "probe";
  isLearner: boolean;
  /** Heard from since the last quorum check. A new member counts as heard, so that adding it costs no leadership. */
  recentActive = true;
  pendingSnapshot = 0;
  /** Set after a probe or when the window is full; cleared by an acknowledgement or a heartbeat's answer. */
  appendsPaused = false;
  readonly inflights: Inflights;
  /** Highest commit index in a message sent to the member. */
  #sentCommit = 0;

  constructor(id: MemberId, options: { next: number; isLearner: boolean; inflights: Inflights }) {
    this.id = id;
    this.next = options.next;
    this.isLearner = options.isLearner;
    this.inflights = options.inflights;
  }

  /** Forgets what an earlier leadership knew. */
  restart(match: number, next: number): void {
    this.#enter("probe");
    this.match = match;
    this.next = next;
    this.recentActive = false;
    this.#sentCommit = 0;
  }

  becomeProbe(): void {
    // A snapshot that was delivered is a better guess than `match`.
    const next = Math.max(this.match, this.state === "snapshot" ? this.pendingSnapshot : 0) + 1;
    this.#enter("probe");
    this.next = next;
    this.#regressSentCommit();
  }

  becomeReplicate(): void {
    this.#enter("replicate");
    this.next = this.match + 1;
  }

  becomeSnapshot(index: number): void {
    this.#enter("snapshot");
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.#sentCommit = index;
  }

  #enter(state: ProgressState): void {
    this.state = state;
    this.appendsPaused = false;
    this.pendingSnapshot = 0;
    this.inflights.reset();
  }

  get paused(): boolean {
    return this.state === "snapshot" || this.appendsPaused;
  }

  /** Records an append that was sent: `count` entries with `bytes` of payload. */
  sentEntries(count: number, bytes: number): void {
    if (this.state === "replicate") {
      if (count > 0) {
        this.next += count;
        this.inflights.add(this.next - 1, bytes);
      }
      this.appendsPaused = this.inflights.full;
    } else if (count > 0) {
      this.appendsPaused = true;
    }
  }

  sentCommit(index: number): void {
    this.#sentCommit = index;
  }

  /** Would sending `commitIndex` now tell the member more than what is already under way? */
  canBumpCommit(commitIndex: number): boolean {
    return commitIndex > this.#sentCommit && this.#sentCommit < this.next - 1;
  }

  /** @returns false for an acknowledgement that says nothing new */
  acknowledge(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.appendsPaused = false;
    return true;
  }

  /**
   * Steps back after the member refused an append that followed `rejected`.
   * @param hint the highest index at which the logs may agree
   * @returns false when the refusal is stale
   */
  reject(rejected: number, hint: number): boolean {
    if (this.state === "replicate") {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
    } else {
      if (this.next - 1 !== rejected) return false;
      this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
      this.appendsPaused = false;
    }
    this.#regressSentCommit();
    return true;
  }

  #regressSentCommit(): void {
    this.#sentCommit = Math.min(this.#sentCommit, this.next - 1);
  }

  status(): ProgressStatus {
    return {
      id: this.id,
      state: this.state,
      match: this.match,
      next: this.next,
      isLearner: this.isLearner,
      paused: this.paused,
      pendingSnapshot: this.pendingSnapshot,
      recentActive: this.recentActive,
      inflightCount: this.inflights.count,
      inflightFull: this.inflights.full,
    };
  }
}
