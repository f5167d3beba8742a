import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import * as proto from "@triarch/etcd-proto";
import { startEtcdCluster } from "./etcd-cluster.ts";
import { callOnce, openSession, RawCall } from "./raw-call.ts";

// Locks and elections, asked of two members of three.

t.setTimeout(60_000);
const cluster = await startEtcdCluster(t.testdir({}));
t.teardown(() => cluster.close());
const [here, there] = [await cluster.leader(), await cluster.follower()];
const sessions = [openSession(here), openSession(there)] as const;
t.teardown(() => sessions.forEach((session) => session.destroy()));

const lock = { input: proto.LockRequest, output: proto.LockResponse };
const unlock = { input: proto.UnlockRequest, output: proto.UnlockResponse };
const campaign = { input: proto.CampaignRequest, output: proto.CampaignResponse };
const proclaim = { input: proto.ProclaimRequest, output: proto.ProclaimResponse };
const leader = { input: proto.LeaderRequest, output: proto.LeaderResponse };
const resign = { input: proto.ResignRequest, output: proto.ResignResponse };
const lockPath = "/v3lockpb.Lock/Lock";
const unlockPath = "/v3lockpb.Lock/Unlock";
const election = "/v3electionpb.Election/";

let lastLease = 100n;
async function lease(ttl = 60): Promise<bigint> {
  lastLease += 1n;
  return (await here.server.leaseGrant({ id: lastLease, ttl })).id;
}
const keysUnder = async (prefix: string): Promise<string[]> => {
  const { kvs } = await here.server.range({ key: utf8(`${prefix}/`), rangeEnd: utf8(`${prefix}0`) });
  return kvs.map(({ key }) => utf8Text(key));
};
/** Resolves when there are so many keys. */
async function queueOf(prefix: string, length: number): Promise<void> {
  while ((await keysUnder(prefix)).length !== length);
}
function begin<In, InInit, Out, OutInit>(
  which: 0 | 1,
  path: string,
  types: ConstructorParameters<typeof RawCall<In, InInit, Out, OutInit>>[2],
  request: InInit,
): RawCall<In, InInit, Out, OutInit> {
  const call = new RawCall(sessions[which], path, types);
  call.send(request);
  call.stream.end();
  return call;
}

t.test("a lock is handed on in the order of asking, over members", async (t) => {
  const name = utf8("l1");
  const leases = [await lease(), await lease(), await lease()];
  const first = await callOnce(sessions[0], lockPath, lock, { name, lease: leases[0] });
  t.match(first, { code: 0 });
  t.equal(utf8Text(first.received[0]?.key ?? utf8("")), `l1/${leases[0]?.toString(16)}`);
  const again = await callOnce(sessions[1], lockPath, lock, { name, lease: leases[0] });
  t.strictSame(again.received[0]?.key, first.received[0]?.key, "the same lease holds it already");

  const second = begin(1, lockPath, lock, { name, lease: leases[1] });
  await queueOf("l1", 2);
  const third = begin(0, lockPath, lock, { name, lease: leases[2] });
  await queueOf("l1", 3);
  const order: string[] = [];
  void second.ended.then(() => order.push("second"));
  void third.ended.then(() => order.push("third"));
  t.match(await callOnce(sessions[1], unlockPath, unlock, { key: first.received[0]?.key ?? utf8("") }), { code: 0 });
  t.match(await second.ended, { code: 0 });
  t.strictSame(order, ["second"]);
  await here.server.leaseRevoke({ id: leases[1] ?? 0n });
  t.match(await third.ended, { code: 0 }, "the holder's lease has ended");
  t.strictSame(await keysUnder("l1"), [`l1/${leases[2]?.toString(16)}`]);
});

