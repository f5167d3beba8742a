/** Replay what fails here: npm run simulate -- --seed N --trace */
import { availableParallelism } from "node:os";
import t from "tap";
import { runSeeds } from "./runner.ts";
import { simulate } from "./simulation.ts";

const seedCount = 200;
const timeoutMs = 500_000;
t.setTimeout(timeoutMs);

t.test(`${seedCount} seeds keep every promise and reach every fault`, { timeout: timeoutMs }, async (t) => {
  const jobs = availableParallelism();
  const result = await runSeeds({ from: 1, seeds: seedCount, jobs, onProgress: () => undefined });
  t.equal(result.violation, undefined, "no violation");
  if (result.violation === undefined) t.strictSame(result.missing, [], "nothing that never happened");
  t.comment(`${result.seedsRun} seeds, ${result.events} events`);
});

t.test("a seed gives the same run again, whatever ran between; another seed another run", async (t) => {
  const first = await simulate(7);
  const other = await simulate(8);
  const again = await simulate(7);
  t.strictSame(again, first);
  t.not(other.digest, first.digest);
});
