import t from "tap";
import { seededRng, utf8, utf8Text } from "@triarch/base";
import { emptyConfState, makeMessage, MemoryStorage, RawNode } from "../src/index.ts";
import type { ConfChangeV2, Entry } from "../src/index.ts";
import { Cluster } from "./cluster.ts";
import type { ClusterOptions } from "./cluster.ts";

const none = new Uint8Array(0);

function elected(count: number, options: ClusterOptions = {}): Cluster {
  const cluster = new Cluster(count, options);
  cluster.member(1n).raft.campaign();
  cluster.run();
  return cluster;
}

function texts(cluster: Cluster, id: bigint): string[] {
  return cluster
    .member(id)
    .applied.map((entry) => entry.text)
    .filter((text) => text !== "");
}

t.test("a batch of proposals is one message per follower", (t) => {
  const cluster = elected(3);
  const leader = cluster.member(1n);
  t.equal(leader.raft.proposeAll([utf8("a"), utf8("b"), utf8("c")]), "appended");
  const ready = leader.raft.ready();
  t.same(
    ready.messagesBeforePersist.map(({ type, to, entries }) => [type, to, entries.length]),
    [
      ["MsgApp", 2n, 3],
      ["MsgApp", 3n, 3],
    ],
  );
  t.equal(ready.entriesToPersist.length, 3);
  t.ok(ready.mustSync);
  t.end();
});

t.test("votes and acknowledgements wait for the disk, appends do not", (t) => {
  const cluster = new Cluster(3);
  cluster.member(1n).raft.campaign();
  cluster.handleReady(cluster.member(1n));
  for (const message of cluster.network.splice(0)) cluster.deliver(message);
  const ready = cluster.member(2n).raft.ready();
  t.equal(ready.messagesBeforePersist.length, 0);
  t.match(ready.messagesAfterPersist, [{ type: "MsgVoteResp", to: 1n, reject: false }]);
  t.match(ready.hardState, { term: 1, vote: 1n });
  t.ok(ready.mustSync);
  t.end();
});

t.test("heartbeats and their answers can leave while a Ready is out, once the term is on disk", async (t) => {
  const cluster = elected(3);
  const leader = cluster.member(1n).raft;
  leader.tick();
  t.same(leader.takeHeartbeats(), [], "no Ready is out: the next one has them");
  leader.propose(utf8("x"));
  const ready = leader.ready();
  t.same(ready.messagesBeforePersist.map(({ type }) => type).sort(), [
    "MsgApp",
    "MsgApp",
    "MsgHeartbeat",
    "MsgHeartbeat",
  ]);
  leader.tick();
  leader.propose(utf8("y"));
  t.match(leader.takeHeartbeats(), [
    { type: "MsgHeartbeat", to: 2n },
    { type: "MsgHeartbeat", to: 3n },
  ]);
  t.same(leader.takeHeartbeats(), []);
  leader.advance();
  const types = leader.ready().messagesBeforePersist.map(({ type }) => type);
  t.same([...new Set(types)], ["MsgApp"], "what was taken is not sent again");

  const follower = new Cluster(3).member(2n).raft;
  const heartbeat = makeMessage("MsgHeartbeat", { from: 1n, to: 2n, term: 7 });
  const answers = (): string[] => follower.takeHeartbeats().map(({ type }) => type);
  follower.step(heartbeat);
  follower.ready();
  follower.step(heartbeat);
  t.same(answers(), [], "its term is not on disk");
  follower.advance();
  follower.ready();
  follower.step(heartbeat);
  t.same(answers(), ["MsgHeartbeatResp"]);
});

t.test("proposals are refused with the reason", (t) => {
  const fresh = new Cluster(3);
  t.equal(fresh.member(1n).raft.propose(utf8("x")), "noLeader");
  const cluster = elected(3);
  t.equal(cluster.member(2n).raft.propose(utf8("x")), "forwarded");
  cluster.run();
  t.same(texts(cluster, 3n), ["x"]);
  const strict = elected(3, { disableProposalForwarding: true });
  t.equal(strict.member(2n).raft.propose(utf8("x")), "forwardingDisabled");
  t.end();
});

