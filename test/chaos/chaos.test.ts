// A short run of `npm run chaos`: every kind of fault that this machine allows.
import t from "tap";
import { overlapMin, runChaos } from "./chaos.ts";

const seed = Number(process.env["SEED"] ?? 20_261_121);

/** On a busy machine starting alone takes a minute. */
t.setTimeout(400_000);

t.test("clients and watchers see one store while members die, stop and are cut off", async (t) => {
  const report = await runChaos({ durationMs: 25_000, seed });
  t.comment(JSON.stringify({ ...report, breaches: undefined }));
  t.same(report.breaches, [], `seed ${seed}`);
  t.equal(report.linearizability, "linearizable");
  t.ok(report.overlap >= overlapMin, `${(report.overlap * 100).toFixed(0)} % of the operations overlapped`);
  t.ok(report.operations > 100, `${report.operations} operations`);
  t.ok(Object.keys(report.faults).length >= 3, "several kinds of faults");
});
