/**
 * Long reading that nobody waits for by the millisecond (HashKV, snapshots) must not keep the loop from its peers. All
 * such work of a member together takes at most half of the time: after each slice comes a rest as long as the slice, and
 * slices of several pieces of work take turns. A slice counts with what it waited for, so that its disk rests too.
 */
import type { Clock, Timers } from "@triarch/base";
import type { Pause } from "@triarch/mvcc";

/** What one slice is counted as at most: a piece of work that waited for its client has not worked all that time. */
const sliceMsMax = 50;

export class BackgroundWork {
  readonly #clock: Clock;
  readonly #timers: Pick<Timers, "after">;
  /** When all the rests due so far are over. */
  #restedMs = 0;

  constructor(options: { readonly clock: Clock; readonly timers: Pick<Timers, "after"> }) {
    this.#clock = options.clock;
    this.#timers = options.timers;
  }

  /** A piece of work begins its first slice. @returns to be awaited between its slices */
  begin(): Pause {
    let begunMs = this.#clock.monotonicMs();
    return async () => {
      const nowMs = this.#clock.monotonicMs();
      this.#restedMs = Math.max(this.#restedMs, nowMs) + Math.min(nowMs - begunMs, sliceMsMax);
      await this.#rest(this.#restedMs - nowMs);
      begunMs = this.#clock.monotonicMs();
    };
  }

  #rest(restMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#timers.after(restMs, resolve);
    });
  }
}
