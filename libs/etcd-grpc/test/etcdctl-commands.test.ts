import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import { restoreIntoDataDir, type EtcdServer } from "@triarch/etcd-server";
import { needsEtcdctl } from "./etcd-port.ts";
import { startLoneStore } from "./lone-store.ts";
import { openPlainPort, startPlainPort } from "./plain-port.ts";
import { startRealEtcd } from "./real-etcd.ts";

// Unmodified etcdctl 3.4: every flag of get, put and del, and the commands that run for long.

t.setTimeout(120_000);
const dir = t.testdir({});
const port = await startPlainPort(dir);
t.teardown(() => port.close());
const { server } = port;
const env = { PATH: process.env["PATH"], ETCDCTL_API: "3" };

interface Run {
  readonly stdout: string;
  readonly stderr: string;
}
const runFile = promisify(execFile);
const run = async (args: readonly string[], timeoutMs = 30_000): Promise<Run> => {
  try {
    return await runFile("etcdctl", [`--endpoints=${port.url}`, ...args], { env, timeout: timeoutMs });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as Partial<Run>;
    return { stdout, stderr: stderr === "" ? String(error) : stderr };
  }
};
/** In one line; the error if it failed. */
const etcdctl = async (...args: readonly string[]): Promise<string> => {
  const { stdout, stderr } = await run(args);
  const text = stdout === "" ? (stderr.trimEnd().split("\n").at(-1) ?? "") : stdout;
  return text
    .split("\n")
    .filter((line) => line !== "")
    .join(" ");
};
const put = (key: string, value: string, at: EtcdServer = server) => at.put({ key: utf8(key), value: utf8(value) });

t.test("get: ranges, order, formats", needsEtcdctl, async (t) => {
  for (const [key, value] of [
    ["/a", "3"],
    ["/b", "1"],
    ["/c", "2"],
  ] as const)
    await put(key, value);
  await put("/a", "3");
  const { revision } = server.header();
  const get = (...flags: readonly string[]) => etcdctl("get", "/", "--prefix", "--keys-only", ...flags);
  const found = await Promise.all([
    etcdctl("get", "/b", "--from-key"),
    etcdctl("get", "", "--prefix", "--print-value-only"),
    get("--sort-by=CREATE", "--order=DESCEND"),
    get("--sort-by=KEY", "--order=DESCEND"),
    get("--sort-by=MODIFY", "--order=ASCEND"),
    get("--sort-by=VALUE"),
    get("--sort-by=VERSION", "--order=DESCEND", "--limit=1"),
    etcdctl("get", "/a", `--rev=${revision - 1}`, "--consistency=s"),
    get("--sort-by=NAME"),
    etcdctl("get", "/a", "--hex"),
  ]);
  t.strictSame(found, [
    "/b 1 /c 2",
    "3 1 2",
    "/c /b /a",
    "/c /b /a",
    "/b /c /a",
    "/b /c /a",
    "/a",
    "/a 3",
    "Error: bad sort target NAME",
    "\\x2f\\x61 \\x33",
  ]);
  t.match(
    await etcdctl("get", "/a", "-w", "fields"),
    /"Key" : "\/a" "CreateRevision" : 2 "ModRevision" : 5 "Version" : 2/,
  );
  const json = JSON.parse(await etcdctl("get", "/b", "-w", "json")) as { readonly kvs: readonly unknown[] };
  t.match(json.kvs, [{ key: Buffer.from("/b").toString("base64"), create_revision: 3, mod_revision: 3, version: 1 }]);
  const { stdout } = await run(["get", "/b", "-w", "protobuf"]);
  t.match(stdout, /\n\u0002\/b.*1/s);
  t.match(await etcdctl("get", "/b", "-w", "table"), /table is not supported|not supported/i);
  t.match(await etcdctl("endpoint", "status", "-w", "table"), /\| +ENDPOINT +\| +ID +\| VERSION \|/);
});

