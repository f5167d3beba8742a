/**
 * Leases and the keys attached to them. Which leases exist is replicated state, changed only by applied entries
 * (`grant`, `revoke`, `checkpoint`); when one expires is decided by one lessor alone, the leader's (the primary), from
 * its own clock. What is due is proposed as a revoke and takes effect when that entry is applied.
 *
 * Invariants:
 *  I1. a key is attached to at most one lease, and only to one that exists;
 *  I2. while not primary no lease has a deadline, so none expires;
 *  I3. on promotion every lease gets its whole remaining TTL anew: a lease may live too long, never too short.
 * Source: etcd server/lease/lessor.go describes the same rules.
 */
import type { ByteString, Clock } from "@triarch/base";
import { DeadlineHeap } from "./deadline-heap.ts";
import { LeaseError } from "./errors.ts";
import { leaseRowKey, encodeLeaseRow, type LeaseRow } from "./rows.ts";

export const leaseTtlSecondsMax = 9_000_000_000;
/** A shorter TTL asked for becomes this one: an expiry must outlast an election. */
export const leaseTtlSecondsMin = 2;
/** Leases that may fall due in one second after a promotion; the rest are spread over the seconds after. */
export const revokesPerSecondMax = 1000;
/** A due lease whose revoke was not applied meanwhile comes up again after this. */
export const expiredRetryMs = 3000;
export const checkpointIntervalSeconds = 300;

export interface LessorOptions {
  readonly clock: Clock;
  readonly ttlSecondsMin?: number;
}

export interface LeaseTimes {
  /** Rounded down, at least 0; the whole TTL on a lessor that is not primary. */
  readonly remainingSeconds: number;
  readonly grantedSeconds: number;
  /** Sorted. */
  readonly keys: readonly ByteString[];
}

interface Lease {
  readonly id: bigint;
  readonly ttlSeconds: number;
  /** From the last checkpoint; 0: the whole TTL. */
  checkpointSeconds: number;
  /** Monotonic; undefined while not primary. I2 */
  expiryMs: number | undefined;
  /** The entry of the heap that counts for this lease. */
  dueMs: number | undefined;
  nextCheckpointMs: number | undefined;
  readonly keys: Set<ByteString>;
}

export class Lessor {
  readonly #clock: Clock;
  readonly #ttlSecondsMin: number;
  readonly #leases = new Map<bigint, Lease>();
  readonly #leaseOfKey = new Map<ByteString, Lease>();
  readonly #due = new DeadlineHeap();
  readonly #checkpoints = new DeadlineHeap();
  #primary = false;

  constructor(options: LessorOptions) {
    this.#clock = options.clock;
    this.#ttlSecondsMin = options.ttlSecondsMin ?? leaseTtlSecondsMin;
  }

  get isPrimary(): boolean {
    return this.#primary;
  }

  get size(): number {
    return this.#leases.size;
  }

  has(leaseId: bigint): boolean {
    return this.#leases.has(leaseId);
  }

