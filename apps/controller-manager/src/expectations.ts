// What a controller did and its informer does not show yet. Until it does (or the time is over) the controller must not
// act on what it sees: it would do the same again.
import type { Clock } from "@triarch/base";

/** After this time an expectation that was never met is forgotten: the watch may have been cut. */
const expectationMs = 30_000;

interface Expected {
  creates: number;
  readonly deletes: Set<string>;
  readonly untilMs: number;
}

export class Expectations {
  readonly #clock: Clock;
  readonly #expected = new Map<string, Expected>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param uids of the objects that are being deleted */
  expect(key: string, creates: number, uids: readonly string[]): void {
    this.#expected.set(key, { creates, deletes: new Set(uids), untilMs: this.#clock.monotonicMs() + expectationMs });
  }

  created(key: string): void {
    const expected = this.#expected.get(key);
    if (expected !== undefined) expected.creates -= 1;
  }

  deleted(key: string, uid: string): void {
    this.#expected.get(key)?.deletes.delete(uid);
  }

  satisfied(key: string): boolean {
    const expected = this.#expected.get(key);
    if (expected === undefined) return true;
    const met = expected.creates <= 0 && expected.deletes.size === 0;
    if (met || this.#clock.monotonicMs() >= expected.untilMs) {
      this.#expected.delete(key);
      return true;
    }
    return false;
  }

  forget(key: string): void {
    this.#expected.delete(key);
  }
}
