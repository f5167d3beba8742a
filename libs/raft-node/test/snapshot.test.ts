import t from "tap";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "@triarch/base";
import { ListMachine, proposeAll, TestCluster, texts, until } from "./support.ts";
import type { TestMember } from "./support.ts";

const limits = { catchUpEntries: 100 };

/** Proposes and flushes until the log no longer reaches back to `absent`'s end. */
async function moveOn(cluster: TestCluster, prefix: string, count: number): Promise<void> {
  const leader = await cluster.leader();
  const before = leader.machine.items.length;
  for (let done = 0; done < count; done += 500) {
    proposeAll(leader.node, texts(`${prefix}${done}`, 500));
    await cluster.applied(before + done + 500);
    for (const { machine } of cluster.running) machine.flush();
  }
  proposeAll(leader.node, [`${prefix}-end`]);
  await cluster.applied(before + count + 1);
}

t.test("a follower that lags behind the log gets a snapshot, then the rest of the log", async (t) => {
  const cluster = new TestCluster(t, [1n, 2n, 3n], { limits, segmentSizeBytes: 16 * 1024 });
  await cluster.start();
  const leader = await cluster.leader();
  const absent = cluster.members.find((member) => member !== leader) as TestMember;
  await moveOn(cluster, "a", 500);
  await cluster.stopOne(absent);
  await moveOn(cluster, "b", 4000);
  const files = readdirSync(join(leader.dir, "wal")).length;
  t.ok(files < 12, `old segments are deleted, ${files} are left`);

  await cluster.startOne(absent);
  await cluster.applied(4502);
  t.equal(absent.machine.snapshotsInstalled, 1);
  t.equal(leader.machine.snapshotsSent, 1);
  proposeAll(leader.node, texts("c", 100));
  await cluster.applied(4602);
  t.strictSame(absent.machine.items, leader.machine.items);
  t.notOk(existsSync(join(absent.dir, "incoming-snapshot")), "the file it arrived in is gone");

  await cluster.stopOne(absent);
  await cluster.startOne(absent);
  await cluster.applied(4602);
  t.equal(absent.machine.snapshotsInstalled, 0, "its log goes on from the snapshot");
  t.strictSame(absent.machine.items, leader.machine.items);
});

t.test("how far the log reaches back is bounded by bytes, too", async (t) => {
  const byBytes = { catchUpEntries: 1_000_000, catchUpBytesMax: 70_000 };
  const cluster = new TestCluster(t, [1n, 2n, 3n], { limits: byBytes });
  await cluster.start();
  const leader = await cluster.leader();
  const absent = cluster.members.find((member) => member !== leader) as TestMember;
  await cluster.stopOne(absent);
  await moveOn(cluster, "a", 12_000);
  await cluster.startOne(absent);
  await cluster.applied(12_001);
  t.equal(absent.machine.snapshotsInstalled, 1);
});

t.test("a restart with a flushed state machine replays only what it lacks", async (t) => {
  // Small portions, so that some end before what the state machine holds.
  const cluster = new TestCluster(t, [1n, 2n, 3n], { limits: { ...limits, applyBatchBytesMax: 1_000 } });
  await cluster.start();
  await moveOn(cluster, "a", 3000);
  proposeAll((await cluster.leader()).node, texts("b", 300));
  await cluster.applied(3301);
  for (const { machine } of cluster.members) machine.flush();
  await cluster.stop();
  await cluster.start();
  proposeAll((await cluster.leader()).node, ["last"]);
  await cluster.applied(3302);
  for (const { machine, fatal } of cluster.members) {
    t.equal(new Set(machine.items).size, 3302);
    t.strictSame(fatal, []);
  }
});

