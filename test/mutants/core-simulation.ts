/**
 * `node test/mutants/core-simulation.ts SEEDS`: the Raft core alone under random events, every kind of cluster for each
 * seed; prints the first violation as `{"checker", "seed", "text"}`, or `{}`. A member that gives up on an assertion is
 * found by the checker `assertion`.
 */
import { Simulation, SimulationFailure, type SimulationOptions } from "../../libs/raft/test/simulation.ts";

const checkers: Readonly<Record<string, string>> = {
  P1: "oneLeaderPerTerm",
  P2: "stateMachineSafety",
  P3: "leaderCompleteness",
  P4: "linearizableReads",
  P5: "progress",
};

const kinds: readonly Omit<SimulationOptions, "seed">[] = [
  { members: 3, steps: 4000, changesMembership: false },
  { members: 5, steps: 4000, changesMembership: false, preVote: true, checkQuorum: true },
  { members: 3, steps: 4000, changesMembership: false, asyncStorageWrites: true },
  { members: 3, steps: 6000, changesMembership: true, preVote: true, checkQuorum: true, readersVouch: true },
];

function firstViolation(seeds: number): { checker?: string; seed?: number; text?: string } {
  for (let seed = 1; seed <= seeds; seed++) {
    for (const options of kinds) {
      try {
        new Simulation({ ...options, seed }).run();
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        const named = error instanceof SimulationFailure ? checkers[text.slice(0, 2)] : undefined;
        return { checker: named ?? "assertion", seed, text };
      }
    }
  }
  return {};
}

console.log(JSON.stringify(firstViolation(Number(process.argv[2]))));
