import { setTimeout as delay } from "node:timers/promises";

/** Time between two looks. */
const lookIntervalMs = 100;

/**
 * Looks again and again until `look` gives something other than undefined; what it throws counts as not yet.
 * @throws Error naming `what` and the last failure after `timeoutMs`
 */
export async function until<T>(what: string, timeoutMs: number, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last = "nothing was seen";
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s for ${what}; last: ${last}`);
    await delay(lookIntervalMs);
  }
}
