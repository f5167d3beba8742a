import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import t from "tap";
import { utf8 } from "@triarch/base";
import { restoreIntoDataDir } from "../src/index.ts";
import { LocalCluster } from "./local-cluster.ts";
import { resultFrom, setSchedule, SteppedClock } from "./scheduled-snapshots.ts";

t.setTimeout(60_000);

t.test("the leader alone saves, verifies and thins out; a new leader goes on", async (t) => {
  const clock = new SteppedClock();
  const cluster = await LocalCluster.start(t, 3, { clock });
  const directory = join(t.testdirName, "backup");
  const intervalMs = 3_600_000;
  const first = await cluster.leader();
  for (let i = 0; i < 50; i++) await first.server.put({ key: utf8(`/k/${i % 20}`), value: randomBytes(500) });
  await first.server.compact({ revision: 20, physical: false });
  await setSchedule(first.server, { intervalMs, directory, keepCount: 1 });
  const one = await resultFrom(first.server, clock.nowMs());
  t.match(one, { member: first.name, revision: Number, sizeBytes: Number, goodAtMs: clock.nowMs() });
  t.equal(one.error, undefined);
  t.strictSame(readdirSync(directory).length, 1, "the others took none, and nothing else is left behind");

  await cluster.stop(first.name);
  const second = await cluster.leader();
  t.strictSame(await resultFrom(second.server, 0), one, "the next is not due yet");
  clock.stepMs += intervalMs;
  const two = await resultFrom(second.server, clock.nowMs());
  t.match(two, { member: second.name });
  t.strictSame(readdirSync(directory), [basename(two.file ?? "?")], "one is kept");

  await setSchedule(second.server, undefined);
  clock.stepMs += 10 * intervalMs;
  await setSchedule(second.server, { intervalMs, directory: join(two.file ?? "", "below"), keepCount: 1 });
  t.match(await resultFrom(second.server, clock.nowMs()), { error: /ENOTDIR/ });
  t.strictSame(readdirSync(directory), [basename(two.file ?? "?")], "nothing came or went while it was stopped");
  const restored = await restoreIntoDataDir({
    file: two.file ?? "",
    dataDir: join(t.testdirName, "restored"),
    members: [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }],
    clusterToken: "other",
  });
  t.equal(restored.snapshotRevision, two.revision);
  await cluster.close();
});
