import { existsSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import type { Event } from "@triarch/etcd-proto";
import type { RaftNodeOptions } from "@triarch/raft-node";
import { silentLogger } from "@triarch/telemetry";
import { startStore, type RunningStore } from "../src/index.ts";
import { LoneRaft } from "./lone-raft.ts";

interface Member {
  readonly store: RunningStore;
  readonly raft: RaftNodeOptions;
}

async function open(dataDir: string): Promise<Member> {
  let raft: RaftNodeOptions | undefined;
  const store = await startStore({
    name: "m1",
    dataDir,
    clusterToken: "one",
    initialMembers: [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }],
    listenPeer: { host: "127.0.0.1", port: 0 },
    startRaft: (options) => {
      raft = options;
      return LoneRaft.start(options);
    },
    logger: silentLogger,
    onFatal: (error) => t.fail("fatal", { error }),
  });
  if (raft === undefined) throw new Error("Raft was not started");
  return { store, raft };
}

const confState = { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

t.test("a member that lags takes the whole state; its watchers miss nothing", async (t) => {
  const root = t.testdir({});
  const leader = await open(join(root, "leader"));
  const lagging = await open(join(root, "lagging"));
  const first = { key: utf8("/a"), value: utf8("1") };
  for (const { store } of [leader, lagging]) await store.server.put(first);
  const seen: string[] = [];
  let progress = 0;
  lagging.store.server.watch(
    { key: utf8("/"), rangeEnd: utf8("0"), startRevision: 2, prevKv: true },
    {
      onEvents: (events: readonly Event[]) => {
        for (const { kv } of events) seen.push(`${utf8Text(kv?.key ?? utf8(""))}@${kv?.modRevision ?? 0}`);
        return true;
      },
      onProgress: (revision) => void (progress = revision),
      onCompacted: () => t.fail("nothing was compacted"),
      onStopped: () => undefined,
    },
  );
  for (let i = 0; i < 2000; i++) await leader.store.server.put({ key: utf8(`/k/${i}`), value: utf8("x".repeat(300)) });
  await leader.store.server.leaseGrant({ id: 5n, ttl: 500 });
  await leader.store.server.put({ key: utf8("/leased"), value: utf8("y"), lease: 5n });
  await leader.store.server.hash(); // waits for the disk
  const outgoing = leader.raft.stateMachine.snapshotStream();
  t.equal(outgoing.index, leader.raft.stateMachine.durableIndex());
  const meta = { index: outgoing.index, term: outgoing.term, confState };
  await lagging.raft.stateMachine.installSnapshot(meta, outgoing.chunks);

  t.equal(lagging.raft.stateMachine.durableIndex(), meta.index);
  const everything = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1), serializable: true };
  const [mine, theirs] = await Promise.all([lagging, leader].map(({ store }) => store.server.range(everything)));
  t.strictSame(mine?.kvs, theirs?.kvs);
  t.equal(mine?.header?.revision, 2003);
  t.match((await lagging.store.server.leaseLeases()).leases, [{ id: 5n }]);
  while (progress < 2003) await new Promise((resolve) => setImmediate(resolve));
  t.equal(seen.length, 2002);
  t.strictSame([seen[0], seen[1], seen.at(-1)], ["/a@2", "/k/0@3", "/leased@2003"]);

  lagging.raft.stateMachine.apply([], { index: meta.index + 1, term: meta.term });
  await lagging.store.close();
  const again = await open(join(root, "lagging"));
  t.strictSame((await again.store.server.range(everything)).kvs, theirs?.kvs, "it is on the disk");
  await again.store.close();
  await leader.store.close();
});

t.test("a state that is cut short changes nothing", async (t) => {
  const root = t.testdir({});
  const leader = await open(join(root, "leader"));
  const lagging = await open(join(root, "lagging"));
  await leader.store.server.put({ key: utf8("/new"), value: utf8("1") });
  await lagging.store.server.put({ key: utf8("/own"), value: utf8("1") });
  await leader.store.server.hash();
  const outgoing = leader.raft.stateMachine.snapshotStream();
  const meta = { index: outgoing.index + 10, term: outgoing.term, confState };
  const cut = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of outgoing.chunks) yield chunk.subarray(0, chunk.length - 1);
  };
  await t.rejects(lagging.raft.stateMachine.installSnapshot(meta, cut()), /ends early/);
  t.equal((await lagging.store.server.range({ key: utf8("/own") })).count, 1);
  await lagging.store.server.put({ key: utf8("/own"), value: utf8("2") });
  await lagging.store.close();
  const again = await open(join(root, "lagging"));
  t.equal((await again.store.server.range({ key: utf8("/own") })).kvs[0]?.version, 2);
  t.notOk(existsSync(join(root, "lagging", "member", "db.incoming")), "what was left is cleared away");
  await again.store.close();
  await leader.store.close();
});
