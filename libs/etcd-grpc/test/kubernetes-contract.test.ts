import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import * as proto from "@triarch/etcd-proto";
import { startEtcdCluster } from "./etcd-cluster.ts";
import { callOnce, openSession, RawCall } from "./raw-call.ts";

// The requests that a real kube-apiserver makes, shape by shape, and what it relies on in the answers. The list is that
// of etcd's robustness tests, which hold recorded traffic of a cluster against it (tests/robustness/coverage).

t.setTimeout(120_000); // three members on a machine shared with whatever else runs
const cluster = await startEtcdCluster(t.testdir({}));
t.teardown(() => cluster.close());
const port = await cluster.follower();
const session = openSession(port);
t.teardown(() => session.destroy());

const range = { input: proto.RangeRequest, output: proto.RangeResponse };
const txn = { input: proto.TxnRequest, output: proto.TxnResponse };
const kv = "/etcdserverpb.KV/";
const pods = { key: utf8("/registry/pods/"), rangeEnd: utf8("/registry/pods0") };
const podKey = (name: string): Uint8Array => utf8(`/registry/pods/default/${name}`);
/** Built-in kinds are stored as protobuf behind this. */
const stored = (text: string): Uint8Array => utf8(`k8s\0${text}`);

async function read(request: proto.RangeRequestInit): Promise<proto.RangeResponse> {
  const { code, message, received } = await callOnce(session, `${kv}Range`, range, request);
  if (code !== 0 || received[0] === undefined) throw new Error(message);
  return received[0];
}
const write = async (request: proto.TxnRequestInit): Promise<proto.TxnResponse> => {
  const { code, message, received } = await callOnce(session, `${kv}Txn`, txn, request);
  if (code !== 0 || received[0] === undefined) throw new Error(message);
  return received[0];
};
const { equal } = proto.CompareResult;
const modIs = (key: Uint8Array, modRevision: number): proto.CompareInit => ({
  key,
  modRevision,
  target: proto.CompareTarget.mod,
  result: equal,
});
/** Create is an update of revision 0; what is there instead is asked for only by updates. */
const optimisticPut = (key: Uint8Array, value: Uint8Array, revision: number, lease = 0n) =>
  write({
    compare: [modIs(key, revision)],
    success: [{ requestPut: { key, value, lease } }],
    failure: revision === 0 ? [] : [{ requestRange: { key } }],
  });
const optimisticDelete = (key: Uint8Array, revision: number) =>
  write({
    compare: [modIs(key, revision)],
    success: [{ requestDeleteRange: { key } }],
    failure: [{ requestRange: { key } }],
  });

t.test("health, and what it decides features by: a version that can report watch progress", async (t) => {
  t.match(await read({ key: utf8("/registry/health") }), { count: 0, header: { revision: Number } });
  const status = { input: proto.StatusRequest, output: proto.StatusResponse };
  const { received } = await callOnce(session, "/etcdserverpb.Maintenance/Status", status, {});
  t.match(received[0], { version: /^3\.6\./, dbSize: Number });
});

t.test("create, update, delete by revision; the loser is shown what is there", async (t) => {
  const key = podKey("a");
  const created = await optimisticPut(key, stored("1"), 0);
  t.equal(created.succeeded, true);
  const revision = created.header?.revision ?? 0;
  t.match(await optimisticPut(key, stored("again"), 0), { succeeded: false, responses: [] });
  const updated = await optimisticPut(key, stored("2"), revision);
  t.equal(updated.succeeded, true);
  const lost = await optimisticPut(key, stored("3"), revision);
  t.match(lost, { succeeded: false, responses: [{ responseRange: { kvs: [{ value: stored("2") }] } }] });
  const kept = await optimisticDelete(key, revision);
  t.match(kept, { succeeded: false, responses: [{ responseRange: { kvs: [{ value: stored("2") }] } }] });
  t.equal((await optimisticDelete(key, updated.header?.revision ?? 0)).succeeded, true);
  // Where nobody wants to know what is there instead, nothing is asked in its place.
  const blind = (revision: number): Promise<proto.TxnResponse> =>
    write({ compare: [modIs(key, revision)], success: [{ requestDeleteRange: { key } }] });
  t.match(await blind(7), { succeeded: false, responses: [] });
  const again = await optimisticPut(key, stored("4"), 0);
  t.match(await blind(again.header?.revision ?? 0), {
    succeeded: true,
    responses: [{ responseDeleteRange: { deleted: 1 } }],
  });
  t.match(await read({ key, limit: 1 }), { kvs: [], count: 0 });
});

t.test("list in pages at one revision, count, keys; the header tells the revision of now", async (t) => {
  for (const name of ["a", "b", "c", "d", "e"]) await optimisticPut(podKey(name), stored(name), 0);
  const first = await read({ ...pods, limit: 2 });
  t.match(first, { count: 5, more: true, kvs: { length: 2 } });
  const pinned = first.header?.revision ?? 0;
  await optimisticPut(podKey("bb"), stored("bb"), 0);
  const key = utf8(`${utf8Text(first.kvs.at(-1)?.key ?? utf8(""))}\0`);
  const rest = await read({ ...pods, key, limit: 500, revision: pinned });
  t.strictSame(
    rest.kvs.map((row) => utf8Text(row.value)),
    ["k8s\0c", "k8s\0d", "k8s\0e"],
  );
  t.match(rest, { count: 3, more: false, header: { revision: pinned + 1 } });
  t.match(await read({ ...pods, countOnly: true }), { count: 6, kvs: [] });
  const keys = await read({ ...pods, keysOnly: true });
  t.ok(keys.kvs.length === 6 && keys.kvs.every(({ value, modRevision }) => value.length === 0 && modRevision > 1));
  t.match(await read({ key: utf8("/registry/"), limit: 1 }), { header: { revision: pinned + 1 } });
});

