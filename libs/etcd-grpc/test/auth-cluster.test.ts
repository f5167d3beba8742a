import { execFileSync } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import t from "tap";
import { utf8 } from "@triarch/base";
import { restoreIntoDataDir } from "@triarch/etcd-server";
import { AuthClient } from "./auth-client.ts";
import { one, setUp } from "./auth-setup.ts";
import { startEtcdCluster } from "./etcd-cluster.ts";
import { needsEtcdctl, type EtcdPort } from "./etcd-port.ts";
import { startLoneStore } from "./lone-store.ts";
import { openPlainPort, startPlainPort } from "./plain-port.ts";
import { needsEtcd, startRealEtcd } from "./real-etcd.ts";

// Users on three members, and in snapshot files to real etcd and back.

t.setTimeout(120_000);

function clientOf({ url, caPem, client }: EtcdPort): AuthClient {
  return new AuthClient(url, { ca: caPem, cert: client.certificatePem, key: client.keyPem });
}

t.test("every member knows users, roles and tokens at once, and still after the leader is gone", async (t) => {
  const cluster = await startEtcdCluster(t.testdir({}));
  t.teardown(() => cluster.close());
  const leader = await cluster.leader();
  const clients = new Map(cluster.ports.map((port) => [port, clientOf(port)]));
  t.teardown(() => clients.forEach((client) => client.close()));
  const atLeader = clientOf(leader);
  t.teardown(() => atLeader.close());
  await setUp(atLeader);
  for (let round = 0; round < 3; round++) {
    t.match(await atLeader.login("anna"), { code: 0 });
    const headers = { token: atLeader.token("anna") };
    for (const client of clients.values()) {
      t.match(await client.call("put", one("p"), headers), { code: 0 }, "also where the token was not given out");
      t.match(await client.call("put", one("a"), headers), { code: 7 });
    }
  }
  t.match(await atLeader.callAs("root", "userDelete", { name: "anna" }), { code: 0 });
  const headers = { token: atLeader.token("anna") };
  for (const client of clients.values()) {
    t.match(await client.call("range", one("a"), headers), { code: 16, message: "etcdserver: invalid auth token" });
  }
  const follower = await cluster.follower();
  await cluster.stop(leader);
  await cluster.leader();
  const survivor = clients.get(follower);
  t.match(await survivor?.callAs("root", "userList", {}), { answer: { users: ["root"] } });
});

t.test("users are there after a restart; tokens are not", async (t) => {
  const dir = t.testdir({});
  const first = await startPlainPort(dir);
  const before = new AuthClient(first.url);
  await setUp(before);
  t.match(await before.callAs("anna", "range", one("a")), { code: 0 });
  await first.close();
  before.close();
  const second = await startPlainPort(dir);
  t.teardown(() => second.close());
  const after = new AuthClient(second.url);
  t.teardown(() => after.close());
  const old = await after.call("range", one("a"), { token: before.token("anna") });
  // What the log still holds is applied again at the start, tokens of that moment included.
  t.ok(old.code === 16 || old.code === 0);
  t.match(await after.call("range", one("a")), { message: "etcdserver: user name is empty" });
  t.match(await after.callAs("anna", "range", one("a")), { code: 0 });
  t.match(await after.callAs("anna", "range", one("p")), { code: 7 });
});

t.test(
  "a snapshot of real etcd: its users log in here with their passwords",
  { ...needsEtcd, ...needsEtcdctl },
  async (t) => {
    const dir = t.testdir({});
    const etcd = await startRealEtcd(join(dir, "etcd"));
    t.teardown(() => etcd.close());
    const there = new AuthClient(etcd.url);
    t.teardown(() => there.close());
    await setUp(there);
    await there.callAs("root", "put", { ...one("a"), value: utf8("from etcd") });
    await there.callAs("root", "userAdd", { name: "cn", options: { noPassword: true } });
    const file = join(dir, "etcd.db");
    const env = { PATH: process.env["PATH"], ETCDCTL_API: "3" };
    execFileSync(
      "etcdctl",
      [`--endpoints=${etcd.url}`, "--user=root:root-pw", "--dial-timeout=20s", "snapshot", "save", file],
      {
        env,
        stdio: "pipe",
      },
    );
    const members = [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }];
    await restoreIntoDataDir({ file, dataDir: join(dir, "data"), members, clusterToken: "restored" });
    const port = await openPlainPort(await startLoneStore(dir, { clusterToken: "restored" }));
    t.teardown(() => port.close());
    const here = new AuthClient(port.url);
    t.teardown(() => here.close());
    t.match(
      await here.call("range", one("a")),
      { message: "etcdserver: user name is empty" },
      "it is on from the start",
    );
    t.match(await here.callAs("anna", "range", one("a")), { answer: { kvs: [{ value: "from etcd" }] } });
    t.match(await here.callAs("anna", "put", one("a")), { code: 7 });
    t.match(await here.login("anna", "wrong"), { code: 3 });
    t.match(await here.callAs("root", "userList", {}), { answer: { users: ["anna", "cn", "root"] } });
    t.match(await here.login("cn", ""), { message: /password was given for no password user$/ });
  },
);

t.test("a snapshot of ours: its users log in at real etcd", { ...needsEtcd, ...needsEtcdctl }, async (t) => {
  const dir = t.testdir({});
  const port = await startPlainPort(dir);
  t.teardown(() => port.close());
  const here = new AuthClient(port.url);
  t.teardown(() => here.close());
  await setUp(here);
  await here.callAs("root", "put", { ...one("a"), value: utf8("from here") });
  const file = join(dir, "ours.db");
  const { chunks } = await port.server.snapshot();
  await pipeline(chunks, createWriteStream(file));
  const env = { PATH: process.env["PATH"], ETCDCTL_API: "3" };
  const restored = join(dir, "restored");
  execFileSync("etcdctl", ["snapshot", "restore", file, `--data-dir=${restored}`], { env, stdio: "pipe" });
  const etcd = await startRealEtcd(restored);
  t.teardown(() => etcd.close());
  const there = new AuthClient(etcd.url);
  t.teardown(() => there.close());
  t.match(await there.call("range", one("a")), { message: "etcdserver: user name is empty" });
  t.match(await there.callAs("anna", "range", one("a")), { answer: { kvs: [{ value: "from here" }] } });
  t.match(await there.callAs("anna", "put", one("a")), { code: 7 });
  t.match(await there.callAs("root", "userAdd", { name: "otto", password: "x" }), { code: 0 });
  t.match(await there.callAs("anna", "roleGet", { role: "r" }), await here.callAs("anna", "roleGet", { role: "r" }));
});
