import { join } from "node:path";
import t from "tap";
import { utf8 } from "@triarch/base";
import { needsEtcdctl, startEtcdPort, type CtlRun } from "./etcd-port.ts";

// Unmodified etcdctl 3.4 over mutual TLS against one real member: leases, the member's own state, snapshots.

t.setTimeout(60_000);
const dir = t.testdir({});
const port = await startEtcdPort(dir);
t.teardown(() => port.close());
const { etcdctl, server, memberId } = port;

const lastLine = (run: CtlRun): string => run.stderr.trimEnd().split("\n").at(-1) ?? "";
async function output(run: Promise<CtlRun>): Promise<string> {
  const { code, stdout, stderr } = await run;
  return code === 0 ? stdout.trim() : `failed: ${stderr}`;
}
const json = async (...args: readonly string[]): Promise<unknown> =>
  JSON.parse(await output(etcdctl(...args, "-w", "json")));

t.test("leases: grant, put, time to live, list, keep alive, revoke", needsEtcdctl, async (t) => {
  const id =
    /^lease ([0-9a-f]{16}) granted with TTL\(60s\)$/.exec(await output(etcdctl("lease", "grant", "60")))?.[1] ?? "0";
  t.equal(await output(etcdctl("put", "/leased", "v", `--lease=${id}`)), "OK");
  t.match(
    await output(etcdctl("lease", "timetolive", id, "--keys")),
    new RegExp(`^lease ${id} granted with TTL\\(60s\\), remaining\\((60|5\\d)s\\), attached keys\\(\\[/leased\\]\\)$`),
  );
  t.equal(await output(etcdctl("lease", "list")), `found 1 leases\n${id}`);
  t.equal(await output(etcdctl("lease", "keep-alive", "--once", id)), `lease ${id} keepalived with TTL(60)`);
  t.equal(await output(etcdctl("lease", "revoke", id)), `lease ${id} revoked`);
  t.equal(await output(etcdctl("get", "/leased")), "");
  t.equal(await output(etcdctl("lease", "list")), "found 0 leases");
  t.equal(await output(etcdctl("lease", "timetolive", id)), `lease ${id} already expired`);
  t.equal(lastLine(await etcdctl("lease", "keep-alive", "--once", id)), "Error: etcdserver: requested lease not found");
  t.match(lastLine(await etcdctl("lease", "revoke", id)), /\(etcdserver: requested lease not found\)$/);
  t.match(await output(etcdctl("lease", "grant", "1")), /TTL\(2s\)/, "no shorter than two seconds");
  t.match(lastLine(await etcdctl("lease", "grant", "9000000001")), /etcdserver: too large lease TTL/);
});

t.test("endpoint status, health and hash; members; alarms", needsEtcdctl, async (t) => {
  await server.put({ key: utf8("/a"), value: utf8("1") });
  const { revision } = server.header();
  const header = { revision, member_id: Number, cluster_id: Number, raft_term: Number };
  t.match(await json("endpoint", "status"), [
    { Endpoint: port.url, Status: { header, version: "3.6.5", dbSize: Number, raftIndex: Number, leader: Number } },
  ]);
  const own = memberId.toString(16);
  t.match(await output(etcdctl("endpoint", "status")), new RegExp(`^${port.url}, ${own}, 3.6.5, .*, true, false, `));
  t.match((await etcdctl("endpoint", "health")).stderr, /is healthy: successfully committed proposal/);
  const { hash } = await server.hashKv({ revision: 0 });
  t.match(await json("endpoint", "hashkv"), [{ HashKV: { hash, header: { revision } } }]);
  t.match(await output(etcdctl("member", "list")), new RegExp(`^${own}, started, m1, http://127.0.0.1:0, `));
  t.equal(await output(etcdctl("alarm", "list")), "");
  await server.alarm({ action: 1, memberId, alarm: 1 });
  t.equal(await output(etcdctl("alarm", "list")), `memberID:${memberId} alarm:NOSPACE`);
  t.equal(lastLine(await etcdctl("put", "/a", "1")), "Error: etcdserver: mvcc: database space exceeded");
  t.equal(await output(etcdctl("alarm", "disarm")), `memberID:${memberId} alarm:NOSPACE`);
  t.equal(await output(etcdctl("put", "/a", "1")), "OK");
});

t.test("snapshot save, and its status", needsEtcdctl, async (t) => {
  const file = join(dir, "saved.db");
  const value = utf8("v".repeat(1000));
  for (let i = 0; i < 300; i++) await server.put({ key: utf8(`/s/${i % 50}`), value });
  const { revision } = server.header();
  t.match(await etcdctl("snapshot", "save", file), { code: 0, stdout: /Snapshot saved at/ });
  t.match(await json("snapshot", "status", file), { revision, totalKey: Number, totalSize: Number });
});

t.test("defrag, move-leader, and hash of an unknown revision", needsEtcdctl, async (t) => {
  t.equal(await output(etcdctl("defrag")), `Finished defragmenting etcd member[${port.url}]`);
  t.equal(lastLine(await etcdctl("move-leader", "abc")), "Error: etcdserver: bad leader transferee");
  const future = await etcdctl("endpoint", "hashkv", `--rev=${server.header().revision + 1}`);
  t.match(future.stderr, /etcdserver: mvcc: required revision is a future revision/);
});

t.test("a client certificate of another CA is refused, also one of the same name", needsEtcdctl, async (t) => {
  const run = await port.etcdctlWith({ as: port.stranger }, "--command-timeout=1s", "put", "/refused", "1");
  t.not(run.code, 0);
  t.equal((await server.range({ key: utf8("/refused") })).count, 0);
  t.equal(await output(etcdctl("put", "/refused", "not")), "OK");
});
