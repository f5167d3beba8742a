/**
 * How late a leader's heartbeats are at this follower: what is left of the election timeout's patience. A delay counts
 * time in the leader's loop, on the network and in our own loop alike.
 */
import type { MemberId } from "@triarch/raft";

export class HeartbeatDelay {
  readonly #intervalMs: number;
  readonly #report: (delayMs: number) => void;
  #leader: MemberId = 0n;
  #heardMs = 0;

  constructor(intervalMs: number, report: (delayMs: number) => void) {
    this.#intervalMs = intervalMs;
    this.#report = report;
  }

  /** A heartbeat came. The first of a leader only starts the clock. */
  heard(leader: MemberId, nowMs: number): void {
    if (leader === this.#leader) this.#report(Math.max(0, nowMs - this.#heardMs - this.#intervalMs));
    this.#leader = leader;
    this.#heardMs = nowMs;
  }
}
