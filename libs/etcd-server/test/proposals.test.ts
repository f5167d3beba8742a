import t from "tap";
import { ManualClock, utf8 } from "@triarch/base";
import { nobody as noIdentity } from "@triarch/etcd-auth";
import { InternalRaftRequest } from "@triarch/etcd-proto";
import { clusterIdOf, memberIdOf, memberIdText } from "../src/members/member-ids.ts";
import type { Consensus } from "../src/server/consensus.ts";
import type { Flusher } from "../src/server/flusher.ts";
import { LeaderWaiter } from "../src/server/leader-waiter.ts";
import { PendingProposals, ProposalRefused } from "../src/server/pending-proposals.ts";
import { Proposer } from "../src/server/proposer.ts";
import { RequestIds } from "../src/server/request-ids.ts";

t.test("member and cluster ids are those a default etcd gives itself", async (t) => {
  const id = memberIdOf(["http://localhost:2380"], "etcd-cluster");
  t.equal(memberIdText(id), "8e9e05c52164694d");
  t.equal(memberIdText(clusterIdOf([id])), "cdf818194e3a8c32");
  t.equal(memberIdOf(["b", "a"], "x"), memberIdOf(["a", "b"], "x"), "the order of URLs does not matter");
});

t.test("request ids differ between members, requests and runs", async (t) => {
  const clock = new ManualClock();
  const ids = new RequestIds(0x1234n, clock);
  const first = ids.next();
  t.equal(ids.next(), first + 1n);
  t.equal(first >> 48n, 0x1234n);
  t.not(new RequestIds(0x1235n, clock).next(), first);
  clock.advance(1);
  t.ok(new RequestIds(0x1234n, clock).next() > ids.next());
});

t.test("a pending proposal ends applied, overtaken by a later term, or timed out", async (t) => {
  const clock = new ManualClock();
  const pending = new PendingProposals({ clock, timeoutMs: 7_000 });
  const code = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      (value) => `answer ${String(value)}`,
      (error: { failure?: { code: string } }) => error.failure?.code ?? "no code",
    );
  const applied = code(pending.add(1n, 3));
  const overtaken = code(pending.add(2n, 3));
  pending.resolve(1n, "one");
  pending.termApplied(3);
  t.ok(pending.has(2n), "entries of its own term say nothing");
  const known = pending.add(5n, 3, { termIsExact: true });
  const later = code(pending.add(3n, 4));
  pending.termApplied(4);
  t.equal(await applied, "answer one");
  t.equal(await overtaken, "leaderChanged");
  await t.rejects(known, ProposalRefused, "it is in no log: it may be proposed again");
  t.ok(pending.has(3n));
  clock.advance(6_999);
  const young = code(pending.add(4n, 4));
  pending.expire("none");
  t.equal(pending.size, 2);
  clock.advance(1);
  pending.expire("none");
  t.equal(await later, "timeout");
  pending.failAll({ code: "stopped" });
  t.equal(await young, "stopped");
  pending.resolve(99n, "nobody asked");
  t.equal(pending.size, 0);
});

t.test("a write waits for a leader, and again when Raft drops it unproposed", async (t) => {
  const clock = new ManualClock();
  const pending = new PendingProposals({ clock, timeoutMs: 7_000 });
  const leader = new LeaderWaiter(clock);
  const proposed: Uint8Array[] = [];
  const consensus = { leader: 0n, term: 1, propose: (data: Uint8Array) => (proposed.push(data), "accepted") };
  const proposer = new Proposer({
    ...{ memberId: 1n, clock, timeoutMs: 7_000, pending, leader },
    consensus: consensus as unknown as Consensus,
    flusher: { unflushedBytes: 0 } as unknown as Flusher,
    cluster: { identity: () => noIdentity },
  });
  const put = { put: { key: utf8("/a"), value: utf8("1") } };
  const first = proposer.propose(put);
  const late = proposer.propose(put);
  t.equal(proposed.length, 0);
  consensus.leader = 5n;
  leader.wake();
  while (proposed.length < 2) await new Promise((resolve) => setImmediate(resolve));
  pending.refused([proposed[0] ?? utf8("")], "transfer under way");
  while (proposed.length < 3) await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(proposed[2], proposed[0], "the same request, under the same id");
  pending.resolve(InternalRaftRequest.decode(proposed[2] ?? utf8("")).header?.id ?? 0n, "applied");
  t.equal(await first, "applied");
  clock.advance(7_000);
  pending.expire("none");
  await t.rejects(late, { message: "etcdserver: request timed out" });

  consensus.leader = 0n;
  const nobody = t.rejects(proposer.propose(put), { message: "etcdserver: no leader" });
  clock.advance(7_000);
  leader.expire();
  await nobody;
  t.equal(proposed.length, 3, "it was never proposed");
});
