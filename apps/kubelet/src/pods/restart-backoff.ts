// Delays between restarts (CrashLoopBackOff) and pulls (ImagePullBackOff): 10 s, doubling to 300 s; a failure 10 minutes or
// more after the last one starts over. Kept in memory, as the kubelet of Kubernetes does.
import type { Clock } from "@triarch/base";

export const backoffFirstMs = 10_000;
export const backoffMaxMs = 300_000;
/** Quiet time after which a failure counts as the first. */
export const backoffResetMs = 600_000;

interface Entry {
  readonly delayMs: number;
  readonly failedAtMs: number;
}

export class RestartBackoff {
  readonly #clock: Clock;
  readonly #freeFailures: 0 | 1;
  readonly #entries = new Map<string, Entry>();

  /** @param freeFailures failures that cost nothing: a container's first restart is immediate */
  constructor(clock: Clock, freeFailures: 0 | 1) {
    this.#clock = clock;
    this.#freeFailures = freeFailures;
  }

  /** Counts one failure at `failedAtMs`; telling the same one again changes nothing. */
  fail(key: string, failedAtMs: number): void {
    const known = this.#entries.get(key);
    if (known !== undefined && known.failedAtMs >= failedAtMs) return;
    const fresh = known === undefined || failedAtMs - known.failedAtMs > backoffResetMs;
    const grown = Math.min(backoffMaxMs, Math.max(backoffFirstMs, (known?.delayMs ?? 0) * 2));
    const delayMs = fresh ? (this.#freeFailures === 1 ? 0 : backoffFirstMs) : grown;
    this.#entries.set(key, { delayMs, failedAtMs });
  }

  /** When the next try may be made; undefined: now. */
  waitUntilMs(key: string): number | undefined {
    const known = this.#entries.get(key);
    if (known === undefined) return undefined;
    const untilMs = known.failedAtMs + known.delayMs;
    return untilMs > this.#clock.nowMs() ? untilMs : undefined;
  }

  /** The delay that follows the last failure; 0 without one. */
  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }
}
