// Power lost on three members' disks, and kill -9, a few times each; `*.long.ts` do it for longer.
import { randomInt } from "node:crypto";
import t from "tap";
import { needsLoopDisks } from "./disks.ts";
import { runPowerLoss } from "./runs.ts";

const timeoutMs = 170_000;
t.setTimeout(2 * timeoutMs);

t.test("power is lost under load: nothing acknowledged is missing", { skip: await needsLoopDisks() }, async (t) => {
  const run = await runPowerLoss({ kind: "power", rounds: 2, seed: randomInt(1_000_000), timeoutMs });
  t.equal(run.violation, undefined, `seed ${run.seed}`, run);
  t.equal(run.rounds, 2);
  t.comment(`seed ${run.seed}: ${run.acknowledged} writes acknowledged`);
});

t.test("members are killed under load: nothing acknowledged is missing", async (t) => {
  const run = await runPowerLoss({ kind: "kill", rounds: 10, seed: randomInt(1_000_000), timeoutMs });
  t.equal(run.violation, undefined, `seed ${run.seed}`, run);
  t.ok(run.rounds >= 10, `${run.rounds} kills`);
  t.comment(`seed ${run.seed}: ${run.acknowledged} writes acknowledged`);
});
