/**
 * Simulated time: a queue of events, run one after the other. Everything that an event sets going (promises of the code
 * under test) comes to rest before the next one, because each runs in a turn of its own of the real event loop. No real
 * timer, socket or file is behind any of it, so one seed gives one run.
 */
import { seededRng } from "@triarch/base";
import type { Rng } from "@triarch/base";
import { EventQueue } from "./event-queue.ts";
import type { ScheduledEvent } from "./event-queue.ts";

export interface Violation {
  readonly checker: string;
  readonly text: string;
  readonly atMs: number;
}

export class World {
  readonly rng: Rng;
  readonly #queue = new EventQueue();
  readonly #onTrace: ((line: string) => void) | undefined;
  #nowMs = 0;
  #digest = 0x811c9dc5;
  #violation: Violation | undefined;
  eventCount = 0;

  constructor(seed: number, onTrace?: (line: string) => void) {
    this.rng = seededRng(Math.imul(seed, 0x9e3779b1));
    this.#onTrace = onTrace;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Of everything that was traced: two runs of one seed must agree. */
  get digest(): string {
    return (this.#digest >>> 0).toString(16).padStart(8, "0");
  }

  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** @returns for `cancel` */
  after(delayMs: number, run: () => void): ScheduledEvent {
    return this.#queue.push(this.#nowMs + delayMs, run);
  }

  /** The first one counts; the run ends with the event that it happened in. */
  violate(checker: string, text: string): void {
    if (this.#violation !== undefined) return;
    this.#violation = { checker, text, atMs: this.#nowMs };
    this.trace(`VIOLATION ${checker}: ${text}`);
  }

  /** Enters the digest, and is shown if somebody wants to see it. */
  trace(line: string): void {
    let digest = this.#digest;
    for (let i = 0; i < line.length; i++) digest = Math.imul(digest ^ line.charCodeAt(i), 0x01000193);
    this.#digest = Math.imul(digest ^ Math.round(this.#nowMs * 1000), 0x01000193);
    this.#onTrace?.(`${this.#nowMs.toFixed(3).padStart(10)} ${line}`);
  }

  /** Runs until `done` says so after an event, until `untilMs`, or until there is a violation. @returns did `done` say so */
  run(untilMs: number, done: () => boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          if (this.#violation !== undefined) return resolve(false);
          if (done()) return resolve(true);
          const event = this.#queue.pop(untilMs);
          if (event === undefined) {
            this.#nowMs = untilMs;
            return resolve(false);
          }
          this.#nowMs = event.atMs;
          this.eventCount += 1;
          event.run();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        setImmediate(turn);
      };
      setImmediate(turn);
    });
  }

  /** Uniform in [from, to). */
  between(from: number, to: number): number {
    return from + this.rng.next() * (to - from);
  }

  chance(probability: number): boolean {
    return this.rng.next() < probability;
  }

  /** @returns undefined only for an empty list */
  pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.rng.int(items.length)];
  }
}