t.test("who stops waiting leaves no place behind, and one whose lease ends while it waits is told", async (t) => {
  const name = utf8("l2");
  const leases = [await lease(), await lease(), await lease()];
  await callOnce(sessions[0], lockPath, lock, { name, lease: leases[0] });
  const impatient = begin(1, lockPath, lock, { name, lease: leases[1] });
  await queueOf("l2", 2);
  impatient.stream.destroy();
  await queueOf("l2", 1);
  const doomed = begin(1, lockPath, lock, { name, lease: leases[2] });
  await queueOf("l2", 2);
  await here.server.leaseRevoke({ id: leases[2] ?? 0n });
  await here.server.leaseRevoke({ id: leases[0] ?? 0n });
  t.same(await doomed.ended, { code: 2, message: "mutex: session is expired" });
  const late = new RawCall(sessions[0], lockPath, lock, { "grpc-timeout": "50m" });
  await callOnce(sessions[0], lockPath, lock, { name, lease: await lease() });
  late.send({ name, lease: await lease() });
  late.stream.end();
  t.same(await late.ended, { code: 4, message: "context deadline exceeded" });
  await queueOf("l2", 1);
});

t.test("without a lease one of 60 s is made; an unknown one is refused", async (t) => {
  const { received } = await callOnce(sessions[1], lockPath, lock, { name: utf8("l3") });
  const id = BigInt(`0x${utf8Text(received[0]?.key ?? utf8("")).slice("l3/".length)}`);
  t.match(await here.server.leaseTimeToLive({ id, keys: false }), { grantedTtl: 60 });
  const unknown = await callOnce(sessions[0], lockPath, lock, { name: utf8("l4"), lease: 404n });
  t.match(unknown, { code: 2, message: "etcdserver: requested lease not found" });
});

t.test("elections: campaign, leader, proclaim, observe, resign", async (t) => {
  const name = utf8("e1");
  const leases = [await lease(), await lease()];
  t.match(await callOnce(sessions[0], `${election}Leader`, leader, { name }), {
    code: 2,
    message: "election: no leader",
  });
  const observed = begin(1, `${election}Observe`, leader, { name });
  const values = (): string[] => observed.received.map(({ kv }) => utf8Text(kv?.value ?? utf8("")));
  const won = await callOnce(sessions[0], `${election}Campaign`, campaign, {
    name,
    lease: leases[0],
    value: utf8("a"),
  });
  const place = won.received[0]?.leader;
  t.match(place, { lease: leases[0], revision: Number });
  await observed.until(() => values().length === 1);
  const rival = begin(1, `${election}Campaign`, campaign, { name, lease: leases[1], value: utf8("b") });
  await queueOf("e1", 2);
  const current = await callOnce(sessions[1], `${election}Leader`, leader, { name });
  t.equal(utf8Text(current.received[0]?.kv?.value ?? utf8("")), "a");

  t.match(await callOnce(sessions[1], `${election}Proclaim`, proclaim, { leader: place, value: utf8("a2") }), {
    code: 0,
  });
  await observed.until(() => values().length === 2);
  const same = await callOnce(sessions[0], `${election}Campaign`, campaign, {
    name,
    lease: leases[0],
    value: utf8("a3"),
  });
  t.strictSame(same.received[0]?.leader, place, "campaigning again keeps the place");
  await observed.until(() => values().length === 3);
  t.match(await callOnce(sessions[0], `${election}Resign`, resign, { leader: place }), { code: 0 });
  t.match(await rival.ended, { code: 0 });
  await observed.until(() => values().length === 4);
  t.strictSame(values(), ["a", "a2", "a3", "b"]);
  const lost = await callOnce(sessions[0], `${election}Proclaim`, proclaim, { leader: place, value: utf8("a4") });
  t.match(lost, { code: 2, message: "election: not leader" });
  t.match(await callOnce(sessions[0], `${election}Resign`, resign, { leader: place }), { code: 0 }, "twice is once");
  for (const [method, types] of [
    ["Proclaim", proclaim],
    ["Resign", resign],
  ] as const) {
    const missing = await callOnce(sessions[0], election + method, types, {});
    t.match(missing, { code: 2, message: '"leader" field must be provided' });
  }
  observed.stream.destroy();
});
