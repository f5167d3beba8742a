import t from "tap";
import { create, describe } from "./cluster-writes.ts";
import { WorkerCluster } from "./worker-cluster.ts";

t.setTimeout(60_000); // members share the machine with whatever else runs

t.test("a member that was away too long takes the leader's state", async (t) => {
  const cluster = await WorkerCluster.start(t.testdir({}), 3);
  const leader = await cluster.leader();
  const away = cluster.names.find((name) => name !== leader) ?? "";
  await create(cluster.store(leader), "/before", "1");
  await cluster.kill(away);
  const store = cluster.store(leader);
  const lanes = Array.from({ length: 200 }, async (_, lane) => {
    for (let i = 0; i < 40; i++) await create(store, `/k/${lane}/${i}`, "x".repeat(100));
  });
  await Promise.all(lanes);
  const back = await cluster.startMember(away);
  const own = await back.list("/");
  t.equal(own.count, 8001);
  t.equal(describe(own), describe(await store.list("/")));
  const written = await create(back, "/after", "1");
  t.equal((await store.get("/after")).rows[0]?.modRevision, written);
  await cluster.close();
});
