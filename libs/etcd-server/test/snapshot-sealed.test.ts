import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { systemClock, utf8, utf8Text, type Clock } from "@triarch/base";
import { createRegistry } from "@triarch/telemetry";
import {
  encodeSchedule,
  lastSnapshotKey,
  restoreIntoDataDir,
  snapshotScheduleKey,
  type EtcdServer,
  type LastSnapshot,
  type SnapshotSchedule,
} from "../src/index.ts";
import { LocalCluster, nextLook } from "./local-cluster.ts";

t.setTimeout(60_000);

/** The wall clock only; leases and timeouts go on as ever. */
class SteppedClock implements Clock {
  stepMs = 0;

  nowMs(): number {
    return Date.UTC(2026, 10, 21) + this.stepMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }
}

async function set(server: EtcdServer, schedule: SnapshotSchedule | undefined): Promise<void> {
  await server.put({ key: utf8(snapshotScheduleKey), value: encodeSchedule(schedule) });
}

/** The result of a run, once there is one from `atMs` or later. */
async function resultFrom(server: EtcdServer, atMs: number): Promise<LastSnapshot> {
  for (;;) {
    const { kvs } = await server.range({ key: utf8(lastSnapshotKey), serializable: true });
    const last = kvs[0] === undefined ? undefined : (JSON.parse(utf8Text(kvs[0].value)) as LastSnapshot);
    if (last !== undefined && last.atMs >= atMs) return last;
    await nextLook();
  }
}

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
  await set(server, schedule);
  const good = await resultFrom(server, clock.nowMs());
  t.match(good, { file: /\.db\.sealed$/ });
  t.notOk(readFileSync(good.file ?? "").includes("distinctive"));
  const into = { dataDir: join(dir, "restored"), members: [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }] };
  const restore = { ...into, file: good.file ?? "", clusterToken: "other" };
  await t.rejects(restoreIntoDataDir(restore), /--key-file/);
  await restoreIntoDataDir({ ...restore, keyFile });

  await set(server, { ...schedule, keyFile: join(dir, "none") });
  clock.stepMs += 20_000;
  const bad = await resultFrom(server, clock.nowMs());
  t.match(bad, { error: /key file cannot be read/, goodAtMs: good.atMs });
  const metrics = await registry.metrics();
  t.match(metrics, /triarch_store_snapshot_last_ok\{[^}]*\} 0/);
  t.match(metrics, new RegExp(`triarch_store_snapshot_last_success_timestamp_seconds\\{[^}]*\\} ${good.atMs / 1000}`));
  t.equal(readdirSync(schedule.directory).length, 1);
  await cluster.close();
});
