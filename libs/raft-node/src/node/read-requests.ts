/**
 * ReadIndex, batched: all reads that wait share one request, and one request is under way at a time. A request that gets
 * no answer, or whose leader is gone, is made again; reading twice does no harm.
 */
import { equalBytes } from "@triarch/base";
import type { Clock, Rng } from "@triarch/base";
import type { MemberId, ReadState } from "@triarch/raft";
import { RaftNodeError } from "../types.ts";

interface WaitingRead {
  readonly deadlineMs: number;
  readonly resolve: (index: number) => void;
  readonly reject: (error: Error) => void;
}

export class ReadRequests {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #retryMs: number;
  readonly #memberId: MemberId;
  /** Never repeats, also not what an earlier process of this member used. */
  #counter: number;
  #waiting: WaitingRead[] = [];
  #underWay: { readonly context: Uint8Array; readonly sentMs: number; readonly reads: WaitingRead[] } | undefined;

  constructor(options: {
    readonly clock: Clock;
    readonly rng: Rng;
    readonly memberId: MemberId;
    readonly timeoutMs: number;
    readonly retryMs: number;
  }) {
    this.#clock = options.clock;
    this.#memberId = options.memberId;
    this.#timeoutMs = options.timeoutMs;
    this.#retryMs = options.retryMs;
    this.#counter = options.rng.int(2 ** 32) * 2 ** 20;
  }

  /** Reads wait and no request is under way. */
  get canAsk(): boolean {
    return this.#waiting.length > 0 && this.#underWay === undefined;
  }

  /** @throws RaftNodeError "noLeader" | "timeout" | "stopped" */
  read(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ deadlineMs: this.#clock.monotonicMs() + this.#timeoutMs, resolve, reject });
    });
  }

  /** @returns the context to ask Raft with, if it is time to ask */
  next(leader: MemberId): Uint8Array | undefined {
    if (this.#underWay !== undefined || this.#waiting.length === 0 || leader === 0n) return undefined;
    const context = new Uint8Array(16);
    const view = new DataView(context.buffer);
    view.setBigUint64(0, this.#memberId);
    view.setBigUint64(8, BigInt((this.#counter += 1)));
    this.#underWay = { context, sentMs: this.#clock.monotonicMs(), reads: this.#waiting };
    this.#waiting = [];
    return context;
  }

  answered(states: readonly ReadState[]): void {
    for (const { index, requestContext } of states) {
      if (this.#underWay === undefined || !equalBytes(this.#underWay.context, requestContext)) continue;
      const { reads } = this.#underWay;
      this.#underWay = undefined;
      for (const read of reads) read.resolve(index);
    }
  }

  /** What is under way may have been asked of a leader that is none any more. */
  leaderChanged(): void {
    if (this.#underWay === undefined) return;
    this.#waiting = [...this.#underWay.reads, ...this.#waiting];
    this.#underWay = undefined;
  }

  /** To be called with every tick. */
  expire(leader: MemberId): void {
    const now = this.#clock.monotonicMs();
    if (this.#underWay !== undefined && now - this.#underWay.sentMs >= this.#retryMs) this.leaderChanged();
    if (this.#waiting[0] === undefined || this.#waiting[0].deadlineMs > now) return;
    const failure = leader === 0n ? "noLeader" : "timeout";
    const error = new RaftNodeError(failure, `no read index for ${this.#timeoutMs} ms`);
    const due = this.#waiting.filter((read) => read.deadlineMs <= now);
    this.#waiting = this.#waiting.filter((read) => read.deadlineMs > now);
    for (const read of due) read.reject(error);
  }

  failAll(error: RaftNodeError): void {
    this.leaderChanged();
    const reads = this.#waiting;
    this.#waiting = [];
    for (const read of reads) read.reject(error);
  }
}