  /** Applied on every member. @throws LeaseError "leaseExists" | "leaseTtlTooLarge" */
  grant(request: { readonly id: bigint; readonly ttlSeconds: number }): {
    readonly ttlSeconds: number;
    readonly row: LeaseRow;
  } {
    const { id } = request;
    if (request.ttlSeconds > leaseTtlSecondsMax) {
      throw new LeaseError({ code: "leaseTtlTooLarge", ttlSeconds: request.ttlSeconds });
    }
    if (this.#leases.has(id)) throw new LeaseError({ code: "leaseExists", leaseId: id });
    const ttlSeconds = Math.max(request.ttlSeconds, this.#ttlSecondsMin);
    const lease = this.#add({ id, ttlSeconds, checkpointSeconds: 0 });
    if (this.#primary) this.#extend(lease, this.#clock.monotonicMs() + ttlSeconds * 1000);
    return { ttlSeconds, row: encodeLeaseRow({ id, ttlSeconds, checkpointSeconds: 0 }) };
  }

  /**
   * Applied on every member. The caller deletes `keys` from the store in one transaction and the row `rowKey`.
   * @throws LeaseError "leaseNotFound"
   */
  revoke(leaseId: bigint): { readonly keys: readonly ByteString[]; readonly rowKey: Uint8Array } {
    const lease = this.#get(leaseId);
    const keys = [...lease.keys].sort();
    for (const key of keys) this.#leaseOfKey.delete(key);
    this.#leases.delete(leaseId);
    return { keys, rowKey: leaseRowKey(leaseId) };
  }

  /** Applied on every member: notes what is left of a long lease, for the next primary. Unknown leases are passed over. */
  checkpoint(leaseId: bigint, remainingSeconds: number): LeaseRow | undefined {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined) return undefined;
    lease.checkpointSeconds = remainingSeconds;
    if (this.#primary) this.#scheduleCheckpoint(lease);
    return encodeLeaseRow({ id: leaseId, ttlSeconds: lease.ttlSeconds, checkpointSeconds: remainingSeconds });
  }

  /**
   * Starts the TTL anew; the primary only.
   * @returns `clearCheckpoint`: propose a checkpoint of 0, or the next primary would cut the lease short
   * @throws LeaseError "leaseNotFound" (also when it is due) | "notPrimary"
   */
  renew(leaseId: bigint): { readonly ttlSeconds: number; readonly clearCheckpoint: boolean } {
    if (!this.#primary) throw new LeaseError({ code: "notPrimary" });
    const lease = this.#get(leaseId);
    const nowMs = this.#clock.monotonicMs();
    if (lease.expiryMs !== undefined && lease.expiryMs <= nowMs)
      throw new LeaseError({ code: "leaseNotFound", leaseId });
    const clearCheckpoint = lease.checkpointSeconds > 0;
    lease.checkpointSeconds = 0;
    this.#extend(lease, nowMs + lease.ttlSeconds * 1000);
    return { ttlSeconds: lease.ttlSeconds, clearCheckpoint };
  }

  /** @returns undefined when there is no such lease, or it is due on the primary */
  timeToLive(leaseId: bigint): LeaseTimes | undefined {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined) return undefined;
    const remainingMs = this.#remainingMs(lease);
    if (remainingMs <= 0) return undefined;
    const keys = [...lease.keys].sort();
    return { remainingSeconds: Math.floor(remainingMs / 1000), grantedSeconds: lease.ttlSeconds, keys };
  }

  /** As applied entries have attached them, in no order; whatever the time is. Empty when there is no such lease. */
  keysOf(leaseId: bigint): readonly ByteString[] {
    return [...(this.#leases.get(leaseId)?.keys ?? [])];
  }

  /** Soonest to expire first. */
  leaseIds(): readonly bigint[] {
    return [...this.#leases.values()]
      .sort((left, right) => this.#remainingMs(left) - this.#remainingMs(right) || (left.id < right.id ? -1 : 1))
      .map(({ id }) => id);
  }

  /** Attaches the key to this lease instead of any other. */
  attach(leaseId: bigint, key: ByteString): void {
    const lease = this.#get(leaseId);
    this.detach(key);
    lease.keys.add(key);
    this.#leaseOfKey.set(key, lease);
  }

  detach(key: ByteString): void {
    const lease = this.#leaseOfKey.get(key);
    if (lease === undefined) return;
    lease.keys.delete(key);
    this.#leaseOfKey.delete(key);
  }

  /**
   * This member leads now: every lease starts its remaining TTL anew. I3
   * @param extensionMs added to each: the time an election may have taken
   */
  promote(extensionMs: number): void {
    this.#primary = true;
    this.#due.clear();
    this.#checkpoints.clear();
    const nowMs = this.#clock.monotonicMs() + extensionMs;
    const leases = [...this.#leases.values()].sort((left, right) => wholeSeconds(left) - wholeSeconds(right));
    // No second gets more revokes than can be applied in it: the overflow moves on to the next.
    let windowSeconds = -1;
    let inWindow = 0;
    for (const lease of leases) {
      const seconds = wholeSeconds(lease);
      if (seconds > windowSeconds) {
        windowSeconds = seconds;
        inWindow = 0;
      } else if (inWindow === revokesPerSecondMax) {
        windowSeconds += 1;
        inWindow = 0;
      }
      inWindow += 1;
      this.#extend(lease, nowMs + windowSeconds * 1000);
    }
  }

  /** Another member leads: nothing expires here any more. I2 */
  demote(): void {
    this.#primary = false;
    this.#due.clear();
    this.#checkpoints.clear();
    for (const lease of this.#leases.values()) {
      lease.expiryMs = undefined;
      lease.dueMs = undefined;
      lease.nextCheckpointMs = undefined;
    }
  }

  /**
   * Leases to propose a revoke for, at most `leasesMax`; each comes up again after `expiredRetryMs` if it is still
   * there. Empty while not primary.
   */
  takeExpired(leasesMax: number): readonly bigint[] {
    const nowMs = this.#clock.monotonicMs();
    const expired: bigint[] = [];
    for (let top = this.#due.peek(); top !== undefined && expired.length < leasesMax; top = this.#due.peek()) {
      if (top.deadlineMs > nowMs) break;
      this.#due.pop();
      const lease = this.#leases.get(top.leaseId);
      if (lease?.dueMs !== top.deadlineMs) continue;
      expired.push(lease.id);
      lease.dueMs = nowMs + expiredRetryMs;
      this.#due.push({ leaseId: lease.id, deadlineMs: lease.dueMs });
    }
    return expired;
  }

  /** Long leases whose remaining TTL should be proposed as a checkpoint, at most `leasesMax`. */
  takeCheckpoints(leasesMax: number): readonly { readonly id: bigint; readonly remainingSeconds: number }[] {
    const nowMs = this.#clock.monotonicMs();
    const taken: { id: bigint; remainingSeconds: number }[] = [];
    for (
      let top = this.#checkpoints.peek();
      top !== undefined && taken.length < leasesMax;
      top = this.#checkpoints.peek()
    ) {
      if (top.deadlineMs > nowMs) break;
      this.#checkpoints.pop();
      const lease = this.#leases.get(top.leaseId);
      if (lease?.nextCheckpointMs !== top.deadlineMs) continue;
      lease.nextCheckpointMs = undefined;
      const remainingMs = this.#remainingMs(lease);
      if (remainingMs > 0) taken.push({ id: lease.id, remainingSeconds: Math.ceil(remainingMs / 1000) });
    }
    return taken;
  }

  /** Replaces everything by stored leases; attachments follow from the store's rows. Not primary afterwards. */
  restore(
    leases: Iterable<{ readonly id: bigint; readonly ttlSeconds: number; readonly checkpointSeconds: number }>,
  ): void {
    this.#leases.clear();
    this.#leaseOfKey.clear();
    this.demote();
    for (const lease of leases) this.#add(lease);
  }

  #add(init: Pick<Lease, "id" | "ttlSeconds" | "checkpointSeconds">): Lease {
    const lease: Lease = {
      id: init.id,
      ttlSeconds: Math.max(init.ttlSeconds, this.#ttlSecondsMin),
      checkpointSeconds: init.checkpointSeconds,
      expiryMs: undefined,
      dueMs: undefined,
      nextCheckpointMs: undefined,
      keys: new Set(),
    };
    this.#leases.set(lease.id, lease);
    return lease;
  }

  #get(leaseId: bigint): Lease {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined) throw new LeaseError({ code: "leaseNotFound", leaseId });
    return lease;
  }

  #remainingMs(lease: Lease): number {
    return lease.expiryMs === undefined ? wholeSeconds(lease) * 1000 : lease.expiryMs - this.#clock.monotonicMs();
  }

  #extend(lease: Lease, expiryMs: number): void {
    lease.expiryMs = expiryMs;
    lease.dueMs = expiryMs;
    this.#due.push({ leaseId: lease.id, deadlineMs: expiryMs });
    this.#scheduleCheckpoint(lease);
    this.#dropStaleDeadlines();
  }

  #scheduleCheckpoint(lease: Lease): void {
    if (lease.ttlSeconds <= checkpointIntervalSeconds) return;
    lease.nextCheckpointMs = this.#clock.monotonicMs() + checkpointIntervalSeconds * 1000;
    this.#checkpoints.push({ leaseId: lease.id, deadlineMs: lease.nextCheckpointMs });
  }

  /** Renewals leave old entries behind; past four for each lease the heaps are built anew. */
  #dropStaleDeadlines(): void {
    const entriesMax = 4 * this.#leases.size + 1024;
    if (this.#due.size + this.#checkpoints.size <= entriesMax) return;
    this.#due.clear();
    this.#checkpoints.clear();
    for (const { id, dueMs, nextCheckpointMs } of this.#leases.values()) {
      if (dueMs !== undefined) this.#due.push({ leaseId: id, deadlineMs: dueMs });
      if (nextCheckpointMs !== undefined) this.#checkpoints.push({ leaseId: id, deadlineMs: nextCheckpointMs });
    }
  }
}

function wholeSeconds(lease: Lease): number {
  return lease.checkpointSeconds > 0 ? lease.checkpointSeconds : lease.ttlSeconds;
}