t.test("a leader bounds its uncommitted bytes", (t) => {
  const cluster = elected(3, { maxUncommittedEntriesSize: 100 });
  const { raft } = cluster.member(1n);
  t.equal(raft.propose(new Uint8Array(150)), "appended", "one is always taken");
  t.equal(raft.propose(new Uint8Array(1)), "tooManyUncommittedBytes");
  t.equal(raft.propose(none), "appended", "an empty one too");
  cluster.run();
  t.equal(raft.propose(new Uint8Array(60)), "appended");
  t.equal(raft.propose(new Uint8Array(60)), "tooManyUncommittedBytes");
  cluster.run();
  t.equal(raft.propose(new Uint8Array(60)), "appended", "applied entries no longer count");
  t.end();
});

t.test("a refused configuration change does not block the next one", (t) => {
  const cluster = elected(3, { maxUncommittedEntriesSize: 100 });
  const { raft } = cluster.member(1n);
  raft.propose(new Uint8Array(100));
  const change: ConfChangeV2 = {
    version: 2,
    transition: "auto",
    changes: [{ type: "addLearnerNode", nodeId: 4n }],
    context: utf8("who"),
  };
  t.equal(raft.proposeConfChange(change), "tooManyUncommittedBytes");
  cluster.run();
  t.equal(raft.proposeConfChange(change), "appended");
  cluster.run();
  t.same(raft.status().confState.learners, [4n]);
  t.end();
});

t.test("a learner gets the log but counts for nothing", (t) => {
  const cluster = elected(1);
  const change: ConfChangeV2 = {
    version: 2,
    transition: "auto",
    changes: [{ type: "addLearnerNode", nodeId: 2n }],
    context: none,
  };
  const { raft } = cluster.member(1n);
  raft.proposeConfChange(change);
  cluster.run();
  raft.propose(utf8("alone"));
  cluster.run();
  t.same(texts(cluster, 1n), ["confChangeV2", "alone"]);
  const learner = cluster.add(2n);
  raft.tick();
  cluster.run();
  t.equal(learner.appliedIndex, cluster.member(1n).appliedIndex);
  for (let i = 0; i < 100; i++) learner.raft.tick();
  t.equal(learner.raft.status().role, "follower", "it never campaigns");
  t.end();
});

t.test("messages that must not come from the network are refused", (t) => {
  const { raft } = elected(3).member(1n);
  t.equal(raft.step(makeMessage("MsgHup", { from: 2n })), "localMessage");
  t.equal(raft.step(makeMessage("MsgStorageAppendResp", { from: 2n, index: 9 })), "localMessage");
  t.equal(raft.step(makeMessage("MsgAppResp", { from: 9n, term: 1, index: 9 })), "peerNotFound");
  t.throws(() => raft.step(makeMessage("MsgHeartbeat", { from: 2n, term: 2 ** 53 })), /no integer/);
  t.end();
});

t.test("lease reads need no round trip, and end with the lease", (t) => {
  const cluster = elected(3, { readOnlyOption: "leaseBased", checkQuorum: true });
  const { raft } = cluster.member(1n);
  raft.readIndex(utf8("r"));
  t.match(raft.ready().readStates, [{ index: 2 }]);
  raft.advance();
  cluster.member(2n).raft.forgetLeader();
  t.equal(cluster.member(2n).raft.status().leader, 1n, "the lease binds the followers");
  for (let i = 0; i < 20; i++) raft.tick();
  t.equal(raft.status().role, "follower", "nobody answered for an election timeout");
  raft.readIndex(utf8("late"));
  t.equal(raft.ready().readStates.length, 0);
  t.end();
});

