import t from "tap";
import { attempt, create, describe } from "./cluster-writes.ts";
import { WatchRecorder } from "./watch-recorder.ts";
import { WorkerCluster } from "./worker-cluster.ts";

t.setTimeout(60_000); // members share the machine with whatever else runs

t.test("every member serves every request", async (t) => {
  const cluster = await WorkerCluster.start(t.testdir({}), 3);
  await cluster.leader();
  for (const writer of cluster.names) {
    const key = `/by/${writer}`;
    const revision = await create(cluster.store(writer), key, writer);
    for (const reader of cluster.names) {
      const read = await cluster.store(reader).get(key);
      t.equal(read.rows[0]?.modRevision, revision, `${reader} sees at once what ${writer} wrote`);
    }
  }
  const lists = await Promise.all(cluster.names.map((name) => cluster.store(name).list("/by/")));
  t.equal(new Set(lists.map(describe)).size, 1);
  const status = await cluster.status("m2");
  t.equal(status?.members.length, 3);

  const leader = await cluster.leader();
  await cluster.store(leader).handOverLeadership();
  t.not(await cluster.leader(), leader, "leadership is handed over");
  await cluster.close();
});

t.test("the leader is killed under load: nothing acknowledged is lost, watches go on", async (t) => {
  const cluster = await WorkerCluster.start(t.testdir({}), 3);
  const killed = await cluster.leader();
  const survivors = cluster.names.filter((name) => name !== killed);
  const start = await cluster.store(killed).readBarrier();
  const recorders = survivors.map((name) => {
    const recorder = new WatchRecorder();
    cluster.store(name).watch("/load/", start + 1, recorder);
    return recorder;
  });

  const acknowledged = new Map<string, number>();
  let unknown = 0;
  let stopping = false;
  const writeUntilStopped = async (name: string, lane: number): Promise<void> => {
    const store = cluster.store(name);
    for (let i = 0; !stopping; i++) {
      const key = `/load/${name}/${lane}/${i}`;
      const outcome = await attempt(store, key);
      if (typeof outcome === "number") acknowledged.set(key, outcome);
      else if (outcome === "ended") return;
      else unknown += 1;
    }
  };
  const writers = cluster.names.flatMap((name) => [0, 1, 2, 3].map((lane) => writeUntilStopped(name, lane)));
  const reached = async (count: number): Promise<void> => {
    while (acknowledged.size < count) await new Promise((resolve) => setImmediate(resolve));
  };
  await reached(500);
  const killedAt = performance.now();
  await cluster.kill(killed);
  const before = acknowledged.size;
  await reached(before + 1);
  t.comment(`first write after ${(performance.now() - killedAt).toFixed(0)} ms`);
  await reached(before + 500);
  stopping = true;
  await Promise.all(writers);
  t.comment(`${acknowledged.size} acknowledged, ${unknown} with unknown outcome`);

  const end = await cluster.store(survivors[0] ?? "").readBarrier();
  for (const [i, recorder] of recorders.entries()) {
    await recorder.progress(end);
    t.strictSame(recorder.problems, [], `${survivors[i]}: the watch kept its promises`);
    const seen = new Map(recorder.events.map((event) => [event.row.key, event.row.modRevision]));
    t.equal(seen.size, recorder.events.length, "no event twice");
    t.strictSame(
      [...acknowledged].filter(([key, revision]) => seen.get(key) !== revision),
      [],
      "no event missing",
    );
  }

  await cluster.startMember(killed);
  const lists = await Promise.all(cluster.names.map((name) => cluster.store(name).list("/load/")));
  t.equal(new Set(lists.map(describe)).size, 1, "the restarted member has caught up");
  const present = new Map(lists[0]?.rows.map((row) => [row.key, row.modRevision]));
  t.strictSame(
    [...acknowledged].filter(([key, revision]) => present.get(key) !== revision),
    [],
    "nothing acknowledged is lost",
  );
  await cluster.close();
});

t.test("all members are killed and started again", async (t) => {
  const cluster = await WorkerCluster.start(t.testdir({}), 3);
  await cluster.leader();
  const writes = Array.from({ length: 300 }, (_, i) => create(cluster.store(`m${(i % 3) + 1}`), `/k/${i}`, `${i}`));
  await Promise.all(writes);
  const names = cluster.names;
  await Promise.all(names.map((name) => cluster.kill(name)));
  await Promise.all(names.map((name) => cluster.startMember(name)));
  await cluster.leader();
  const lists = await Promise.all(names.map((name) => cluster.store(name).list("/k/")));
  t.strictSame(
    lists.map((list) => list.count),
    [300, 300, 300],
  );
  t.equal(new Set(lists.map(describe)).size, 1);
  await cluster.close();
});
