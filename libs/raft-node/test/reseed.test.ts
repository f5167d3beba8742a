import { rmSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "@triarch/telemetry";
import t from "tap";
import { reseedStateMachine } from "../src/index.ts";
import type { LogPosition, SnapshotMeta } from "../src/index.ts";
import { ListMachine, proposeAll, TestCluster, texts, until } from "./support.ts";
import type { TestMember } from "./support.ts";

type Tap = Pick<typeof t, "strictSame" | "teardown">;

const limits = { catchUpEntries: 100, compactEveryEntries: 100, holdLogAfterSnapshotMs: 0 };

/** The member's state is lost; its log is not. */
function loseState(member: TestMember): void {
  member.machine = new ListMachine();
}

async function reseed(
  member: TestMember,
  from: readonly TestMember[],
  options: { readonly minIndex?: number; readonly signal?: AbortSignal; readonly replace?: () => Promise<void> } = {},
): Promise<LogPosition> {
  const { disk } = member.machine;
  let arrived: { readonly meta: SnapshotMeta; readonly items: string[] } | undefined;
  return reseedStateMachine({
    id: member.id,
    clusterId: 0xc1n,
    dir: member.dir,
    peers: from.map(({ id, node }) => ({ id, url: `http://127.0.0.1:${node?.peerAddress.port ?? 1}` })),
    minIndex: 0,
    receive: async (meta, chunks) => {
      const parts: Uint8Array[] = [];
      for await (const chunk of chunks) parts.push(chunk);
      arrived = { meta, items: JSON.parse(Buffer.concat(parts).toString("utf8")) as string[] };
    },
    replace: async () => {
      Object.assign(disk, { index: arrived?.meta.index, term: arrived?.meta.term, items: arrived?.items });
    },
    logger: silentLogger,
    ...options,
  });
}

async function clusterWithHistory(t: Tap, count: number): Promise<{ cluster: TestCluster; victim: TestMember }> {
  const cluster = new TestCluster(t, [1n, 2n, 3n], { limits });
  await cluster.start();
  const leader = await cluster.leader();
  for (let done = 0; done < count; done += 200) {
    proposeAll(leader.node, texts(`a${done}`, 200));
    await cluster.applied(done + 200);
    for (const { machine } of cluster.running) machine.flush();
  }
  const victim = cluster.members.find((member) => member !== leader) as TestMember;
  return { cluster, victim };
}

async function allAlike(t: Tap, cluster: TestCluster, count: number): Promise<void> {
  proposeAll((await cluster.leader()).node, texts("last", 10));
  await cluster.applied(count + 10);
  const [first] = cluster.members;
  for (const { machine, fatal } of cluster.members) {
    t.strictSame(machine.items, first?.machine.items);
    t.strictSame(fatal, []);
  }
}

t.test("a member that lost its state and kept its log takes a peer's, and goes on from its own log", async (t) => {
  const { cluster, victim } = await clusterWithHistory(t, 2000);
  proposeAll((await cluster.leader()).node, texts("not flushed by the others", 50));
  await cluster.applied(2050);
  await cluster.stopOne(victim);
  loseState(victim);
  await t.rejects(cluster.startOne(victim), /staleState/, "without a state it would not start");
  const taken = await reseed(victim, cluster.running);
  t.ok(taken.index < 2050, "the peer's state is older than this member's log");
  await cluster.startOne(victim);
  await cluster.applied(2050);
  t.equal(victim.machine.snapshotsInstalled, 0);
  await allAlike(t, cluster, 2050);
});

t.test("a state beyond the end of the own log is completed at the next start", async (t) => {
  const { cluster, victim } = await clusterWithHistory(t, 400);
  await cluster.stopOne(victim);
  proposeAll((await cluster.leader()).node, texts("while away", 1000));
  await cluster.applied(1400);
  for (const { machine } of cluster.running) machine.flush();
  loseState(victim);
  await reseed(victim, cluster.running);
  await cluster.startOne(victim);
  t.equal(victim.machine.items.length, 1400, "all of it is there before anything is replayed");
  await allAlike(t, cluster, 1400);
  await cluster.stopOne(victim);
  victim.machine.flush();
  await cluster.startOne(victim);
  await allAlike(t, cluster, 1410);
});

t.test("a peer's state that is too old is waited for", async (t) => {
  const { cluster, victim } = await clusterWithHistory(t, 400);
  await cluster.stopOne(victim);
  loseState(victim);
  proposeAll((await cluster.leader()).node, texts("b", 100));
  await cluster.applied(500);
  const minIndex = (cluster.running[0]?.machine.applied.index ?? 0) - 10;
  const taken = reseed(victim, cluster.running, { minIndex });
  await until("a try that was refused", () => cluster.running.some(({ machine }) => machine.snapshotsSent > 0));
  for (const { machine } of cluster.running) machine.flush();
  t.ok((await taken).index >= minIndex);
});

t.test("without a log, or without peers, it is refused in clear words", async (t) => {
  const { cluster, victim } = await clusterWithHistory(t, 200);
  await cluster.stopOne(victim);
  loseState(victim);
  await t.rejects(reseed(victim, []), /a lone member has nobody to take it from: restore it from a snapshot/);
  const noSpace = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  await t.rejects(
    reseed(victim, cluster.running, { replace: () => Promise.reject(noSpace) }),
    noSpace,
    "a failure of the own disk ends it",
  );
  await t.rejects(reseed(victim, cluster.running, { signal: AbortSignal.abort() }), /called off/);
  rmSync(join(victim.dir, "wal"), { recursive: true });
  await t.rejects(reseed(victim, cluster.running), /lostLog/);
});