t.test("reads before the first commit of a term wait for it", (t) => {
  const cluster = elected(3);
  cluster.loses = (message) => message.type === "MsgApp";
  const leader = cluster.member(2n);
  leader.raft.campaign();
  cluster.run();
  t.equal(leader.raft.status().role, "leader");
  leader.raft.readIndex(utf8("early"));
  cluster.run();
  t.equal(leader.reads.length, 0);
  cluster.loses = () => false;
  leader.raft.tick();
  cluster.run();
  t.same(
    leader.reads.map((read) => [utf8Text(read.requestContext), read.index]),
    [["early", 3]],
  );
  t.end();
});

t.test("a change that a snapshot overtook does not alter the snapshot's configuration", (t) => {
  const storage = new MemoryStorage();
  storage.applySnapshot({ index: 1, term: 1, confState: { ...emptyConfState, voters: [1n, 2n] }, data: none });
  const raft = new RawNode({
    id: 1n,
    electionTicks: 10,
    heartbeatTicks: 1,
    storage,
    applied: 1,
    maxSizePerMsg: 1000,
    maxCommittedSizePerReady: 1000,
    maxUncommittedEntriesSize: 1000,
    maxInflightMsgs: 10,
    maxInflightBytes: 0,
    checkQuorum: false,
    preVote: false,
    readOnlyOption: "safe",
    disableProposalForwarding: false,
    stepDownOnRemoval: true,
    asyncStorageWrites: false,
    disableConfChangeValidation: false,
    rng: seededRng(1),
  });
  const entry: Entry = { term: 1, index: 2, type: "normal", data: none };
  raft.step(makeMessage("MsgApp", { from: 2n, to: 1n, term: 1, index: 1, logTerm: 1, entries: [entry], commit: 2 }));
  t.equal(raft.ready().committedEntries.length, 1);
  const overtaking = { index: 9, term: 1, confState: { ...emptyConfState, voters: [1n, 2n, 3n, 4n] }, data: none };
  raft.step(makeMessage("MsgSnap", { from: 2n, to: 1n, term: 1, snapshot: overtaking }));
  // The driver only now applies what it was handed before.
  const change: ConfChangeV2 = {
    version: 2,
    transition: "auto",
    changes: [{ type: "addNode", nodeId: 3n }],
    context: none,
  };
  t.same(raft.applyConfChange(change).voters, [1n, 2n, 3n], "as of that entry");
  t.same(raft.status().confState.voters, [1n, 2n, 3n, 4n], "as of the snapshot");
  t.end();
});

t.test("a lagging follower is caught up by a snapshot, and a lost one is sent again", (t) => {
  const cluster = elected(3);
  cluster.groups = [new Set([1n, 2n]), new Set([3n])];
  const leader = cluster.member(1n);
  for (let i = 0; i < 5; i++) {
    leader.raft.propose(utf8(`p${i}`));
    cluster.run();
  }
  leader.makeSnapshot();
  leader.disk.compact(leader.appliedIndex);
  cluster.groups = [];
  cluster.loses = (message) => message.type === "MsgSnap";
  leader.raft.tick();
  cluster.run();
  t.equal(leader.raft.status().progress[2]?.state, "snapshot");
  leader.raft.reportSnapshot(3n, false);
  t.match(leader.raft.status().progress[2], { state: "probe", paused: true, match: 2, next: 3 });
  cluster.loses = () => false;
  leader.raft.tick();
  cluster.run();
  t.same(texts(cluster, 3n), ["p0", "p1", "p2", "p3", "p4"]);
  t.match(leader.raft.status().progress[2], { state: "replicate", match: 7 });
  t.end();
});

t.test("what was applied counts as committed at a restart", (t) => {
  const cluster = elected(3);
  cluster.member(1n).raft.propose(utf8("x"));
  cluster.run();
  const member = cluster.member(2n);
  const { term, vote } = member.disk.initialState().hardState;
  member.disk.setHardState({ term, vote, commit: 1 });
  member.restart(cluster.rng);
  t.equal(member.raft.status().commit, 3);
  t.notOk(member.raft.hasReady());
  t.end();
});
