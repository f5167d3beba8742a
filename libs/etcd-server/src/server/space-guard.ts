/**
 * How full a member's disk may get, as decisions without effects. Two things can run short: the quota on the database's
 * files, and the file system itself, on which deletes, compactions and the log must still find room (the headroom).
 *
 * Invariants:
 *  I1. the alarm is raised at the quota, and taken back only when the size has stayed below `clearFraction` of it for
 *      `clearHoldMs`: at the edge it does not flap;
 *  I2. an early warning comes once each time that `warnFraction` is passed.
 */
import type { Clock } from "@triarch/base";
import type { PutRequestInit, RequestOpInit, TxnRequestInit } from "@triarch/etcd-proto";

/** Source of the costs: etcd server/storage/quota.go. */
const leaseCostBytes = 64;
const putOverheadBytes = 256;

/** Of the quota: the early warning, and where the alarm is taken back. */
export const warnFraction = 0.8;
export const clearFraction = 0.9;
export const clearHoldMs = 5_000;
/** Free space on the file system that is kept for deletes and compaction: this, or a twentieth of a small one. */
export const headroomBytesMax = 64 * 1024 * 1024;
const headroomFraction = 0.05;

export interface SpaceReading {
  /** Of the database's files. */
  readonly databaseBytes: number;
  /** Of the file system that they are on. */
  readonly freeBytes: number;
  readonly diskBytes: number;
}

export type SpaceVerdict =
  | { readonly kind: "fine" }
  /** Soon writes will be refused. */
  | { readonly kind: "warn" }
  /** This member's alarm is to be raised: what ran short. */
  | { readonly kind: "raise"; readonly short: "quota" | "disk" }
  /** There is room again: this member's alarm is to be taken back. */
  | { readonly kind: "clear" };

export class SpaceGuard {
  readonly quotaBytes: number;
  readonly #clock: Clock;
  #reading: SpaceReading | undefined;
  #roomSinceMs: number | undefined;
  #warned = false;

  constructor(options: { readonly quotaBytes: number; readonly clock: Clock }) {
    this.quotaBytes = options.quotaBytes;
    this.#clock = options.clock;
  }

  /** What was measured last; undefined before the first time. */
  get reading(): SpaceReading | undefined {
    return this.#reading;
  }

  /** True from the early warning on until the size is below it again. */
  get isWarning(): boolean {
    return this.#warned;
  }

  /**
   * @param unflushedBytes applied since, not yet in the files
   * @returns whether a write of `costBytes` still fits below the quota; before the first measurement any does
   */
  admits(costBytes: number, unflushedBytes: number): boolean {
    if (this.#reading === undefined) return true;
    return this.#reading.databaseBytes + unflushedBytes + costBytes < this.quotaBytes && !diskShort(this.#reading, 1);
  }

  /** @param raised this member's alarm is up */
  measured(reading: SpaceReading, raised: boolean): SpaceVerdict {
    this.#reading = reading;
    const { quotaBytes } = this;
    const overQuota = reading.databaseBytes >= quotaBytes;
    if (overQuota || diskShort(reading, 1)) {
      this.#roomSinceMs = undefined;
      return raised ? { kind: "fine" } : { kind: "raise", short: overQuota ? "quota" : "disk" };
    }
    if (raised) return { kind: this.#hasRoom(reading) ? "clear" : "fine" };
    this.#roomSinceMs = undefined;
    const near = reading.databaseBytes >= warnFraction * quotaBytes;
    const verdict: SpaceVerdict = { kind: near && !this.#warned ? "warn" : "fine" }; // I2
    this.#warned = near;
    return verdict;
  }

  /** I1 */
  #hasRoom(reading: SpaceReading): boolean {
    if (reading.databaseBytes >= clearFraction * this.quotaBytes || diskShort(reading, 2)) {
      this.#roomSinceMs = undefined;
      return false;
    }
    const nowMs = this.#clock.monotonicMs();
    this.#roomSinceMs ??= nowMs;
    return nowMs - this.#roomSinceMs >= clearHoldMs;
  }
}

function diskShort({ freeBytes, diskBytes }: SpaceReading, times: number): boolean {
  return freeBytes < times * Math.min(headroomBytesMax, headroomFraction * diskBytes);
}

export function costOfPut({ key, value }: PutRequestInit): number {
  return putOverheadBytes + (key?.length ?? 0) + (value?.length ?? 0);
}

/** Of the branch that costs more; nothing for a transaction without puts. */
export function costOfTxn({ success, failure }: TxnRequestInit): number {
  const costOf = ({ requestPut, requestTxn }: RequestOpInit): number => {
    if (requestPut !== undefined) return costOfPut(requestPut);
    return requestTxn === undefined ? 0 : costOfTxn(requestTxn);
  };
  const sum = (operations: readonly RequestOpInit[] | undefined): number =>
    (operations ?? []).reduce((total, operation) => total + costOf(operation), 0);
  return Math.max(sum(success), sum(failure));
}

export const costOfLease = leaseCostBytes;
