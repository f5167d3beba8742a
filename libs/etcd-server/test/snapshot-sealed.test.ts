import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { utf8 } from "@triarch/base";
import { createRegistry } from "@triarch/telemetry";
import { restoreIntoDataDir } from "../src/index.ts";
import { LocalCluster } from "./local-cluster.ts";
import { resultFrom, setSchedule, SteppedClock } from "./scheduled-snapshots.ts";

t.setTimeout(60_000);

t.test("encrypted; a failure is told, and costs no older snapshot", async (t) => {
  const clock = new SteppedClock();
  const registry = createRegistry("test");
  const cluster = await LocalCluster.start(t, 1, { clock, registry });
  const dir = t.testdirName;
  const keyFile = join(dir, "key");
  writeFileSync(keyFile, randomBytes(32).toString("hex"), { mode: 0o600 });
  const { server } = await cluster.leader();
  await server.put({ key: utf8("/secret"), value: utf8("a very distinctive text") });
  const schedule = { intervalMs: 20_000, directory: join(dir, "backup"), keepCount: 5, keyFile };
  await setSchedule(server, schedule);
  const good = await resultFrom(server, clock.nowMs());
  t.match(good, { file: /\.db\.sealed$/ });
  t.notOk(readFileSync(good.file ?? "").includes("distinctive"));
  const into = { dataDir: join(dir, "restored"), members: [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }] };
  const restore = { ...into, file: good.file ?? "", clusterToken: "other" };
  await t.rejects(restoreIntoDataDir(restore), /--key-file/);
  await restoreIntoDataDir({ ...restore, keyFile });

  await setSchedule(server, { ...schedule, keyFile: join(dir, "none") });
  clock.stepMs += 20_000;
  const bad = await resultFrom(server, clock.nowMs());
  t.match(bad, { error: /key file cannot be read/, goodAtMs: good.atMs });
  const metrics = await registry.metrics();
  t.match(metrics, /triarch_store_snapshot_last_ok\{[^}]*\} 0/);
  t.match(metrics, new RegExp(`triarch_store_snapshot_last_success_timestamp_seconds\\{[^}]*\\} ${good.atMs / 1000}`));
  t.equal(readdirSync(schedule.directory).length, 1);
  await cluster.close();
});
