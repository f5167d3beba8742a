import { createHash } from "node:crypto";
import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import * as proto from "@triarch/etcd-proto";
import { startEtcdPort } from "./etcd-port.ts";
import { callOnce, openSession, RawCall } from "./raw-call.ts";

t.setTimeout(60_000);
const port = await startEtcdPort(t.testdir({}), { keepaliveMinTimeMs: 0 });
t.teardown(() => port.close());
const { server } = port;
const session = openSession(port);
t.teardown(() => session.destroy());

const rangeStream = { input: proto.RangeRequest, output: proto.RangeStreamResponse };
const path = "/etcdserverpb.KV/RangeStream";
const all = { key: utf8("/r/"), rangeEnd: utf8("/r0") };
const value = new Uint8Array(2_000).fill(7);
for (let at = 0; at < 3_000; at += 100) {
  const success = Array.from({ length: 100 }, (_, i) => ({
    requestPut: { key: utf8(`/r/${String(at + i).padStart(5, "0")}`), value },
  }));
  await server.txn({ success });
}

const stream = (request: proto.RangeRequestInit) => callOnce(session, path, rangeStream, { ...all, ...request });
const joined = (pieces: readonly proto.RangeStreamResponse[]): readonly proto.KeyValue[] =>
  pieces.flatMap(({ rangeResponse }) => rangeResponse?.kvs ?? []);

/** Cheaper to compare than thousands of rows. */
const digest = (kvs: readonly proto.KeyValue[]): string =>
  createHash("sha256").update(proto.RangeResponse.encode({ kvs })).digest("hex");

t.test("a whole range of megabytes, to a client that reads it slowly and to one that goes away", async (t) => {
  const range = { input: proto.RangeRequest, output: proto.RangeResponse };
  const call = new RawCall(session, "/etcdserverpb.KV/Range", range);
  call.send(all);
  call.stream.end();
  let chunks = 0;
  call.stream.on("data", () => {
    chunks += 1;
    call.stream.pause();
    setImmediate(() => call.stream.resume());
  });
  t.match(await call.ended, { code: 0 });
  t.ok(chunks > 50, `${chunks} chunks`);
  t.equal(digest(call.received[0]?.kvs ?? []), digest((await server.range(all)).kvs));

  const leaving = new RawCall(session, "/etcdserverpb.KV/Range", range);
  leaving.send(all);
  leaving.stream.end();
  leaving.stream.once("data", () => leaving.stream.close());
  t.match(await leaving.ended, { code: -1 });
  const { code, received } = await callOnce(session, "/etcdserverpb.KV/Range", range, { ...all, limit: 3 });
  t.equal(code, 0);
  t.equal(received[0]?.kvs.length, 3);
});

t.test("the pieces together are the range; header, count and more come with the last alone", async (t) => {
  for (const request of [{}, { limit: 25 }, { limit: 7 }, { keysOnly: true }, { revision: 10 }, { countOnly: true }]) {
    const whole = await server.range({ ...all, ...request });
    const { code, received } = await stream(request);
    t.equal(code, 0);
    t.equal(digest(joined(received)), digest(whole.kvs), JSON.stringify(request));
    const last = received.at(-1)?.rangeResponse;
    t.match(last, { count: whole.count, more: whole.more, header: { revision: whole.header?.revision } });
    for (const { rangeResponse } of received.slice(0, -1))
      t.match(rangeResponse, { header: undefined, count: 0, more: false });
  }
  const { received } = await stream({});
  t.equal(received[0]?.rangeResponse?.kvs.length, 10);
  t.ok(received.length > 8 && received.length < 20, `${received.length} pieces`);
  const largest = Math.max(...received.map(({ rangeResponse }) => (rangeResponse?.kvs.length ?? 0) * 2_007));
  t.ok(largest < 2 * 1_572_864, `${largest} bytes in the largest`);
});

t.test("one revision for all pieces, whatever is written meanwhile", async (t) => {
  const call = new RawCall(session, path, rangeStream);
  call.send(all);
  call.stream.end();
  await call.until((received) => received.length > 0);
  call.stream.pause();
  await server.put({ key: utf8("/r/02999"), value: utf8("new") });
  await server.deleteRange({ key: utf8("/r/02998") });
  call.stream.resume();
  t.match(await call.ended, { code: 0 });
  const kvs = joined(call.received);
  t.equal(kvs.length, 3_000);
  t.strictSame(kvs.at(-1)?.value, value);
  await server.put({ key: utf8("/r/02998"), value });
});

t.test("a compaction that overtakes the stream ends it with etcd's text", async (t) => {
  const call = new RawCall(session, path, rangeStream, {});
  call.send(all);
  call.stream.pause();
  call.stream.end();
  await server.put({ key: utf8("/other") });
  await server.put({ key: utf8("/other") });
  await server.compact({ revision: server.header().revision, physical: false });
  call.stream.resume();
  t.same(await call.ended, { code: 11, message: "etcdserver: mvcc: required revision has been compacted" });
  const future = await stream({ revision: server.header().revision + 1 });
  t.match(future, { code: 11, message: "etcdserver: mvcc: required revision is a future revision" });
});

t.test("sorting and revision filters: code 12, upon which clients use Range", async (t) => {
  for (const request of [
    { sortOrder: proto.SortOrder.descend },
    { sortTarget: proto.SortTarget.mod },
    { minModRevision: 1 },
    { maxCreateRevision: 9 },
  ]) {
    t.match(await stream(request), { code: 12, received: [] });
  }
  const empty = await callOnce(session, path, rangeStream, { key: utf8("") });
  t.match(empty, { code: 3, message: "etcdserver: key is not provided" });
  const none = await callOnce(session, path, rangeStream, { key: utf8("/none") });
  t.match(none, { code: 0, received: [{ rangeResponse: { count: 0, header: { revision: Number } } }] });
  t.equal(utf8Text(none.received[0]?.rangeResponse?.kvs[0]?.key ?? utf8("")), "");
});
