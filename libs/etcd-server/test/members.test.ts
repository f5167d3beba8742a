import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import type { Member } from "@triarch/etcd-proto";
import { EtcdServerError, memberIdText, type EtcdServer, type RunningStore, type StoreOptions } from "../src/index.ts";
import { freePorts, LocalCluster } from "./local-cluster.ts";

t.setTimeout(60_000);

interface Added {
  readonly id: bigint;
  readonly url: string;
  /** How the member is started, each time. */
  readonly options: Partial<StoreOptions>;
}

/** Tells the cluster of a member, which is not running yet. */
async function add(server: EtcdServer, name: string, isLearner: boolean, replacedId = 0n): Promise<Added> {
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const { member, members } = await server.memberAdd({ peerUrls: [url], isLearner, replacedId });
  const id = member?.id ?? 0n;
  const initialMembers = members.map((one) => ({
    id: one.id,
    name: one.id === id ? name : one.name,
    peerUrls: one.peerUrls,
  }));
  const clusterId = server.header().clusterId;
  return { id, url, options: { initialMembers, clusterId, join: true, clientUrls: [`http://${name}.test`] } };
}

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const patienceMs = 30_000;
  for (const end = performance.now() + patienceMs; performance.now() < end; await delay(10)) {
    if (await holds().catch(() => false)) return;
  }
  throw new Error(`waited in vain for ${what}`);
}

/** As many operators do: until it is taken. */
async function promote(server: EtcdServer, id: bigint): Promise<readonly Member[]> {
  let members: readonly Member[] = [];
  await eventually("the learner to be in sync", async () => {
    try {
      ({ members } = await server.memberPromote({ id }));
      return true;
    } catch (error) {
      if (error instanceof EtcdServerError && error.failure.code === "learnerNotReady") return false;
      throw error;
    }
  });
  return members;
}

const refused = (code: string, message: string | RegExp) => ({ name: "EtcdServerError", failure: { code }, message });
const put = (server: EtcdServer, key: string) => server.put({ key: utf8(key), value: utf8("v") });
const keysOf = async ({ server }: RunningStore, serializable = false): Promise<readonly string[]> => {
  const { kvs } = await server.range({ key: utf8("/"), rangeEnd: utf8("0"), serializable });
  return kvs.map(({ key }) => utf8Text(key));
};

t.test("a member joins as a learner, catches up, is promoted, and survives a restart of everyone", async (t) => {
  const cluster = await LocalCluster.start(t, 3, { requestTimeoutMs: 4_000 });
  const { server } = await cluster.leader();
  for (let i = 0; i < 50; i++) await put(server, `/k/${i}`);
  const follower = cluster.member((await cluster.followers())[0] ?? "").server;
  const added = await add(follower, "m4", true);
  const listed = await server.memberList({ linearizable: true });
  t.match(
    listed.members.find(({ id }) => id === added.id),
    { name: "", isLearner: true, peerUrls: [added.url] },
    "told through a follower",
  );
  await t.rejects(
    server.memberPromote({ id: added.id }),
    refused("learnerNotReady", "etcdserver: can only promote a learner member which is in sync with leader"),
  );
  await t.rejects(
    add(server, "m5", true),
    refused("tooManyLearners", "etcdserver: too many learner members in cluster"),
  );

  const joined = await cluster.startMember("m4", added.options);
  t.equal(joined.memberId, added.id);
  await eventually("its name to be known", async () => {
    const { members } = await follower.memberList({ linearizable: true });
    return members.some(({ id, name, clientUrls }) => id === added.id && name === "m4" && clientUrls.length === 1);
  });
  t.equal((await joined.server.status()).isLearner, true);
  t.equal(joined.server.storeStatus().role, "learner");
  const members = await promote(follower, added.id);
  t.strictSame(
    members.map(({ isLearner }) => isLearner),
    [false, false, false, false],
  );
  await t.rejects(
    server.memberPromote({ id: added.id }),
    refused("memberNotLearner", "etcdserver: can only promote a learner member"),
  );
  await eventually("m4 to see it", async () => !(await joined.server.status()).isLearner);
  t.equal((await keysOf(joined)).length, 50);

  const names = ["m1", "m2", "m3", "m4"];
  await Promise.all(names.map((name) => cluster.stop(name)));
  await Promise.all(names.map((name) => cluster.startMember(name, name === "m4" ? added.options : {})));
  await cluster.leader();
  for (const name of names) {
    t.equal((await cluster.member(name).server.memberList({ linearizable: true })).members.length, 4, name);
    t.equal((await keysOf(cluster.member(name))).length, 50);
  }
  // Four members: the quorum is three.
  await cluster.stop("m1");
  await put((await cluster.leader()).server, "/three/of/four");
  await cluster.stop("m2");
  await t.rejects(put(cluster.member("m3").server, "/two/of/four"));
});

