// A test run that is interrupted while a test's cluster is up takes the cluster down and says so.
import { access } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { registeredClusters } from "../tools/test/test-clusters.ts";
import { top } from "./support/cluster.ts";
import { startProgram } from "./support/command.ts";
import { processesNaming } from "./support/machine-state.ts";
import { needsKubectl } from "./support/requirements.ts";

t.test("an interrupted test run leaves nothing behind", { skip: await needsKubectl() }, async (t) => {
  const runner = join(top, "tools", "test", "main.ts");
  const run = startProgram(process.execPath, [runner, "--no-system-packages", "--only", "test/cluster/hollow"]);
  t.teardown(() => run.signal("SIGTERM"));
  await run.waitForOutput("a hollow cluster comes up with its example", 120_000);
  const [cluster] = await registeredClusters(top);
  if (cluster === undefined) throw new Error("the test's cluster is not in the register");
  const { dataDir, folder } = cluster;
  t.not((await processesNaming(dataDir)).length, 0, "the cluster of the test runs");

  run.signal("SIGINT");
  t.equal(await run.ended(90_000), 1);
  t.match(run.output(), `a test left the cluster in ${dataDir}: taken down`);
  t.match(run.output(), "interrupted: the remaining steps were not run");
  t.match(run.output().trimEnd().split("\n").at(-1), /^\d+ passed, \d+ failed, \d+ skipped$/);
  t.same(await processesNaming(dataDir), []);
  t.same(await registeredClusters(top), []);
  await t.rejects(access(folder));
});