t.test("the watch cache: list as a stream, watch from there on, progress when asked", async (t) => {
  const stream = { input: proto.RangeRequest, output: proto.RangeStreamResponse };
  const listed = await callOnce(session, `${kv}RangeStream`, stream, pods);
  t.equal(listed.code, 0);
  const revision = listed.received.at(-1)?.rangeResponse?.header?.revision ?? 0;
  const types = { input: proto.WatchRequest, output: proto.WatchResponse };
  const watch = new RawCall(session, "/etcdserverpb.Watch/Watch", types, { hasleader: "true" });
  const createRequest = { ...pods, startRevision: revision + 1, prevKv: true, progressNotify: true };
  watch.send({ createRequest });
  await watch.until((received) => received.length === 1);
  const { modRevision = 0 } = (await read({ key: podKey("a") })).kvs[0] ?? {};
  const updated = await optimisticPut(podKey("a"), stored("new"), modRevision);
  await optimisticDelete(podKey("a"), updated.header?.revision ?? 0);
  await optimisticPut(podKey("f"), stored("f"), 0);
  const events = (): readonly proto.Event[] => watch.received.flatMap((response) => response.events);
  await watch.until(() => events().length === 3);
  t.match(events(), [
    { type: 0, kv: { value: stored("new") }, prevKv: { value: stored("a") } },
    { type: 1, kv: { key: podKey("a") }, prevKv: { value: stored("new") } },
    { type: 0, kv: { value: stored("f"), createRevision: Number }, prevKv: undefined },
  ]);
  watch.send({ progressRequest: {} });
  await watch.until((received) => received.at(-1)?.watchId === -1);
  t.equal(watch.received.at(-1)?.header?.revision, events().at(-1)?.kv?.modRevision);
  watch.stream.destroy();
});

t.test("events live on a lease of their own; masters register on theirs", async (t) => {
  const grant = { input: proto.LeaseGrantRequest, output: proto.LeaseGrantResponse };
  const { received } = await callOnce(session, "/etcdserverpb.Lease/LeaseGrant", grant, { ttl: 3_660 });
  const lease = received[0]?.id ?? 0n;
  t.equal((await optimisticPut(utf8("/registry/events/default/e"), stored("e"), 0, lease)).succeeded, true);
  t.equal((await optimisticPut(utf8("/registry/masterleases/10.0.0.1"), stored("m"), 0, lease)).succeeded, true);
  t.equal((await read({ key: utf8("/registry/events/default/e") })).kvs[0]?.lease, lease);
});

t.test("compaction: one apiserver of several, by a version of its key; who lists from before is told", async (t) => {
  const key = utf8("compact_rev_key");
  const attempt = (version: number) =>
    write({
      compare: [{ key, version, target: proto.CompareTarget.version, result: equal }],
      success: [{ requestPut: { key, value: utf8(String(version)) } }],
      failure: [{ requestRange: { key } }],
    });
  const before = (await read({ ...pods, limit: 1 })).header?.revision ?? 0;
  t.match(await read({ key, limit: 1 }), { kvs: [], header: { revision: before } });
  // Each apiserver hears of the others' compactions from this key.
  const types = { input: proto.WatchRequest, output: proto.WatchResponse };
  const heard = new RawCall(session, "/etcdserverpb.Watch/Watch", types, { hasleader: "true" });
  heard.send({ createRequest: { key, startRevision: before + 1, prevKv: true, progressNotify: true } });
  t.equal((await attempt(0)).succeeded, true);
  await heard.until((received) => received.length === 2);
  t.match(heard.received, [{ created: true }, { events: [{ kv: { key, value: utf8("0"), version: 1 } }] }]);
  heard.stream.destroy();
  t.match(await read({ key, limit: 1 }), { kvs: [{ value: utf8("0"), version: 1 }] });
  t.match(await attempt(0), { succeeded: false, responses: [{ responseRange: { kvs: [{ version: 1 }] } }] });
  const compact = { input: proto.CompactionRequest, output: proto.CompactionResponse };
  const revision = before + 1;
  t.match(await callOnce(session, `${kv}Compact`, compact, { revision }), { code: 0 });
  const again = { code: 11, message: "etcdserver: mvcc: required revision has been compacted" };
  t.match(await callOnce(session, `${kv}Compact`, compact, { revision }), again);
  t.match(await callOnce(session, `${kv}Range`, range, { ...pods, revision: before }), again);
  const watch = new RawCall(session, "/etcdserverpb.Watch/Watch", types, { hasleader: "true" });
  watch.send({ createRequest: { ...pods, startRevision: before - 1, prevKv: true, progressNotify: true } });
  await watch.until((received) => received.length === 2);
  t.match(watch.received, [{ created: true }, { canceled: true, compactRevision: revision }]);
  watch.stream.destroy();
});
