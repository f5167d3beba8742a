// Watches over one session: a ping at times, so that a client that vanished is noticed also while nothing is read from
// it, and the end of a session in which no data moved for a long time. Pings are no data.
import type { Clock, Timer, Timers } from "@triarch/base";

/** As often as kubectl pings. A peer that vanished is found by the second ping that can't be written, on each leg. */
export const pingIntervalMs = 5_000;

export class SessionWatch {
  readonly #clock: Clock;
  readonly #timer: Timer;
  #lastMoveMs: number;
  #ping: (() => void) | undefined;

  constructor(options: {
    readonly clock: Clock;
    readonly timers: Timers;
    readonly idleTimeoutMs: number;
    readonly onIdle: () => void;
  }) {
    this.#clock = options.clock;
    this.#lastMoveMs = options.clock.monotonicMs();
    this.#timer = options.timers.every(pingIntervalMs, () => {
      if (this.#clock.monotonicMs() - this.#lastMoveMs >= options.idleTimeoutMs) options.onIdle();
      else this.#ping?.();
    });
  }

  /** Data went one way or the other. */
  moved(): void {
    this.#lastMoveMs = this.#clock.monotonicMs();
  }

  /** How this session's protocol pings. */
  pingWith(ping: () => void): void {
    this.#ping = ping;
  }

  stop(): void {
    this.#timer.cancel();
  }
}
