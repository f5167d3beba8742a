// Fifty times power is lost under load.
import { randomInt } from "node:crypto";
import t from "tap";
import { needsLoopDisks } from "./disks.ts";
import { runPowerLoss } from "./runs.ts";

const rounds = 50;
const timeoutMs = 590_000;
t.setTimeout(timeoutMs);

t.test(
  `power is lost ${rounds} times: nothing acknowledged is missing`,
  { skip: await needsLoopDisks() },
  async (t) => {
    const run = await runPowerLoss({ kind: "power", rounds, seed: randomInt(1_000_000), timeoutMs });
    t.equal(run.violation, undefined, `seed ${run.seed}`, run);
    t.equal(run.rounds, rounds);
    t.comment(`seed ${run.seed}: ${run.acknowledged} writes acknowledged on the last disks`);
  },
);
