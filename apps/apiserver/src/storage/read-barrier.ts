/**
 * Linearizable reads share barriers: one is under way, and all that ask meanwhile get the next one together. A read may
 * never join a barrier that began before it, or it could miss a write acknowledged in between.
 */
export class ReadBarrier {
  readonly #begin: () => Promise<number>;
  #running: Promise<void> | undefined;
  #next: Promise<number> | undefined;

  constructor(begin: () => Promise<number>) {
    this.#begin = begin;
  }

  /** @returns a revision; a state at or after it shows everything acknowledged before the call */
  wait(): Promise<number> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#start();
    });
    return this.#next;
  }

  #start(): Promise<number> {
    const barrier = this.#begin();
    const finished = (): void => {
      this.#running = undefined;
    };
    this.#running = barrier.then(finished, finished);
    return barrier;
  }
}
