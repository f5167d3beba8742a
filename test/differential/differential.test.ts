// At least 20,000 requests to a real etcd and to ours, every answer compared. `SEED` or `npm run differential` repeat it.
import t from "tap";
import { runDifferential } from "./differential.ts";
import { shrink } from "./shrink.ts";
import { stepText, type Step } from "./steps.ts";
import { skipWithoutEtcd } from "./targets.ts";

const requests = Number(process.env["REQUESTS"] ?? 20_000);
const seed = Number(process.env["SEED"] ?? 20_261_121);

t.setTimeout(530_000);

t.test("the same requests get the same answers", { skip: skipWithoutEtcd }, async (t) => {
  const { failure, coverage, ...counts } = await runDifferential({ requests, seed });
  t.comment(`seed ${seed}: ${counts.requests} requests in ${counts.programs} programs`);
  for (const [name, count] of counts.allowed) t.comment(`${count} allowed differences: ${name}`);
  const found =
    failure === undefined
      ? ""
      : `${failure.program}, ${failure.target}\n${failure.difference}\n${failure.shrunk.map(stepText).join("\n")}`;
  t.equal(found, "", "no answer differs");
  if (failure !== undefined) return;
  t.ok(counts.requests >= requests, `${counts.requests} requests`);
  t.same(coverage.missing(), [], "every option and every reachable error text was reached");
  t.same(coverage.wrongly(), [], "what is called unreachable was not reached");
});

t.test("a failing program is cut down to the steps that it needs", async (t) => {
  const steps = Array.from({ length: 100 }, (_, watcher): Step => ({ kind: "cancel", stream: 0, watcher }));
  const needed = [17, 18, 63];
  const fails = async (candidate: readonly Step[]): Promise<boolean> =>
    needed.every((one) => candidate.some((step) => step.kind === "cancel" && step.watcher === one));
  const shrunk = await shrink(steps, fails);
  t.same(
    shrunk,
    steps.filter((_step, i) => needed.includes(i)),
  );
});
