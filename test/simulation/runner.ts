/** Runs many seeds in processes of their own, and adds up what they reached. The first violation ends it. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { Coverage } from "./cluster/coverage.ts";
import type { RunResult } from "./simulation.ts";

/** A run that takes longer goes round in circles. */
const seedTimeoutMs = 180_000;
/** Every so-many-th seed is run a second time, and must do the same. */
const repeatEvery = 50;

export interface SeedViolation {
  readonly checker: string;
  readonly seed: number;
  readonly atMs: number;
  readonly text: string;
}

export interface SeedsResult {
  readonly violation: SeedViolation | undefined;
  readonly seedsRun: number;
  readonly events: number;
  readonly coverage: Readonly<Record<string, number>>;
  readonly missing: readonly string[];
}

export interface SeedsOptions {
  readonly from: number;
  readonly seeds: number;
  readonly jobs: number;
  readonly onProgress: (done: number, total: number) => void;
}

export async function runSeeds({ from, seeds, jobs, onProgress }: SeedsOptions): Promise<SeedsResult> {
  const coverage = new Coverage();
  const violations: SeedViolation[] = [];
  let next = from;
  let seedsRun = 0;
  let events = 0;
  const take = (result: RunResult, second: RunResult | undefined): void => {
    const { seed, violation, digest } = result;
    seedsRun += 1;
    events += result.events;
    coverage.addAll(result.coverage);
    onProgress(seedsRun, seeds);
    if (violation !== undefined) violations.push({ ...violation, seed });
    else if (second !== undefined && second.digest !== digest) {
      const text = `two runs differ: digests ${digest} and ${second.digest}`;
      violations.push({ checker: "replay", seed, atMs: 0, text });
    }
  };
  const work = async (): Promise<void> => {
    const worker = new Worker();
    try {
      while (violations.length === 0 && next < from + seeds) {
        const seed = next++;
        const result = await worker.run(seed);
        const repeats = result.violation === undefined && seed % repeatEvery === 0;
        take(result, repeats ? await worker.run(seed) : undefined);
      }
    } finally {
      worker.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, seeds) }, work));
  const violation = violations.sort((left, right) => left.seed - right.seed)[0];
  return { violation, seedsRun, events, coverage: coverage.toJSON(), missing: coverage.missing };
}

/** A process that runs one seed at a time; replaced when it dies. */
class Worker {
  #child: ChildProcess | undefined;

  /** A process that dies or does not end counts as a violation. */
  async run(seed: number): Promise<RunResult> {
    const child = (this.#child ??= fork(join(import.meta.dirname, "worker.ts"), { stdio: ["ignore", 2, 2, "ipc"] }));
    const outcome = await new Promise<RunResult | string>((resolve) => {
      const timer = setTimeout(() => resolve(`the run does not end within ${seedTimeoutMs / 1000} s`), seedTimeoutMs);
      const ended = (code: number | null): void => resolve(`the process of the run ended with ${code ?? "a signal"}`);
      child.once("exit", ended);
      child.once("message", (message) => {
        clearTimeout(timer);
        child.off("exit", ended);
        resolve(message as RunResult);
      });
      child.send(seed);
    });
    if (typeof outcome !== "string") return outcome;
    this.close();
    const violation = { checker: "memberSurvives", text: outcome, atMs: 0 };
    return { seed, violation, digest: "", events: 0, simulatedMs: 0, coverage: {} };
  }

  close(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }
}