t.test("a removed member ends by itself, and is refused for good, also after restarts of the others", async (t) => {
  const cluster = await LocalCluster.start(t, 3);
  const { server, name: leader } = await cluster.leader();
  const [victim = "", other = ""] = await cluster.followers();
  const id = cluster.idOf(victim);
  const { members } = await server.memberRemove({ id });
  t.equal(members.length, 2);
  const said = await cluster.died(victim);
  t.match(said, `member ${memberIdText(id)} was removed from the cluster`);
  t.match(said, "delete its data directory");
  await t.rejects(server.memberRemove({ id }), refused("memberNotFound", "etcdserver: member not found"));

  await Promise.all([leader, other].map((name) => cluster.stop(name)));
  await Promise.all([leader, other].map((name) => cluster.startMember(name)));
  await put((await cluster.leader()).server, "/without/it");
  // What its own log lacks, the others remember on their disks.
  const ended = await cluster.startMember(victim).then(
    () => cluster.died(victim),
    (error: Error) => error.message,
  );
  t.match(ended, "was removed from the cluster");
});

t.test("the leader is removed: it hands over first, the answer arrives, the rest goes on", async (t) => {
  const cluster = await LocalCluster.start(t, 3);
  const { server, name: leader } = await cluster.leader();
  const rest = await cluster.followers();
  const { members } = await server.memberRemove({ id: cluster.idOf(leader) });
  t.equal(members.length, 2);
  t.match(await cluster.died(leader), "was removed from the cluster");
  const next = await cluster.leader();
  t.ok(rest.includes(next.name));
  await put(next.server, "/after");
  const [other = ""] = rest.filter((name) => name !== next.name);
  await next.server.memberRemove({ id: cluster.idOf(other) });
  await t.rejects(
    next.server.memberRemove({ id: cluster.idOf(next.name) }),
    refused("notEnoughStartedMembers", /not enough started members/),
    "nobody would be left",
  );
});

t.test("changes that would lose the quorum are refused", async (t) => {
  const cluster = await LocalCluster.start(t, 3);
  const [down = "", up = ""] = await cluster.followers();
  await cluster.stop(down);
  const { server } = await cluster.leader();
  await eventually("the leader to miss it", async () => {
    const error = await server.memberRemove({ id: cluster.idOf(up) }).catch((caught: unknown) => caught);
    if (!(error instanceof EtcdServerError)) throw new Error("removed one of two that are up");
    return error.failure.code === "unhealthyCluster";
  });
  await t.rejects(add(server, "m4", false), refused("unhealthyCluster", "etcdserver: unhealthy cluster"));
  await t.rejects(server.memberAdd({ peerUrls: ["nonsense"], isLearner: true }), refused("badMemberUrls", /invalid/));
  await t.rejects(server.memberAdd({ peerUrls: [], isLearner: true }), refused("badMemberUrls", /invalid/));
  await server.memberRemove({ id: cluster.idOf(down) });
  t.equal((await server.memberList({ linearizable: true })).members.length, 2, "one that is down may go");
  await t.rejects(
    server.memberUpdate({ id: 7n, peerUrls: ["http://127.0.0.1:1"] }),
    refused("memberNotFound", /not found/),
  );
  const two = (await server.memberList({ linearizable: true })).members;
  const taken = two.find(({ name }) => name === up)?.peerUrls ?? [];
  const other = two.find(({ name }) => name !== up)?.id ?? 0n;
  await t.rejects(server.memberAdd({ peerUrls: taken, isLearner: true }), refused("peerUrlsExist", /already exists/));
  await t.rejects(server.memberUpdate({ id: other, peerUrls: taken }), refused("peerUrlsExist", /already exists/));
});

