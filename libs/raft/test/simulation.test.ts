/** Replay one run: TRIARCH_RAFT_SEED=17 node simulation.test.ts */
import t from "tap";
import { Simulation } from "./simulation.ts";
import type { SimulationOptions } from "./simulation.ts";

const seedsPerKind = 40;
const replay = process.env["TRIARCH_RAFT_SEED"];
const seeds = replay === undefined ? Array.from({ length: seedsPerKind }, (_, i) => i + 1) : [Number(replay)];

const kinds: readonly { name: string; options: Omit<SimulationOptions, "seed"> }[] = [
  { name: "plain", options: { members: 3, steps: 4000, changesMembership: false } },
  {
    name: "pre-vote and check-quorum",
    options: { members: 5, steps: 4000, changesMembership: false, preVote: true, checkQuorum: true },
  },
  {
    name: "as the driver configures it: readers vouch for the leader",
    options: {
      ...{ members: 3, steps: 4000, changesMembership: false },
      ...{ preVote: true, checkQuorum: true, readersVouch: true },
    },
  },
  {
    name: "asynchronous storage writes",
    options: { members: 3, steps: 4000, changesMembership: false, asyncStorageWrites: true },
  },
  {
    name: "narrow bounds",
    options: {
      members: 3,
      steps: 4000,
      changesMembership: false,
      maxSizePerMsg: 20,
      maxInflightMsgs: 2,
      maxCommittedSizePerReady: 20,
    },
  },
  {
    name: "membership",
    options: {
      ...{ members: 3, steps: 6000, changesMembership: true },
      ...{ preVote: true, checkQuorum: true, readersVouch: true },
    },
  },
  {
    name: "membership, asynchronous",
    options: { members: 3, steps: 6000, changesMembership: true, asyncStorageWrites: true },
  },
];

for (const { name, options } of kinds) {
  t.test(name, (t) => {
    let applied = 0;
    let reads = 0;
    for (const seed of seeds) {
      const simulation = new Simulation({ ...options, seed });
      try {
        simulation.run();
      } catch (error) {
        t.fail(`${name}, seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        break;
      }
      applied += simulation.appliedCount;
      reads += simulation.readReplies;
    }
    t.comment(`${applied} entries applied, ${reads} reads answered`);
    t.ok(applied > seeds.length * 10, "the runs get things done");
    t.ok(reads > seeds.length, "reads are answered");
    t.end();
  });
}
