/** Delayed calls, passed in so that tests decide when time passes. Each returns what cancels it. */
export interface Timers {
  after(delayMs: number, run: () => void): () => void;
  /** In a later turn of the event loop: gives way to input and output between slices of long work. */
  soon(run: () => void): () => void;
}

export const systemTimers: Timers = {
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (run) => {
    const immediate = setImmediate(run);
    return () => clearImmediate(immediate);
  },
};

/** Resolves true after `delayMs`, or false at once when the signal aborts. */
export function pause(timers: Timers, delayMs: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const abort = (): void => {
      cancel();
      resolve(false);
    };
    const cancel = timers.after(delayMs, () => {
      signal.removeEventListener("abort", abort);
      resolve(true);
    });
    signal.addEventListener("abort", abort, { once: true });
  });
}
