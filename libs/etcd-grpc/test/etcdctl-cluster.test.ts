import t from "tap";
import { utf8 } from "@triarch/base";
import { startEtcdCluster } from "./etcd-cluster.ts";
import { connectionFlags, needsEtcdctl } from "./etcd-port.ts";
import { EtcdctlSession } from "./etcdctl-session.ts";

// Unmodified etcdctl 3.4 against three members: what holds over time (leases kept alive, locks, elections, watches), and
// looking after members.

t.setTimeout(120_000); // each run of etcdctl takes its time on a machine shared with whatever else runs
const dir = t.testdir({});
const cluster = await startEtcdCluster(dir);
t.teardown(() => cluster.close());
const { etcdctl, credentials } = cluster;
const [leader, follower] = [await cluster.leader(), await cluster.follower()];

async function output(run: ReturnType<typeof etcdctl>): Promise<string> {
  const { code, stdout, stderr } = await run;
  return code === 0 ? stdout.trim() : `failed: ${stderr}`;
}
/** One that goes on until told to stop, on one member. */
function session(port: typeof leader, ...args: readonly string[]): EtcdctlSession {
  const flags = connectionFlags({ dir: `${dir}/session`, urls: [port.url], credentials });
  return new EtcdctlSession([...flags(credentials.client), ...args]);
}

t.test(
  "a lease is kept alive through a follower, and listed and asked about on every member",
  needsEtcdctl,
  async (t) => {
    const short = (await leader.server.leaseGrant({ id: 0n, ttl: 5 })).id.toString(16).padStart(16, "0");
    const alive = session(follower, "lease", "keep-alive", short);
    await alive.until((text) => text.split("keepalived with TTL(5)").length > 2);
    await alive.end();
    const id = (await leader.server.leaseGrant({ id: 0n, ttl: 600 })).id.toString(16).padStart(16, "0");
    t.match(
      await output(follower.etcdctl("lease", "timetolive", id)),
      new RegExp(`^lease ${id} granted with TTL\\(600s\\)`),
    );
    t.match(await output(follower.etcdctl("lease", "list")), id);
    t.equal(await output(follower.etcdctl("lease", "revoke", id)), `lease ${id} revoked`);
    const gone = session(leader, "lease", "keep-alive", id);
    await gone.until((text) => text.includes("expired or revoked"));
    await gone.end();
  },
);

t.test("lock: the second waits for the first, over members; a command runs under it", needsEtcdctl, async (t) => {
  const first = session(leader, "lock", "mutex");
  await first.until((text) => text.startsWith("mutex/"));
  const second = session(follower, "lock", "mutex", "echo", "held");
  const prefix = { key: utf8("mutex/"), rangeEnd: utf8("mutex0"), countOnly: true };
  while ((await leader.server.range(prefix)).count < 2);
  t.equal(second.text, "");
  await first.end();
  await second.until((text) => text.includes("held"));
  t.match(await second.ended, { code: 0 });
});

t.test("elect: the next takes over when the leader goes; listeners hear of it", needsEtcdctl, async (t) => {
  const heard = session(follower, "elect", "--listen", "crown");
  const first = session(leader, "elect", "crown", "one");
  await first.until((text) => text.includes("one"));
  await heard.until((text) => text.includes("one"));
  const second = session(follower, "elect", "crown", "two");
  const prefix = { key: utf8("crown/"), rangeEnd: utf8("crown0"), countOnly: true };
  while ((await leader.server.range(prefix)).count < 2);
  await first.end();
  await second.until((text) => text.includes("two"));
  await heard.until((text) => text.includes("two"));
  await Promise.all([second.end(), heard.end()]);
  t.match(heard.text, /^crown\/[0-9a-f]+\none\ncrown\/[0-9a-f]+\ntwo\n/);
});

