import { MessageChannel } from "node:worker_threads";
import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import { silentLogger } from "@triarch/telemetry";
import { connectStore, serveStore, startStore, type RunningStore, type StoreOptions } from "../src/index.ts";
import { LoneRaft } from "./lone-raft.ts";
import { storeClientContract } from "./store-client-contract.ts";

// Everything but the replicated log is real here: database, leases, compaction, watches, the bridge.

function open(dataDir: string, options: Partial<StoreOptions> = {}): Promise<RunningStore> {
  return startStore({
    name: "m1",
    dataDir,
    clusterToken: "test",
    initialMembers: [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }],
    listenPeer: { host: "127.0.0.1", port: 0 },
    startRaft: (raft) => LoneRaft.start(raft),
    logger: silentLogger,
    onFatal: (error) => t.fail("fatal", { error }),
    ...options,
  });
}

let directory = 0;
const root = t.testdir({});
storeClientContract("store without a log", async () => {
  directory += 1;
  const running = await open(`${root}/contract-${directory}`);
  const { port1, port2 } = new MessageChannel();
  serveStore(port1, running.server);
  return { store: connectStore(port2), passTime: () => undefined, end: () => running.close() };
});
t.test("what was applied is there after a restart, leases and history too", async (t) => {
  const dataDir = t.testdir({});
  const first = await open(dataDir);
  const key = utf8("/a");
  await first.server.put({ key, value: utf8("1") });
  const second = await first.server.put({ key, value: utf8("2") });
  const lease = await first.server.leaseGrant({ id: 77n, ttl: 600 });
  await first.server.put({ key: utf8("/leased"), value: utf8("x"), lease: lease.id });
  await first.server.compact({ revision: second.header?.revision ?? 0, physical: true });
  const hash = await first.server.hashKv({ revision: 0 });
  await first.close();

  const again = await open(dataDir);
  const { server } = again;
  const read = await server.range({ key });
  t.equal(utf8Text(read.kvs[0]?.value ?? key), "2");
  t.equal(read.header?.revision, 4);
  t.match(await server.hashKv({ revision: 0 }), { hash: hash.hash, compactRevision: 3, hashRevision: 4 });
  await t.rejects(server.range({ key, revision: 2 }), /required revision has been compacted/);
  t.match(await server.leaseTimeToLive({ id: 77n, keys: true }), { grantedTtl: 600, keys: [utf8("/leased")] });
  await server.leaseRevoke({ id: 77n });
  t.equal((await server.range({ key: utf8("/leased") })).count, 0);
  t.equal((await server.memberList({ linearizable: true })).members[0]?.name, "m1");
  await again.close();
});

t.test("no space: writes that take some are refused until the alarm is cleared", async (t) => {
  const store = await open(t.testdir({}), { quotaBytes: 1 });
  const { server } = store;
  const memberId = store.memberId;
  const write = { key: utf8("/a"), value: utf8("1") };
  await server.put(write);
  while ((await server.alarm({ action: 0, memberId: 0n, alarm: 0 })).alarms.length === 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  await t.rejects(server.put(write), { message: "etcdserver: mvcc: database space exceeded" });
  await t.rejects(server.leaseGrant({ id: 0n, ttl: 10 }), { message: "etcdserver: mvcc: database space exceeded" });
  await server.deleteRange({ key: utf8("/a") });
  t.match(await server.status(), { errors: [/alarm:NOSPACE/], version: "3.6.5" });
  await server.alarm({ action: 2, memberId, alarm: 1 });
  await server.put(write);
  await store.close();
});
