import type { WorkQueue } from "./types.ts";

/** Back-off of `addRateLimited`: doubling per failure of the key. */
const retryFirstMs = 5;
const retryMaxMs = 1_000_000;

/**
 * Invariants: a key waits at most once; it is never with two workers at a time; added while worked on, it comes again.
 * Unbounded by nature: its keys are bounded by the objects they name.
 */
export function createWorkQueue(): WorkQueue {
  const waiting = new Set<string>();
  const active = new Set<string>();
  const again = new Set<string>();
  const failures = new Map<string, number>();
  const timers = new Map<string, { readonly timer: NodeJS.Timeout; readonly atMs: number }>();
  const takers: ((key: string | undefined) => void)[] = [];
  let stopped = false;

  function hand(): void {
    while (takers.length > 0) {
      const [key] = waiting;
      if (key === undefined) {
        if (stopped) for (const taker of takers.splice(0)) taker(undefined);
        return;
      }
      waiting.delete(key);
      active.add(key);
      takers.shift()?.(key);
    }
  }

  const queue: WorkQueue = {
    add(key) {
      if (stopped) return;
      if (active.has(key)) again.add(key);
      else waiting.add(key);
      hand();
    },
    addAfter(key, delayMs) {
      if (stopped) return;
      const atMs = performance.now() + delayMs;
      const known = timers.get(key);
      if (known !== undefined && known.atMs <= atMs) return; // an earlier one is on its way
      if (known !== undefined) clearTimeout(known.timer);
      const timer = setTimeout(
        () => {
          timers.delete(key);
          queue.add(key);
        },
        Math.min(delayMs, 2 ** 31 - 1),
      );
      timers.set(key, { timer, atMs });
    },
    addRateLimited(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      queue.addAfter(key, Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(count, 30)));
    },
    forget(key) {
      failures.delete(key);
    },
    next() {
      return new Promise((resolve) => {
        takers.push(resolve);
        hand();
      });
    },
    done(key) {
      active.delete(key);
      if (again.delete(key)) queue.add(key);
    },
    get length() {
      return waiting.size;
    },
    shutDown() {
      stopped = true;
      for (const { timer } of timers.values()) clearTimeout(timer);
      timers.clear();
      hand();
    },
  };
  return queue;
}

/**
 * Hands keys to `handler`, `concurrency` at a time, until the queue shuts down. A handler that throws gets its key again,
 * later each time; one that returns a number gets it again after that many milliseconds.
 */
export async function runWorkers(
  queue: WorkQueue,
  options: {
    readonly concurrency: number;
    readonly handler: (key: string) => Promise<number | void>;
    readonly onError: (key: string, error: unknown) => void;
  },
): Promise<void> {
  const work = async (): Promise<void> => {
    for (let key = await queue.next(); key !== undefined; key = await queue.next()) {
      try {
        const againAfterMs = await options.handler(key);
        queue.forget(key);
        if (typeof againAfterMs === "number") queue.addAfter(key, againAfterMs);
      } catch (error) {
        options.onError(key, error);
        queue.addRateLimited(key);
      } finally {
        queue.done(key);
      }
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
}
