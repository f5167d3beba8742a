import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import { silentLogger } from "@triarch/telemetry";
import { restoreIntoDataDir, startStore, type EtcdServer, type RunningStore } from "../src/index.ts";
import { LoneRaft } from "./lone-raft.ts";

const members = [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }];
const everything = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1) };

function open(dataDir: string, clusterToken: string): Promise<RunningStore> {
  return startStore({
    name: "m1",
    dataDir,
    clusterToken,
    initialMembers: members,
    listenPeer: { host: "127.0.0.1", port: 0 },
    startRaft: (raft) => LoneRaft.start(raft),
    logger: silentLogger,
    onFatal: (error) => t.fail("fatal", { error }),
  });
}

async function save(server: EtcdServer, file: string): Promise<number> {
  const snapshot = await server.snapshot();
  const chunks: Uint8Array[] = [];
  for await (const chunk of snapshot.chunks) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  writeFileSync(file, bytes);
  return bytes.length - snapshot.sizeBytes;
}

t.test("save, restore, and every old watcher is told to list anew", async (t) => {
  const root = t.testdir({});
  const file = join(root, "snapshot.db");
  const first = await open(join(root, "first"), "one");
  for (let i = 0; i < 500; i++) await first.server.put({ key: utf8(`/k/${i % 100}`), value: utf8(`${i}`) });
  await first.server.compact({ revision: 300, physical: false });
  await first.server.leaseGrant({ id: 9n, ttl: 1000 });
  const before = await first.server.range(everything);
  t.equal(await save(first.server, file), 0, "the size told is the size sent");
  await first.close();

  const result = await restoreIntoDataDir({ file, dataDir: join(root, "second"), members, clusterToken: "two" });
  t.strictSame(result, { revision: 1_000_000_501, snapshotRevision: 501, rows: result.rows });
  const second = await open(join(root, "second"), "two");
  t.not(second.clusterId, first.clusterId);
  t.not(second.memberId, first.memberId);
  const after = await second.server.range(everything);
  t.strictSame(after.kvs, before.kvs);
  t.equal(after.header?.revision, 1_000_000_501);
  t.equal((await second.server.leaseLeases()).leases.length, 1);
  const compacted = await new Promise<number>((resolve) => {
    second.server.watch(
      { ...everything, startRevision: 450, prevKv: true },
      {
        onEvents: () => true,
        onProgress: () => undefined,
        onCompacted: resolve,
        onStopped: () => undefined,
      },
    );
  });
  t.equal(compacted, 1_000_000_501);
  const written = await second.server.put({ key: utf8("/k/0"), value: utf8("new") });
  t.equal(written.header?.revision, 1_000_000_502);
  await second.close();

  const again = await open(join(root, "second"), "two");
  t.equal(utf8Text((await again.server.range({ key: utf8("/k/0") })).kvs[0]?.value ?? utf8("")), "new");
  await again.close();
  await t.rejects(open(join(root, "second"), "one"), /is not in this cluster/, "members of the old cluster stay out");
  const twice = restoreIntoDataDir({ file, dataDir: join(root, "second"), members, clusterToken: "x" });
  await t.rejects(twice, /holds a member already/);
});

t.test("a damaged file leaves nothing behind", async (t) => {
  const root = t.testdir({});
  const file = join(root, "snapshot.db");
  const store = await open(join(root, "first"), "one");
  await store.server.put({ key: utf8("/a"), value: utf8("1") });
  await save(store.server, file);
  await store.close();
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(9000) ^ 1, 9000);
  writeFileSync(file, bytes);
  await t.rejects(restoreIntoDataDir({ file, dataDir: join(root, "second"), members, clusterToken: "two" }), /SHA-256/);
  t.notOk(existsSync(join(root, "second", "member")));
});

const etcdctl = "/usr/bin/etcdctl";
t.test("etcdctl accepts the file", { skip: existsSync(etcdctl) ? false : "etcdctl is not installed" }, async (t) => {
  const root = t.testdir({});
  const file = join(root, "snapshot.db");
  const store = await open(join(root, "first"), "one");
  for (let i = 0; i < 50; i++) await store.server.put({ key: utf8(`/k/${i}`), value: utf8(`${i}`) });
  await save(store.server, file);
  await store.close();
  const env = { ...process.env, ETCDCTL_API: "3" };
  const text = execFileSync(etcdctl, ["snapshot", "status", file, "-w", "json"], { env, encoding: "utf8" });
  t.match(JSON.parse(text), { revision: 51 });
  const restored = join(root, "restored");
  execFileSync(etcdctl, ["snapshot", "restore", file, "--data-dir", restored], { env, stdio: "pipe" });
  t.ok(readdirSync(join(restored, "member", "snap")).includes("db"));
});

const recorded = join(import.meta.dirname, "../../../../shared/kubernetes/recorded/cluster/snapshot.db");
t.test("a real cluster's snapshot", { skip: existsSync(recorded) ? false : "no recorded snapshot" }, async (t) => {
  const dataDir = t.testdir({});
  const result = await restoreIntoDataDir({ file: recorded, dataDir, members, clusterToken: "two" });
  const store = await open(dataDir, "two");
  const all = await store.server.range({ key: utf8("/registry/"), rangeEnd: utf8("/registry0") });
  t.ok(all.kvs.length > 10, `${all.kvs.length} keys`);
  t.equal(all.header?.revision, result.revision);
  await store.close();
});
