/** The only way code asks for the time. `systemClock` lives at the edge; tests pass a `ManualClock`. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. For timestamps that people or other machines read. */
  nowMs(): number;
  /** Monotonic milliseconds from an arbitrary start. For durations and deadlines. */
  monotonicMs(): number;
}

/** A clock that only moves when told to. */
export class ManualClock implements Clock {
  #nowMs: number;
  #monotonicMs = 0;

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  advance(byMs: number): void {
    this.#nowMs += byMs;
    this.#monotonicMs += byMs;
  }
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
