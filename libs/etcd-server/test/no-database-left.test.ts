import { renameSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { ManualClock, utf8, type Timers } from "@triarch/base";
import { silentLogger } from "@triarch/telemetry";
import { memberDataDir } from "../src/index.ts";
import { reseed } from "../src/server/reseed.ts";
import { LocalCluster } from "./local-cluster.ts";

t.setTimeout(60_000);
const names = ["m1", "m2", "m3"];

t.test("when every database is gone all members say so and wait, until one has its own again", async (t) => {
  const cluster = await LocalCluster.start(t, 3);
  await (await cluster.leader()).server.put({ key: utf8("/a"), value: utf8("1") });
  await Promise.all(names.map((name) => cluster.member(name).server.readBarrier()));
  const ids = names.map((name) => cluster.idOf(name));
  await Promise.all(names.map((name) => cluster.stop(name)));
  const database = (name: string): string => join(cluster.dir(name), "member/db");
  for (const name of names) renameSync(database(name), `${database(name)}.aside`);

  const callOff = new AbortController();
  const waiting: string[] = [];
  const starts = names.map((name) => {
    const told = Promise.withResolvers<void>();
    const started = cluster.startMember(name, {
      ...(name === "m1" ? { signal: callOff.signal } : {}),
      onWaiting: (reason) => {
        waiting.push(reason);
        told.resolve();
      },
    });
    return { told: told.promise, started };
  });
  await Promise.all(starts.map(({ told }) => told));
  t.strictSame(waiting, Array(3).fill("there is a log and no database"));

  callOff.abort();
  await t.rejects(Promise.resolve(starts[0]?.started), /called off/);
  renameSync(`${database("m1")}.aside`, database("m1"));
  await cluster.startMember("m1");
  await Promise.all(starts.slice(1).map(({ started }) => started));
  for (const [i, name] of names.entries()) {
    const { server, memberId } = cluster.member(name);
    t.equal(memberId, ids[i]);
    t.equal((await server.range({ key: utf8("/a") })).count, 1, name);
  }
});

t.test("a member that waits says every ten seconds what people can do", async (t) => {
  const cluster = await LocalCluster.start(t, 1);
  const { memberId, clusterId } = cluster.member("m1");
  await cluster.stop("m1");
  const lines: (readonly [fields: unknown, text: string])[] = [];
  const error = (fields: unknown, text: string): void => void lines.push([fields, text]);
  const logger = new Proxy(silentLogger, {
    get: (target, name) => (name === "error" ? error : (Reflect.get(target, name) as unknown)),
  });
  const clock = new ManualClock();
  let tick = (): void => void t.fail("nobody waits");
  let isCancelled = false;
  const timers: Pick<Timers, "every"> = {
    every: (intervalMs, run) => {
      t.equal(intervalMs, 10_000);
      tick = run;
      return { cancel: () => void (isCancelled = true) };
    },
  };
  const callOff = new AbortController();
  const waiting = reseed({
    dir: memberDataDir(cluster.dir("m1")),
    mark: { reason: "there is a log and no database", minIndex: 0, preferred: "" },
    peers: [{ id: 7n, url: "http://127.0.0.1:1" }],
    peerTls: undefined,
    ...{ memberId, clusterId, logger, clock, timers, signal: callOff.signal },
  });
  clock.advance(10_000);
  tick();
  const [fields, text] = lines[0] ?? [];
  t.match(fields, { reason: "there is a log and no database", waitedSeconds: 10 });
  t.match(text, /no member has given its state yet.*If all members say this.*triarch snapshot restore/);
  callOff.abort();
  await t.rejects(waiting, /called off/);
  t.equal(isCancelled, true);
});
