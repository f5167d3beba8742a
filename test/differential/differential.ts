// The differential run: the same programs on a real etcd and on ours, every answer compared.
//
// The stores do not wait for each other: each goes through the programs at its own pace, and transcripts are compared
// when both are there. Program i follows from seed + i, so `--seed` repeats a run and a failure names its own seed.
import fc from "fast-check";
import { GrpcError, grpcCodes } from "@triarch/etcd-grpc";
import { program } from "./arbitraries.ts";
import { compareTranscripts, type Difference } from "./compare.ts";
import { Coverage } from "./coverage.ts";
import { runProgram, type Transcript } from "./run-program.ts";
import { scripts } from "./scripts.ts";
import { shrink } from "./shrink.ts";
import type { Program } from "./steps.ts";
import { startEtcd, startOurs, type Target } from "./targets.ts";

export interface DifferentialOptions {
  /** At least so many requests go to etcd. */
  readonly requests: number;
  readonly seed: number;
  readonly onProgress?: (requests: number) => void;
}

export interface Failure {
  readonly program: string;
  readonly target: string;
  readonly difference: string;
  /** The shortest program found that still shows a difference. */
  readonly shrunk: Program;
}

export interface DifferentialReport {
  readonly requests: number;
  readonly programs: number;
  readonly allowed: ReadonlyMap<string, number>;
  readonly coverage: Coverage;
  readonly failure: Failure | undefined;
}

const stepsPerProgram = 300;
/** Three members take every so manieth random program: each of their writes costs three. */
const programsPerThree = 3;

/** Times that a program is run when the store says that it is unavailable. */
const attemptsMax = 4;

interface NamedProgram {
  readonly name: string;
  readonly program: Program;
}

export async function runDifferential(options: DifferentialOptions): Promise<DifferentialReport> {
  const started = await Promise.allSettled([startEtcd(), startOurs(1), startOurs(3)]);
  const targets = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  try {
    const failed = started.find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    const [etcd, ...ours] = targets;
    if (etcd === undefined) throw new Error("etcd did not start");
    return await new DifferentialRun(options, etcd, ours).run();
  } finally {
    await Promise.all(targets.map((target) => target.close()));
  }
}

class DifferentialRun {
  readonly #options: DifferentialOptions;
  readonly #etcd: Target;
  readonly #ours: readonly Target[];
  readonly #named = Object.entries(scripts).map(([name, steps]): NamedProgram => ({ name, program: steps }));
  /** etcd's transcripts; ours are dropped when they are compared. */
  readonly #expected: PromiseWithResolvers<Transcript>[] = [];
  readonly #allowed = new Map<string, number>();
  readonly #coverage = new Coverage();
  #requests = 0;
  #programs = Infinity;
  #failure: { readonly index: number; readonly target: Target; readonly difference: Difference } | undefined;

  constructor(options: DifferentialOptions, etcd: Target, ours: readonly Target[]) {
    this.#options = options;
    this.#etcd = etcd;
    this.#ours = ours;
  }

  async run(): Promise<DifferentialReport> {
    await Promise.all([this.#runEtcd(), ...this.#ours.map((target) => this.#runOurs(target))]);
    return {
      requests: this.#requests,
      programs: this.#programs,
      allowed: this.#allowed,
      coverage: this.#coverage,
      failure: await this.#explained(),
    };
  }

  async #runEtcd(): Promise<void> {
    let index = 0;
    try {
      for (; this.#wanted(index); index++) {
        const transcript = await runProgram(this.#etcd, this.#program(index).program, index);
        for (const line of transcript.lines) this.#coverage.add(line);
        this.#requests += transcript.lines.length;
        this.#options.onProgress?.(this.#requests);
        this.#expectedAt(index).resolve(transcript);
      }
    } catch (error) {
      throw new Error(`${this.#program(index).name}: ${this.#etcd.broken() ?? String(error)}`, { cause: error });
    } finally {
      this.#programs = index;
    }
  }

  #wanted(index: number): boolean {
    if (this.#failure !== undefined) return false;
    return index < this.#named.length || this.#requests < this.#options.requests;
  }

  async #runOurs(target: Target): Promise<void> {
    for (let index = 0; index < this.#programs && this.#failure === undefined; index++) {
      const random = index - this.#named.length;
      if (random >= 0 && target.connections.length > 1 && random % programsPerThree !== 0) continue;
      const difference = await this.#compare(target, index);
      if (difference !== undefined) this.#failure ??= { index, target, difference };
    }
  }

  async #compare(target: Target, index: number): Promise<Difference | undefined> {
    const expected = this.#expectedAt(index).promise;
    let got: Transcript;
    try {
      got = await this.#runUndisturbed(target, index);
    } catch (error) {
      return { text: target.broken() ?? String(error) };
    }
    if (index >= this.#programs) return undefined;
    return compareTranscripts(await expected, got, (name) =>
      this.#allowed.set(name, (this.#allowed.get(name) ?? 0) + 1),
    );
  }

  /** An election, which a machine that is too busy can bring about, says nothing about answers: once more, then. */
  async #runUndisturbed(target: Target, index: number): Promise<Transcript> {
    for (let attempt = 1; ; attempt++) {
      const last = attempt === attemptsMax;
      try {
        const transcript = await runProgram(target, this.#program(index).program, index);
        if (last || !transcript.lines.some((line) => line.answer["code"] === grpcCodes.unavailable)) return transcript;
      } catch (error) {
        const passing = error instanceof GrpcError && error.code === grpcCodes.unavailable;
        if (last || !passing || target.broken() !== undefined) throw error;
      }
    }
  }

  #expectedAt(index: number): PromiseWithResolvers<Transcript> {
    const expected = (this.#expected[index] ??= Promise.withResolvers<Transcript>());
    return expected;
  }

  #program(index: number): NamedProgram {
    const named = this.#named[index];
    if (named !== undefined) return named;
    const seed = this.#options.seed + index - this.#named.length;
    return {
      name: `random program of seed ${seed}`,
      program: fc.sample(program(stepsPerProgram), { seed, numRuns: 1 })[0] ?? [],
    };
  }

  async #explained(): Promise<Failure | undefined> {
    if (this.#failure === undefined) return undefined;
    const { index, target, difference } = this.#failure;
    const { name, program: steps } = this.#program(index);
    const stillDiffers = async (candidate: Program): Promise<boolean> => {
      const [expected, got] = await Promise.all([
        runProgram(this.#etcd, candidate, index),
        runProgram(target, candidate, index),
      ]);
      return compareTranscripts(expected, got, () => undefined) !== undefined;
    };
    const shrunk = target.broken() === undefined ? await shrink(steps, stillDiffers) : steps;
    return { program: name, target: target.name, difference: difference.text, shrunk };
  }
}