t.test("put and del: what is there stays, leases, what was there before", needsEtcdctl, async (t) => {
  await server.leaseGrant({ id: 0x77n, ttl: 600 });
  t.equal(await etcdctl("put", "/l", "1", "--lease=77"), "OK");
  t.equal(await etcdctl("put", "/l", "--ignore-value"), "OK");
  t.match(await server.range({ key: utf8("/l") }), { kvs: [{ lease: 0n, version: 2 }] });
  t.equal(await etcdctl("put", "/l", "2", "--lease=77"), "OK");
  t.equal(await etcdctl("put", "/l", "3", "--ignore-lease"), "OK");
  t.match(await server.range({ key: utf8("/l") }), { kvs: [{ lease: 0x77n, value: utf8("3") }] });
  t.equal(await etcdctl("put", "/missing", "--ignore-value"), "Error: etcdserver: key not found");
  t.equal(await etcdctl("put", "/l", "4", "--lease=1234"), "Error: etcdserver: requested lease not found");
  t.equal(await etcdctl("put", "/l", "4", "--prev-kv"), "OK /l 3");
  for (const key of ["/z1", "/z2"]) await put(key, "v");
  t.equal(await etcdctl("del", "/z", "--from-key", "--prev-kv"), "2 /z1 v /z2 v");
  t.equal(await etcdctl("del", "/l", "--prev-kv"), "1 /l 4");
});

t.test("txn typed line by line; compaction", needsEtcdctl, async (t) => {
  await put("/t", "old");
  const child = spawn("etcdctl", [`--endpoints=${port.url}`, "txn", "--interactive"], { env, timeout: 30_000 });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stdin.end('value("/t") = "old"\n\nput /t new\nget /t\n\nget /t\n\n');
  await once(child, "close");
  t.match(output, /compares:[^]*success requests[^]*failure requests[^]*SUCCESS\s+OK\s+\/t\s+new/);
  const { revision } = server.header();
  t.equal(await etcdctl("compaction", `${revision}`, "--physical"), `compacted revision ${revision}`);
  t.equal(await etcdctl("compaction", `${revision}`), "Error: etcdserver: mvcc: required revision has been compacted");
});

t.test("make-mirror: to another cluster of ours, and to real etcd", needsEtcdctl, async (t) => {
  const other = await startPlainPort(join(dir, "other"));
  t.teardown(() => other.close());
  const etcd = await startRealEtcd(join(dir, "etcd"));
  t.teardown(() => etcd.close());
  const from = (key: string) => (url: string) =>
    runFile("etcdctl", [`--endpoints=${url}`, "get", key, "--print-value-only"], { env }).then(({ stdout }) =>
      stdout.trim(),
    );
  for (let i = 0; i < 20; i++) await put(`/m/${i}`, `before ${i}`);
  for (const to of [other.url, etcd.url]) {
    const mirror = spawn(
      "etcdctl",
      [`--endpoints=${port.url}`, "make-mirror", "--prefix=/m/", "--dest-prefix=/copy/", to],
      {
        env,
        stdio: "ignore",
      },
    );
    const ended = once(mirror, "close");
    try {
      await until(async () => (await from("/copy/19")(to)) === "before 19");
      await put("/m/live", to);
      await until(async () => (await from("/copy/live")(to)) === to);
      t.equal(await from("/copy/0")(to), "before 0");
    } finally {
      mirror.kill("SIGKILL");
      await ended;
    }
  }
});

t.test("snapshot save, status and restore; and our restore of it", needsEtcdctl, async (t) => {
  await put("/s", "saved");
  const { revision } = server.header();
  const file = join(dir, "saved.db");
  t.match(await etcdctl("snapshot", "save", file), /Snapshot saved at/);
  t.match(JSON.parse(await etcdctl("snapshot", "status", file, "-w", "json")), { revision });
  t.match(await etcdctl("snapshot", "status", file, "-w", "table"), /\| +HASH +\| REVISION \| TOTAL KEYS \|/);
  const restored = join(dir, "by-etcdctl");
  await run(["snapshot", "restore", file, `--data-dir=${restored}`]);
  const etcd = await startRealEtcd(restored);
  t.teardown(() => etcd.close());
  const { stdout } = await runFile("etcdctl", [`--endpoints=${etcd.url}`, "get", "/s", "-w", "json"], { env });
  t.match(JSON.parse(stdout), { header: { revision }, kvs: [{ mod_revision: revision }] });
  const members = [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }];
  const again = join(dir, "again");
  await restoreIntoDataDir({ file, dataDir: join(again, "data"), members, clusterToken: "again" });
  const ours = await openPlainPort(await startLoneStore(again, { clusterToken: "again" }));
  t.teardown(() => ours.close());
  const { kvs } = await ours.server.range({ key: utf8("/s") });
  t.equal(utf8Text(kvs[0]?.value ?? utf8("")), "saved");
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()));
}
