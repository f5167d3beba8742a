import type { Clock } from "@triarch/base";

const memberBits = 16n;
const timeBits = 40n;
const counterBits = 8n;

/**
 * Ids that no other member and no later run of this one gives out: 16 bits of the member id, 40 bits of the start
 * time in milliseconds, 8 bits that count (and carry into the time: a run would have to hold 256 requests per
 * millisecond from its first on to reach a later run's ids). Source: etcd pkg/idutil.
 */
export class RequestIds {
  readonly #prefix: bigint;
  #suffix: bigint;

  constructor(memberId: bigint, clock: Clock) {
    this.#prefix = BigInt.asUintN(Number(memberBits), memberId) << (timeBits + counterBits);
    this.#suffix = BigInt.asUintN(Number(timeBits), BigInt(Math.floor(clock.nowMs()))) << counterBits;
  }

  next(): bigint {
    this.#suffix = BigInt.asUintN(Number(timeBits + counterBits), this.#suffix + 1n);
    return this.#prefix | this.#suffix;
  }
}
