// Snapshot files travel both ways between us and the real etcd, and both sides then hash the same.
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import { snapshotStatus } from "@triarch/bbolt";
import { silentLogger } from "@triarch/telemetry";
import {
  openSnapshotSource,
  restoreIntoDataDir,
  startStore,
  type EtcdServer,
  type RunningStore,
} from "../src/index.ts";
import { LoneRaft } from "./lone-raft.ts";
import { etcdctl, needsEtcd, startRealEtcd } from "./real-etcd.ts";

t.setTimeout(60_000);

const members = [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }];

function open(dataDir: string): Promise<RunningStore> {
  return startStore({
    ...{ name: "m1", dataDir, clusterToken: "one", initialMembers: members, logger: silentLogger },
    listenPeer: { host: "127.0.0.1", port: 0 },
    startRaft: (raft) => LoneRaft.start(raft),
    onFatal: (error) => t.fail("fatal", { error }),
  });
}

async function save(server: EtcdServer, file: string): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await server.snapshot()).chunks) chunks.push(chunk);
  writeFileSync(file, Buffer.concat(chunks));
}

async function statusHash(file: string): Promise<{ readonly hash: number; readonly revision: number }> {
  const source = await openSnapshotSource(file);
  try {
    return await snapshotStatus(source, createHash("sha256"));
  } finally {
    await source.close();
  }
}

t.test(
  "ours to etcd: etcdctl accepts and restores it, etcd boots from it and hashes the same",
  needsEtcd,
  async (t) => {
    const root = t.testdir({});
    const store = await open(join(root, "ours"));
    const { server } = store;
    for (let i = 0; i < 200; i++)
      await server.put({ key: utf8(`/k/${i % 60}`), value: randomBytes(1 + ((i * 37) % 600)) });
    await server.put({ key: utf8("/large"), value: randomBytes(100_000) });
    await server.deleteRange({ key: utf8("/k/1"), rangeEnd: utf8("/k/2") });
    await server.compact({ revision: 100, physical: true });
    await server.put({ key: utf8("/last"), value: utf8("1") });
    const file = join(root, "snapshot.db");
    await save(server, file);
    const hash = await server.hashKv({ revision: 0 });
    await store.close();

    const theirs = JSON.parse(etcdctl(["snapshot", "status", file, "-w", "json"])) as {
      hash: number;
      revision: number;
    };
    const own = await statusHash(file);
    t.equal(theirs.hash, own.hash);
    t.equal(theirs.revision, own.revision);
    const dataDir = join(root, "restored");
    etcdctl(["snapshot", "restore", file, "--data-dir", dataDir]);
    const etcd = await startRealEtcd(t, dataDir);
    t.strictSame(etcd.hashKv(), { hash: hash.hash, compactRevision: 100 });
    t.equal(etcd.ctl(["get", "/last", "--print-value-only"]).trim(), "1");
    t.equal(etcd.ctl(["put", "/after", "2"]).trim(), "OK");
    await etcd.stop();
  },
);

t.test("etcd's to us: it restores, hashes the same, and goes on; and back again", needsEtcd, async (t) => {
  const root = t.testdir({});
  const etcd = await startRealEtcd(t, join(root, "theirs"));
  for (let batch = 0; batch < 3; batch++) {
    const puts = Array.from({ length: 100 }, (_, i) => `put /k/${i % 70}${batch} ${"v".repeat(10 + i * 7)}`);
    etcd.ctl(["txn"], `\n${[...new Map(puts.map((one) => [one.split(" ")[1], one])).values()].join("\n")}\n\n\n`);
  }
  for (let i = 0; i < 5; i++) etcd.ctl(["put", "/again", `${i}`]);
  etcd.ctl(["del", "/k/1", "/k/2"]);
  etcd.ctl(["put", "/last", "1"]);
  etcd.ctl(["compaction", "4"]);
  const file = join(root, "snapshot.db");
  etcd.ctl(["snapshot", "save", file]);
  const theirs = etcd.hashKv();
  await etcd.stop();

  const restored = await restoreIntoDataDir({
    ...{ file, dataDir: join(root, "ours"), members, clusterToken: "one" },
    bumpRevision: 0,
  });
  const store = await open(join(root, "ours"));
  t.match(await store.server.hashKv({ revision: restored.revision }), theirs);
  t.equal(utf8Text((await store.server.range({ key: utf8("/again") })).kvs[0]?.value ?? utf8("")), "4");
  await store.server.put({ key: utf8("/ours"), value: utf8("1") });
  const back = join(root, "back.db");
  await save(store.server, back);
  const { hash } = await store.server.hashKv({ revision: 0 });
  await store.close();
  etcdctl(["snapshot", "restore", back, "--data-dir", join(root, "again")]);
  const again = await startRealEtcd(t, join(root, "again"));
  t.equal(again.hashKv().hash, hash);
  await again.stop();
});
