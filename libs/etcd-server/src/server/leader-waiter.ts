import type { Clock } from "@triarch/base";
import { EtcdServerError, type EtcdServerFailure } from "./errors.ts";

interface Waiting {
  readonly deadlineMs: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Writes that wait until this member knows a leader. Nothing of them was proposed: they may go on, or end unharmed. */
export class LeaderWaiter {
  readonly #clock: Clock;
  #waiting: Waiting[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** @throws EtcdServerError "noLeader" past the deadline | "stopped" */
  known(deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ deadlineMs, resolve, reject }));
  }

  /** There is a leader again. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) one.resolve();
  }

  /** To be called now and then. */
  expire(): void {
    const now = this.#clock.monotonicMs();
    this.#reject((one) => one.deadlineMs <= now, { code: "noLeader" });
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