t.test("a member listens elsewhere: told before, found after", async (t) => {
  const cluster = await LocalCluster.start(t, 3);
  const [moved = ""] = await cluster.followers();
  const { server } = await cluster.leader();
  const [port = 0] = await freePorts(1);
  const peerUrls = [`http://127.0.0.1:${port}`];
  await server.memberUpdate({ id: cluster.idOf(moved), peerUrls });
  await cluster.stop(moved);
  const store = await cluster.startMember(moved, { listenPeer: { host: "127.0.0.1", port } });
  await put(server, "/moved");
  await eventually("it to be reached there", async () => (await keysOf(store, true)).includes("/moved"));
  const { members } = await store.server.memberList({ linearizable: true });
  t.strictSame(members.find(({ name }) => name === moved)?.peerUrls, peerUrls);
});

t.test("a dead member is replaced: its successor is a learner first, then takes its place in one step", async (t) => {
  const cluster = await LocalCluster.start(t, 3);
  for (let i = 0; i < 20; i++) await put((await cluster.leader()).server, `/k/${i}`);
  const [dead = "", living = ""] = await cluster.followers();
  const deadId = cluster.idOf(dead);
  await cluster.stop(dead);
  const { server } = await cluster.leader();
  await eventually("the leader to miss it, and etcd's refusal", async () => {
    const error = await server.memberRemove({ id: cluster.idOf(living) }).catch((caught: unknown) => caught);
    if (!(error instanceof EtcdServerError)) throw new Error("removed one of two that are up");
    return error.failure.code === "unhealthyCluster";
  });
  await t.rejects(add(server, "m4", true), refused("unhealthyCluster", /unhealthy/), "etcd's rule");
  await t.rejects(add(server, "m4", true, 77n), refused("memberNotFound", /not found/));
  const added = await add(cluster.member(living).server, "m4", true, deadId);
  await t.rejects(
    server.memberReplace({ learnerId: added.id, removedId: deadId }),
    refused("learnerNotReady", /in sync with leader/),
  );
  const joined = await cluster.startMember("m4", added.options);
  await eventually("the learner to be in sync", async () => {
    const { members } = await server.memberReplace({ learnerId: added.id, removedId: deadId });
    t.equal(members.length, 3);
    t.notOk(members.some(({ id, isLearner }) => id === deadId || isLearner));
    return true;
  });
  t.equal((await keysOf(joined)).length, 20);
  // Two of the three now are a quorum, the new one among them.
  await cluster.stop(living);
  await put((await cluster.leader()).server, "/with/the/new/one");
  const ended = await cluster.startMember(dead).then(
    () => cluster.died(dead),
    (error: Error) => error.message,
  );
  t.match(ended, "was removed from the cluster");
});

t.test("a member that lost its log may not come back under its id", async (t) => {
  const cluster = await LocalCluster.start(t, 3, { clientUrls: ["http://client.test"] });
  const [lost = ""] = await cluster.followers();
  const { server } = await cluster.leader();
  await eventually("all to have told their URLs", async () => {
    const { members } = await server.memberList({ linearizable: true });
    return members.every(({ clientUrls }) => clientUrls.length > 0);
  });
  await cluster.stop(lost);
  rmSync(cluster.dir(lost), { recursive: true });
  await cluster.startMember(lost);
  t.match(await cluster.died(lost), /comes without its log: it must be replaced under a new id/);
  await cluster.startMember(lost);
  t.match(await cluster.died(lost), /comes without its log/, "also the second time");
});

t.test("many changes at once come one after the other", async (t) => {
  const cluster = await LocalCluster.start(t, 3);
  await cluster.leader();
  const asked = Array.from({ length: 4 }).flatMap((_, round) =>
    cluster.running.map(({ server }, i) =>
      server.memberAdd({ peerUrls: [`http://127.0.0.1:${round * 10 + i + 1}`], isLearner: true }),
    ),
  );
  const outcomes = await Promise.allSettled(asked);
  t.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1, "one learner at a time");
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") t.match(outcome.reason, { failure: { code: "tooManyLearners" } });
  }
  const { server } = await cluster.leader();
  const { members } = await server.memberList({ linearizable: true });
  t.equal(members.length, 4);
  t.strictSame([...server.storeStatus().members].length, 4);
});
