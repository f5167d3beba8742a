import type { Clock } from "@triarch/base";
import { EtcdServerError, type EtcdServerFailure } from "./errors.ts";

interface Waiting {
  readonly index: number;
  readonly deadlineMs: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Reads that wait until this member has applied the log up to an index. Bounded by the requests under way. */
export class AppliedWaiter {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #applied = 0;
  #waiting: Waiting[] = [];

  constructor(options: { readonly clock: Clock; readonly timeoutMs: number }) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
  }

  get applied(): number {
    return this.#applied;
  }

  /** @throws EtcdServerError "timeout" | "stopped" */
  async reached(index: number): Promise<void> {
    if (index <= this.#applied) return;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ index, deadlineMs: this.#clock.monotonicMs() + this.#timeoutMs, resolve, reject });
    });
  }

  advance(applied: number): void {
    if (applied <= this.#applied) return;
    this.#applied = applied;
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (one.index <= applied) one.resolve();
      else this.#waiting.push(one);
    }
  }

  /** To be called now and then. */
  expire(): void {
    const now = this.#clock.monotonicMs();
    this.#reject((one) => one.deadlineMs <= now, { code: "timeout", cause: "appliedIndex" });
  }

  failAll(failure: EtcdServerFailure): void {
    this.#reject(() => true, failure);
  }

  #reject(which: (one: Waiting) => boolean, failure: EtcdServerFailure): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (which(one)) one.reject(new EtcdServerError(failure));
      else this.#waiting.push(one);
    }
  }
}
