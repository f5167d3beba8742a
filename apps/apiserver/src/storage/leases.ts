// Leases for objects that go by themselves (events). One lease serves all objects written within a minute, so that the
// store keeps few of them; an object may therefore live that much longer than asked, never shorter.
import type { Clock } from "@triarch/base";

/** A lease is shared by the objects written this long after it was granted, … */
export const leaseReuseMs = 60_000;
/** … but by no more than this many; then the next is granted. */
export const leaseObjectsMax = 1_000;

interface SharedLease {
  readonly id: Promise<bigint>;
  readonly grantedAtMs: number;
  objects: number;
}

export class SharedLeases {
  readonly #clock: Clock;
  readonly #grant: (ttlSeconds: number) => Promise<bigint>;
  /** By time to live: a handful of different ones. */
  readonly #current = new Map<number, SharedLease>();

  constructor(clock: Clock, grant: (ttlSeconds: number) => Promise<bigint>) {
    this.#clock = clock;
    this.#grant = grant;
  }

  /** A lease that lives at least `ttlSeconds` from now. */
  async lease(ttlSeconds: number): Promise<bigint> {
    const now = this.#clock.monotonicMs();
    const reuseMs = Math.min(leaseReuseMs, ttlSeconds * 1000 * 0.05);
    let shared = this.#current.get(ttlSeconds);
    if (shared === undefined || now - shared.grantedAtMs > reuseMs || shared.objects >= leaseObjectsMax) {
      shared = { id: this.#grant(ttlSeconds + Math.ceil(reuseMs / 1000)), grantedAtMs: now, objects: 0 };
      this.#current.set(ttlSeconds, shared);
    }
    shared.objects += 1;
    try {
      return await shared.id;
    } catch (error) {
      if (this.#current.get(ttlSeconds) === shared) this.#current.delete(ttlSeconds);
      throw error;
    }
  }

  /** The store does not know the lease any more. */
  forget(ttlSeconds: number): void {
    this.#current.delete(ttlSeconds);
  }
}