t.test("a crash between installing a snapshot and noting it is completed at the next start", async (t) => {
  const cluster = new TestCluster(t, [1n, 2n, 3n], { limits });
  await cluster.start();
  const leader = await cluster.leader();
  const absent = cluster.members.find((member) => member !== leader) as TestMember;
  await cluster.stopOne(absent);
  await moveOn(cluster, "a", 3000);

  class Crashing extends ListMachine {
    override async installSnapshot(...args: Parameters<ListMachine["installSnapshot"]>): Promise<void> {
      await super.installSnapshot(...args);
      throw new Error("power cut");
    }
  }
  await cluster.startOne(absent, { stateMachine: new Crashing(absent.machine.disk) });
  await until("the crash", () => absent.fatal.length > 0);
  t.match(absent.fatal[0]?.message, "power cut");
  await cluster.stopOne(absent);
  t.ok(absent.machine.disk.index > 2000, "the state machine has the snapshot, the log has not");
  await cluster.startOne(absent);
  await cluster.applied(3001);
  t.equal(absent.machine.snapshotsInstalled, 0);
  t.strictSame(absent.machine.items, leader.machine.items);
});

t.test("a state without its log is refused: the vote is forgotten", async (t) => {
  const cluster = new TestCluster(t, [1n]);
  const [member] = cluster.members as [TestMember];
  member.machine.disk.index = 50;
  await t.rejects(cluster.startOne(member), { name: "RaftNodeError", failure: "lostLog" });
});

t.test("a new member joins as a learner through a snapshot and becomes a voter", async (t) => {
  const cluster = new TestCluster(t, [1n, 2n, 3n], { limits });
  const founders = cluster.members.slice(0, 2);
  const joiner = cluster.members[2] as TestMember;
  const initialMembers = founders.map(({ id }) => ({ id, peerUrl: "" }));
  await cluster.start(founders, { initialMembers });
  const leader = await cluster.leader();
  proposeAll(leader.node, texts("a", 200));
  await cluster.applied(200);
  for (const { machine } of cluster.running) machine.flush();
  await cluster.startOne(joiner, { initialMembers, join: true });

  const change = (type: "addNode" | "addLearnerNode", context: string): string =>
    leader.node.proposeConfChange({ version: 1, type, nodeId: joiner.id, context: utf8(context), id: 0n });
  t.equal(change("addLearnerNode", "learner"), "accepted");
  await until("applied", () => leader.machine.changes.length === 1);
  leader.machine.flush();
  await cluster.applied(200);
  t.strictSame(joiner.machine.items, leader.machine.items);
  t.equal(joiner.machine.snapshotsInstalled, 1, "the log begins after what it needs");
  await until("it knows itself", () => joiner.node?.status().isLearner === true);
  t.equal(change("addNode", "voter"), "accepted");
  await until("promoted everywhere", () =>
    cluster.running.every(({ node }) => node?.status().confState.voters.length === 3),
  );
  t.strictSame(leader.machine.changes, ["learner", "voter"]);

  await cluster.stopOne(founders.find((member) => member !== leader) as TestMember);
  proposeAll(leader.node, ["with the joiner's vote"]);
  await cluster.applied(201);
  await leader.node.transferLeadership(joiner.id);
  t.equal((await cluster.leader()).id, joiner.id);
});

t.test("a removed member is refused by the others", async (t) => {
  const cluster = new TestCluster(t, [1n, 2n, 3n]);
  await cluster.start();
  const leader = await cluster.leader();
  const removed = cluster.members.find((member) => member !== leader) as TestMember;
  const context = new Uint8Array(0);
  leader.node.proposeConfChange({ version: 1, type: "removeNode", nodeId: removed.id, context, id: 0n });
  await until("removed", () => leader.node.status().confState.voters.length === 2);
  await until("refused", () => {
    const links = removed.node?.status().peers ?? [];
    return links.some(({ id, lastRefusal }) => id === leader.id && lastRefusal.includes("was removed"));
  });
  proposeAll(leader.node, ["x"]);
  await cluster.applied(
    1,
    cluster.members.filter((member) => member !== removed),
  );
  t.equal(leader.node.isLeader, true);
});

t.test("two members cannot listen on one port", async (t) => {
  const cluster = new TestCluster(t, [1n, 2n]);
  const [one, two] = cluster.members as [TestMember, TestMember];
  const node = await cluster.startOne(one);
  await t.rejects(cluster.startOne(two, { listen: { ...node.peerAddress } }), { code: "EADDRINUSE" });
});
