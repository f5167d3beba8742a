// Two hundred times a member is killed under load.
import { randomInt } from "node:crypto";
import t from "tap";
import { runPowerLoss } from "./runs.ts";

const kills = 200;
const timeoutMs = 590_000;
t.setTimeout(timeoutMs);

t.test(`members are killed ${kills} times: nothing acknowledged is missing`, async (t) => {
  const run = await runPowerLoss({ kind: "kill", rounds: kills, seed: randomInt(1_000_000), timeoutMs });
  t.equal(run.violation, undefined, `seed ${run.seed}`, run);
  t.ok(run.rounds >= kills, `${run.rounds} kills`);
  t.comment(`seed ${run.seed}: ${run.acknowledged} writes acknowledged`);
});
