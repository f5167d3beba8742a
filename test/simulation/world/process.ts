/**
 * One life of a member's process: its clock, its timers, and the gate through which everything outside reaches it. A
 * dead process is never called again, and nothing it waits for ever ends; a paused one gets everything at its end.
 */
import type { Clock, Timer, Timers } from "@triarch/base";
import type { World } from "./world.ts";

const startOfTimeMs = Date.UTC(2026, 0, 1);
const pausedCallsMax = 100_000;

export class SimProcess implements Clock, Timers {
  readonly world: World;
  readonly memberId: bigint;
  /** Unique over the whole run. */
  readonly incarnation: number;
  readonly #onCrashPoint: (name: string) => void;
  #alive = true;
  #paused = false;
  #held: (() => void)[] = [];
  /** Crashes at the so-many-th point from now at which a crash makes a difference. */
  crashPointsLeft = Number.POSITIVE_INFINITY;

  constructor(world: World, memberId: bigint, incarnation: number, onCrashPoint: (name: string) => void) {
    this.world = world;
    this.memberId = memberId;
    this.incarnation = incarnation;
    this.#onCrashPoint = onCrashPoint;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#paused;
  }

  nowMs(): number {
    return startOfTimeMs + this.world.nowMs;
  }

  monotonicMs(): number {
    return this.world.nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    let live = true;
    const event = this.world.after(delayMs, () => {
      this.enter(() => {
        if (live) run();
      });
    });
    return {
      cancel: () => {
        live = false;
        event.cancelled = true;
      },
    };
  }

  every(intervalMs: number, run: () => void): Timer {
    let live = true;
    let timer: Timer;
    const again = (): void => {
      timer = this.after(intervalMs, () => {
        run();
        if (live) again();
      });
    };
    again();
    return {
      cancel: () => {
        live = false;
        timer.cancel();
      },
    };
  }

  nextTurn(): Promise<void> {
    return this.wait(this.world.between(0.01, 0.06));
  }

  /** Resolves later, if the process is still there. */
  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.world.after(delayMs, () => this.enter(resolve));
    });
  }

  /** Calls the process from outside. */
  enter(call: () => void): void {
    if (!this.#alive) return;
    if (!this.#paused) return call();
    if (this.#held.length >= pausedCallsMax) throw new Error(`a paused process holds ${pausedCallsMax} calls`);
    this.#held.push(call);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const call of held) this.world.after(0, () => this.enter(call));
  }

  /** A place where it matters whether the process still lives. @returns is it alive after it */
  crashPoint(name: string): boolean {
    if (this.#alive && (this.crashPointsLeft -= 1) <= 0) {
      this.crashPointsLeft = Number.POSITIVE_INFINITY;
      this.#onCrashPoint(name);
    }
    return this.#alive;
  }

  end(): void {
    this.#alive = false;
    this.#held = [];
  }
}

/** What a dead process waits for. */
export function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
