/** One wait. */
export interface Timer {
  /** Its function is not called any more. Idempotent. */
  cancel(): void;
}

/** The only way code waits for time to pass. `systemTimers` lives at the edge; a simulation passes its own. */
export interface Timers {
  /** Calls `run` once, `delayMs` from now. */
  after(delayMs: number, run: () => void): Timer;
  /** Calls `run` every `intervalMs`, first after one interval. */
  every(intervalMs: number, run: () => void): Timer;
  /** Resolves when what has arrived by now has been looked at: in the next turn of the event loop. */
  nextTurn(): Promise<void>;
}

export const systemTimers: Timers = {
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  every: (intervalMs, run) => {
    const timer = setInterval(run, intervalMs);
    return { cancel: () => clearInterval(timer) };
  },
  nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
};
