import t from "tap";
import { proposeAll, TestCluster, texts, until } from "./support.ts";

const ids = [1n, 2n, 3n];

t.test("a lone member elects itself, commits, and has it all after a restart", async (t) => {
  const cluster = new TestCluster(t, [9n]);
  const [member] = cluster.members as [(typeof cluster.members)[0]];
  const node = await cluster.startOne(member);
  await until("leader", () => node.isLeader, 2_000);
  proposeAll(node, texts("a", 100));
  await cluster.applied(100);
  t.equal(await node.readIndex(), member.machine.applied.index);
  await cluster.stopOne(member);
  const again = await cluster.startOne(member);
  await cluster.applied(100);
  t.strictSame(member.machine.items, texts("a", 100));
  await until("leader", () => again.isLeader, 2_000);
  t.ok(again.term > 1);
});

t.test("three members agree, through whichever the proposals come", async (t) => {
  const cluster = new TestCluster(t, ids);
  await cluster.start();
  const leader = await cluster.leader();
  const followers = cluster.members.filter((member) => member !== leader);
  proposeAll(leader.node, texts("leader", 400));
  for (const { id, node } of followers) if (node) proposeAll(node, texts(`f${id}`, 300));
  await cluster.applied(1_000);
  const [first, ...others] = cluster.members;
  t.equal(new Set(first?.machine.items).size, 1_000);
  for (const other of others) t.strictSame(other.machine.items, first?.machine.items, "one order on all members");
  for (const { node } of cluster.members) {
    const index = await node?.readIndex();
    t.equal(index, leader.machine.applied.index, "every member can say how far a linearizable read must go");
  }
  t.equal(leader.node.status().peers.filter(({ link }) => link === "connected").length, 2);
  t.strictSame(
    cluster.members.flatMap(({ fatal }) => fatal),
    [],
  );
});

t.test("the leader goes; what was committed stays, and it catches up when it is back", async (t) => {
  const cluster = new TestCluster(t, ids, { timing: { electionTicks: 600 } });
  await cluster.start();
  const old = await cluster.leader();
  const changes: bigint[] = [];
  const survivor = cluster.members.find((member) => member !== old);
  survivor?.node?.onLeaderChange(({ leader }) => changes.push(leader));
  proposeAll(old.node, texts("before", 500));
  await cluster.applied(500);
  const startedMs = performance.now();
  await cluster.stopOne(old);
  const next = await cluster.leader();
  const tookMs = performance.now() - startedMs;
  t.comment(`a new leader after ${tookMs.toFixed(0)} ms, long before any election timeout of 30 s`);
  t.not(next.id, old.id);
  t.equal(changes[0], 0n);
  t.equal(changes.at(-1), next.id);
  proposeAll(next.node, texts("after", 500));
  await cluster.applied(1_000);
  await cluster.startOne(old);
  await cluster.applied(1_000);
  for (const { machine } of cluster.members) {
    t.strictSame(machine.items, [...texts("before", 500), ...texts("after", 500)]);
  }
});

t.test("a stop that hands over leaves no gap of an election", async (t) => {
  const cluster = new TestCluster(t, ids);
  await cluster.start();
  const old = await cluster.leader();
  const { term } = old.node;
  await cluster.stopOne(old, true);
  const next = await cluster.leader();
  t.equal(next.node.term, term + 1);
});

t.test("leadership is transferred on request, and only by the leader", async (t) => {
  const cluster = new TestCluster(t, ids);
  await cluster.start();
  const leader = await cluster.leader();
  const [target, other] = cluster.members.filter((member) => member !== leader) as [typeof leader, typeof leader];
  await t.rejects(target.node.transferLeadership(other.id), { name: "RaftNodeError", failure: "notLeader" });
  await t.rejects(leader.node.transferLeadership(77n), { name: "RaftNodeError", failure: "notMember" });
  await leader.node.transferLeadership(target.id);
  t.equal((await cluster.leader()).id, target.id);
});

t.test("without a quorum nothing is committed and reads wait, then fail", async (t) => {
  const cluster = new TestCluster(t, ids, { limits: { readIndexTimeoutMs: 300 } });
  await cluster.start();
  const leader = await cluster.leader();
  for (const member of cluster.members) if (member !== leader) await cluster.stopOne(member);
  proposeAll(leader.node, ["lost"]);
  await t.rejects(leader.node.readIndex(), { name: "RaftNodeError" });
  await until("the leader steps down", () => leader.node.leader === 0n);
  t.equal(leader.node.propose(new Uint8Array(1)), "noLeader");
  t.strictSame(leader.machine.items, []);
  const { node } = leader;
  const reading = t.rejects(node.readIndex(), { name: "RaftNodeError", failure: "stopped" });
  await cluster.stopOne(leader);
  await reading;
  t.equal(node.propose(new Uint8Array(1)), "stopped");
});

t.test("too much at once is refused, not queued", async (t) => {
  const cluster = new TestCluster(t, [1n], { limits: { pendingProposalsMax: 10, pendingProposalBytesMax: 1000 } });
  await cluster.start();
  const { node } = await cluster.leader();
  for (let i = 0; i < 10; i++) t.equal(node.propose(new Uint8Array(50)), "accepted");
  t.equal(node.propose(new Uint8Array(1)), "overloaded");
  await cluster.applied(10);
  t.equal(node.propose(new Uint8Array(600)), "accepted");
  t.equal(node.propose(new Uint8Array(600)), "overloaded");
});
