// A follower's request for a read says which term it is in: with the leader it may be a quorum.
import t from "tap";
import { utf8 } from "@triarch/base";
import { makeMessage, type ConfChangeV2, type Message } from "@triarch/raft";
import { Cluster } from "./cluster.ts";

function elected(count: number, readersVouch = true): Cluster {
  const cluster = new Cluster(count, { readersVouch });
  cluster.member(1n).raft.campaign();
  cluster.run();
  return cluster;
}

/** What the leader sends when member 2 asks for a read. */
function answers(cluster: Cluster, asked = request(cluster)): readonly (readonly [string, bigint])[] {
  const { raft } = cluster.member(1n);
  raft.step(asked);
  const { messagesBeforePersist } = raft.ready();
  raft.advance();
  return messagesBeforePersist.map(({ type, to }) => [type, to] as const);
}

function request(cluster: Cluster): Message {
  const { raft } = cluster.member(2n);
  raft.readIndex(utf8("r"));
  const { messagesBeforePersist } = raft.ready();
  raft.advance();
  const [message] = messagesBeforePersist.filter(({ type }) => type === "MsgReadIndex");
  if (message === undefined) throw new Error("member 2 sends no request");
  return message;
}

t.test("of three members the reader and the leader are a quorum: answered at once", (t) => {
  t.same(answers(elected(3)), [["MsgReadIndexResp", 2n]]);
  t.end();
});

t.test("of five members two are no quorum", (t) => {
  t.same(
    answers(elected(5)).map(([type]) => type),
    Array.from({ length: 4 }, () => "MsgHeartbeat"),
  );
  t.end();
});

t.test("off by default: the request has no term, and a round of heartbeats is needed", (t) => {
  const cluster = elected(3, false);
  const asked = request(cluster);
  t.equal(asked.term, 0);
  t.same(
    answers(cluster, asked).map(([type]) => type),
    ["MsgHeartbeat", "MsgHeartbeat"],
  );
  t.end();
});

t.test("a relayed request vouches for nobody", (t) => {
  const { raft } = elected(3).member(2n);
  raft.step(makeMessage("MsgReadIndex", { from: 3n, to: 2n, term: 1, entries: request(elected(3)).entries }));
  const { messagesBeforePersist } = raft.ready();
  t.match(messagesBeforePersist, [{ type: "MsgReadIndex", from: 3n, to: 1n, term: 0 }]);
  t.end();
});

t.test("a learner's word counts for nothing", (t) => {
  const cluster = elected(3);
  const demote: ConfChangeV2 = {
    version: 2,
    transition: "auto",
    changes: [
      { type: "addLearnerNode", nodeId: 2n },
      { type: "addNode", nodeId: 4n },
    ],
    context: utf8("who"),
  };
  cluster.add(4n);
  cluster.member(1n).raft.proposeConfChange(demote);
  cluster.run();
  t.same(cluster.member(1n).raft.status().confState.learners, [2n]);
  t.notOk(answers(cluster).some(([type]) => type === "MsgReadIndexResp"));
  t.end();
});

t.test("a leader that was replaced answers nobody of the new term", (t) => {
  const cluster = elected(3);
  cluster.loses = ({ to, from }) => to === 1n || from === 1n;
  cluster.member(2n).raft.campaign();
  cluster.run();
  const newest = makeMessage("MsgReadIndex", { from: 3n, to: 1n, term: 2, entries: request(elected(3)).entries });
  t.same(answers(cluster, newest), []);
  t.equal(cluster.member(1n).raft.status().role, "follower");
  t.end();
});
