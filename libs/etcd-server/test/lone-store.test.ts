import { MessageChannel } from "node:worker_threads";
import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import { silentLogger } from "@triarch/telemetry";
import { connectStore, serveStore, startStore, type RunningStore, type StoreOptions } from "../src/index.ts";
import { until } from "./local-cluster.ts";
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

const everyAlarm = { action: 0, memberId: 0n, alarm: 0 };

t.test("no space: what takes some is refused, deletes, compaction and reads go on", async (t) => {
  const store = await open(t.testdir({}), { quotaBytes: 1 });
  const { server } = store;
  const write = { key: utf8("/a"), value: utf8("1") };
  const noSpace = { message: "etcdserver: mvcc: database space exceeded" };
  await until(async () => (await server.alarm(everyAlarm)).alarms.length > 0);
  t.strictSame((await server.alarm(everyAlarm)).alarms, [{ memberId: store.memberId, alarm: 1 }]);
  await t.rejects(server.put(write), noSpace);
  await t.rejects(server.txn({ success: [{ requestPut: write }] }), noSpace);
  await t.rejects(server.leaseGrant({ id: 0n, ttl: 10 }), noSpace);
  await server.deleteRange({ key: utf8("/a") });
  await server.txn({ success: [{ requestDeleteRange: { key: utf8("/a") } }] });
  await server.compact({ revision: 1, physical: true });
  await server.defragment();
  t.match(await server.range({ key: utf8("/a") }), { count: 0 });
  t.match(await server.status(), { errors: [/alarm:NOSPACE/], version: "3.6.5" });
  await server.alarm({ action: 2, memberId: store.memberId, alarm: 1 });
  await until(async () => (await server.alarm(everyAlarm)).alarms.length > 0);
  t.pass("disarmed while there is no room, it comes back");
  await store.close();
});

t.test("no space: deleting and compacting brings the room back, and the alarm goes by itself", async (t) => {
  const quotaBytes = 24 * 1024 * 1024;
  const store = await open(t.testdir({}), { quotaBytes });
  const { server } = store;
  const value = Buffer.alloc(512 * 1024);
  let refused = false;
  for (let i = 0; !refused && i < 1000; i++) {
    for (let at = 0; at < value.length; at += 4) value.writeInt32LE((i * 2654435761 + at * 40503) | 0, at);
    await server.put({ key: utf8(`/k/${i}`), value }).catch((error: unknown) => {
      refused = true;
      t.match(error, { message: "etcdserver: mvcc: database space exceeded" });
    });
  }
  t.ok(refused, "the quota was reached");
  await until(async () => (await server.alarm(everyAlarm)).alarms.length > 0);
  const { header } = await server.deleteRange({ key: utf8("/k/"), rangeEnd: utf8("/k0") });
  await server.compact({ revision: header?.revision ?? 0, physical: true });
  await until(async () => (await server.alarm(everyAlarm)).alarms.length === 0);
  t.ok((await server.status()).dbSize < 0.9 * quotaBytes);
  await server.put({ key: utf8("/a"), value: utf8("1") });
  await store.close();
});