t.test(
  "watch: from a revision, of a prefix, with what was before; interactive; running a command",
  needsEtcdctl,
  async (t) => {
    const { header } = await leader.server.put({ key: utf8("w/a"), value: utf8("1") });
    const revision = header?.revision ?? 0;
    const watch = session(follower, "watch", "--prefix", "--prev-kv", `--rev=${revision}`, "w/");
    await watch.until((text) => text.includes("w/a\n1\n"));
    await leader.server.put({ key: utf8("w/a"), value: utf8("2") });
    await leader.server.deleteRange({ key: utf8("w/a") });
    await watch.until((text) => text.includes("DELETE\nw/a\n2\nw/a\n"));
    t.equal(watch.text, "PUT\nw/a\n1\nPUT\nw/a\n1\nw/a\n2\nDELETE\nw/a\n2\nw/a\n\n");
    await watch.end();

    const interactive = session(follower, "watch", "-i");
    interactive.type(`watch w/b --rev=${revision}\nprogress\nwatch w/c --rev=${revision}\n`);
    await interactive.until((text) => text.includes("progress notify: "));
    await leader.server.put({ key: utf8("w/b"), value: utf8("b") });
    await leader.server.put({ key: utf8("w/c"), value: utf8("c") });
    await interactive.until((text) => text.includes("w/b\nb") && text.includes("w/c\nc"));
    await interactive.end();

    const exec = session(
      follower,
      "watch",
      "w/b",
      `--rev=${revision}`,
      "--",
      "sh",
      "-c",
      "echo seen $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY",
    );
    await exec.until((text) => text.includes('seen "PUT" "w/b"'));
    await exec.end();
  },
);

t.test(
  "all endpoints: status, health, hash; defrag; alarms; compaction down to the disk; leadership moves",
  needsEtcdctl,
  async (t) => {
    const status = JSON.parse(await output(etcdctl("endpoint", "status", "-w", "json"))) as readonly {
      readonly Status: { readonly leader: number; readonly version: string };
    }[];
    t.equal(status.length, 3);
    t.equal(new Set(status.map(({ Status }) => Status.leader)).size, 1);
    t.equal((await etcdctl("endpoint", "health")).stderr.split("is healthy").length - 1, 3);
    await Promise.all(cluster.ports.map(({ server }) => server.readBarrier()));
    const hashes = JSON.parse(await output(etcdctl("endpoint", "hashkv", "-w", "json"))) as readonly {
      readonly HashKV: { readonly hash: number };
    }[];
    t.equal(new Set(hashes.map(({ HashKV }) => HashKV.hash)).size, 1, "the same data everywhere");
    t.equal((await output(etcdctl("defrag"))).split("Finished defragmenting").length - 1, 3);
    const { revision } = follower.server.header();
    t.equal(
      await output(follower.etcdctl("compaction", "--physical", String(revision))),
      `compacted revision ${revision}`,
    );
    t.match(
      (await follower.etcdctl("get", "w/a", `--rev=${revision - 1}`)).stderr,
      /required revision has been compacted/,
    );
    const memberId = follower.memberId;
    await follower.server.alarm({ action: 1, memberId, alarm: 1 });
    await Promise.all(cluster.ports.map(({ server }) => server.readBarrier()));
    t.equal(await output(leader.etcdctl("alarm", "list")), `memberID:${memberId} alarm:NOSPACE`);
    t.match((await follower.etcdctl("put", "full", "1")).stderr, /etcdserver: mvcc: database space exceeded/);
    t.equal(await output(leader.etcdctl("alarm", "disarm")), `memberID:${memberId} alarm:NOSPACE`);
    t.equal(await output(follower.etcdctl("put", "full", "not")), "OK");

    const from = (await cluster.leader()).memberId.toString(16);
    const to = (await cluster.follower()).memberId.toString(16);
    t.equal(await output(etcdctl("move-leader", to)), `Leadership transferred from ${from} to ${to}`);
    t.equal((await cluster.leader()).memberId.toString(16), to);
  },
);
