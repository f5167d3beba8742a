// What must not be done early: a read before a quorum has answered, a second change of membership before the first.
import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import type { ConfChangeV2 } from "../src/index.ts";
import { Cluster } from "./cluster.ts";

const none = new Uint8Array(0);

function elected(count: number): Cluster {
  const cluster = new Cluster(count, {});
  cluster.member(1n).raft.campaign();
  cluster.run();
  return cluster;
}

t.test("of five members one answer does not confirm a read, two do", (t) => {
  const cluster = elected(5);
  const leader = cluster.member(1n);
  const answering = new Set<bigint>([2n]);
  cluster.loses = (message) => message.type === "MsgHeartbeatResp" && !answering.has(message.from);
  leader.raft.readIndex(utf8("read"));
  cluster.run();
  t.same(leader.reads, [], "the leader and one other are no quorum");
  answering.add(3n);
  leader.raft.tick();
  cluster.run();
  t.same(
    leader.reads.map((read) => utf8Text(read.requestContext)),
    ["read"],
  );
  t.end();
});

t.test("a change of membership waits until the one before is applied", (t) => {
  const cluster = elected(3);
  const leader = cluster.member(1n);
  const remove = (nodeId: bigint): ConfChangeV2 => ({
    ...{ version: 2, transition: "auto", changes: [{ type: "removeNode", nodeId }], context: none },
  });
  t.equal(leader.raft.proposeConfChange(remove(2n)), "appended");
  t.equal(leader.raft.proposeConfChange(remove(3n)), "appended", "as an empty entry");
  cluster.run();
  t.same(leader.raft.status().confState.voters, [1n, 3n], "only the first took effect");
  t.equal(leader.raft.proposeConfChange(remove(3n)), "appended");
  cluster.run();
  t.same(leader.raft.status().confState.voters, [1n]);
  t.end();
});
