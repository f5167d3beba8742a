import type { Timers } from "./timers.ts";

interface Waiter {
  readonly revision: number;
  readonly settle: (reached: boolean) => void;
}

/** Reads that wait until a cache has reached a revision. */
export class RevisionWaiters {
  readonly #timers: Timers;
  #waiters: Waiter[] = [];
  #revision = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** @returns whether the revision was reached within `timeoutMs` */
  wait(revision: number, timeoutMs: number): Promise<boolean> {
    if (this.#revision >= revision) return Promise.resolve(true);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        revision,
        settle: (reached) => {
          cancel();
          resolve(reached);
        },
      };
      const cancel = this.#timers.after(timeoutMs, () => {
        this.#waiters = this.#waiters.filter((one) => one !== waiter);
        resolve(false);
      });
      this.#waiters.push(waiter);
    });
  }

  reached(revision: number): void {
    this.#revision = revision;
    if (this.#waiters.length === 0) return;
    const ready = this.#waiters.filter((waiter) => waiter.revision <= revision);
    if (ready.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.revision > revision);
    for (const waiter of ready) waiter.settle(true);
  }

  giveUp(): void {
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) waiter.settle(false);
  }
}
