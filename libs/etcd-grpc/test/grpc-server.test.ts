import type { ClientHttp2Session } from "node:http2";
import { request } from "node:https";
import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import * as proto from "@triarch/etcd-proto";
import { startEtcdPort } from "./etcd-port.ts";
import { openSession, RawCall } from "./raw-call.ts";

// What a call sees on the wire, over a real port.

t.setTimeout(60_000);
const port = await startEtcdPort(t.testdir({}), { keepaliveMinTimeMs: 0 });
t.teardown(() => port.close());
const { server } = port;

function session(t: { teardown: (end: () => unknown) => void }): ClientHttp2Session {
  const opened = openSession(port);
  t.teardown(() => opened.destroy());
  return opened;
}

const range = { input: proto.RangeRequest, output: proto.RangeResponse };
const rangePath = "/etcdserverpb.KV/Range";
const watch = { input: proto.WatchRequest, output: proto.WatchResponse };
const watchPath = "/etcdserverpb.Watch/Watch";
const keepAlive = { input: proto.LeaseKeepAliveRequest, output: proto.LeaseKeepAliveResponse };
const everything = { key: utf8("\0"), rangeEnd: utf8("\0") };

async function roundTrips(opened: ClientHttp2Session, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve, reject) => {
      opened.ping((error) => (error === null ? resolve() : reject(error)));
    });
  }
}

/** Calls of a method that have ended, with whatever code. */
async function handled(method: string): Promise<number> {
  const { caPem, client } = port;
  const text = await new Promise<string>((resolve, reject) => {
    const tls = { ca: caPem, cert: client.certificatePem, key: client.keyPem };
    request(`${port.url}/metrics`, tls, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString())).on("end", () => resolve(body));
    })
      .on("error", reject)
      .end();
  });
  const [, service, name] = method.split("/");
  const start = `grpc_server_handled_total{grpc_service="${service}",grpc_method="${name}"`;
  const lines = text.split("\n").filter((line) => line.startsWith(start));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

t.test("an unknown method: code 12, although the client has not finished sending", async (t) => {
  const call = new RawCall(session(t), "/etcdserverpb.Cluster/MemberSwap", range);
  call.send({ key: utf8("a") });
  t.same(await call.ended, { code: 12, message: "unknown method MemberSwap for service etcdserverpb.Cluster" });
});

t.test("missing, cut off and doubled request messages", async (t) => {
  const shared = session(t);
  const none = new RawCall(shared, rangePath, range);
  none.stream.end();
  t.match(await none.ended, { code: 13, message: /missing/ });
  const half = new RawCall(shared, rangePath, range);
  half.stream.end(new Uint8Array([0, 0, 0, 0, 9, 1]));
  t.match(await half.ended, { code: 13, message: /cut off/ });
  const twice = new RawCall(shared, rangePath, range);
  twice.send({ key: utf8("a") });
  twice.send({ key: utf8("a") });
  t.match(await twice.ended, { code: 13, message: /more than one/ });
  const garbage = new RawCall(shared, rangePath, range);
  garbage.stream.end(new Uint8Array([0, 0, 0, 0, 2, 0xff, 0xff]));
  t.match(await garbage.ended, { code: 13, message: /error unmarshalling request/ });
  const compressed = new RawCall(shared, rangePath, range);
  compressed.stream.end(new Uint8Array([1, 0, 0, 0, 1, 0]));
  t.match(await compressed.ended, { code: 12, message: /compressed/ });
});

t.test("a message past the bound: code 8, and the session goes on", async (t) => {
  const shared = session(t);
  for (const bytes of [2_097_153, 5_000_000, 20_000_000]) {
    const call = new RawCall(shared, rangePath, range);
    call.send({ key: new Uint8Array(bytes) });
    t.match(await call.ended, { code: 8, message: /^grpc: received message larger than max \(\d+ vs\. 2097152\)$/ });
  }
  const next = new RawCall(shared, rangePath, range);
  next.send({ key: utf8("a") });
  next.stream.end();
  t.match(await next.ended, { code: 0 });
});

t.test("deadlines: a stream ends at its own, a malformed one is refused", async (t) => {
  const shared = session(t);
  const bad = new RawCall(shared, rangePath, range, { "grpc-timeout": "soon" });
  t.match(await bad.ended, { code: 13, message: /malformed grpc-timeout/ });
  const stream = new RawCall(shared, watchPath, watch, { "grpc-timeout": "50m" });
  stream.send({ createRequest: everything });
  t.same(await stream.ended, { code: 4, message: "context deadline exceeded" });
  t.match(stream.received, [{ created: true }]);
});

t.test("a client that asks for a leader is served while there is one", async (t) => {
  const call = new RawCall(session(t), rangePath, range, { hasleader: "true" });
  call.send({ key: utf8("a") });
  call.stream.end();
  t.match(await call.ended, { code: 0 });
  t.equal(call.received.length, 1);
});

t.test("a client that goes away ends its watches", async (t) => {
  const before = await handled(watchPath);
  const call = new RawCall(session(t), watchPath, watch);
  call.send({ createRequest: everything });
  await call.until((received) => received.length === 1);
  call.stream.destroy();
  while ((await handled(watchPath)) === before);
  t.pass("the port has counted it");
});

t.test("a watch whose client ends its side goes on until the client is gone, and is counted then", async (t) => {
  const before = await handled(watchPath);
  const call = new RawCall(session(t), watchPath, watch);
  call.send({ createRequest: everything });
  call.stream.end();
  await call.until((received) => received.length === 1);
  await server.put({ key: utf8("/after-the-end") });
  await call.until((received) => received.length === 2);
  t.match(call.received[1], { events: [{ kv: { key: utf8("/after-the-end") } }] });
  call.stream.close();
  while ((await handled(watchPath)) === before);
});

t.test("thousands of renewals at once are all answered, in their order", async (t) => {
  await server.leaseGrant({ id: 2n, ttl: 60 });
  const call = new RawCall(session(t), "/etcdserverpb.Lease/LeaseKeepAlive", keepAlive);
  for (let i = 0; i < 5_000; i++) call.send({ id: i % 2 === 0 ? 2n : BigInt(i) });
  call.stream.end();
  t.match(await call.ended, { code: 0, message: "" });
  t.equal(call.received.length, 5_000);
  t.ok(
    call.received.every(({ id, ttl }, i) => (i % 2 === 0 ? id === 2n && ttl === 60 : id === BigInt(i) && ttl === 0)),
  );
});

t.test("a slow watch client loses nothing", async (t) => {
  const call = new RawCall(session(t), watchPath, watch);
  call.send({ createRequest: { key: utf8("/slow"), rangeEnd: utf8("/slox") } });
  await call.until((received) => received.length === 1);
  call.stream.pause();
  const value = new Uint8Array(20_000);
  const writes = 1_000; // 20 MB: past what the port buffers and both flow control windows
  for (let i = 0; i < writes; i++) await server.put({ key: utf8(`/slow/${i}`), value });
  call.stream.resume();
  const events = (): readonly proto.Event[] => call.received.flatMap((response) => response.events);
  await call.until(() => events().length >= writes);
  t.strictSame(
    events().map((event) => utf8Text(event.kv?.key ?? utf8(""))),
    Array.from({ length: writes }, (_, i) => `/slow/${i}`),
  );
  call.send({ progressRequest: {} });
  await call.until((received) => received.at(-1)?.watchId === -1);
  t.equal(call.received.at(-1)?.header?.revision, server.header().revision);
});

t.test("a client that takes no answers cannot pile up requests, and is let go when it leaves", async (t) => {
  const before = await handled(watchPath);
  const opened = session(t);
  const call = new RawCall(opened, watchPath, watch);
  const value = new Uint8Array(100_000);
  const { revision } = server.header();
  for (let i = 0; i < 40; i++) await server.put({ key: utf8("/full"), value });
  call.send({ createRequest: { key: utf8("/full"), startRevision: revision + 1 } });
  call.stream.pause();
  await roundTrips(opened, 20); // the port has sent all it may
  const key = utf8("k".repeat(1_000));
  for (let i = 0; i < 2_000; i++) call.send({ createRequest: { key } });
  await roundTrips(opened, 200); // a port that reads takes a window's worth, 64 KiB, in each
  t.ok(call.stream.writableLength > 1_000_000, `${call.stream.writableLength} bytes wait in the client`);
  call.stream.destroy();
  while ((await handled(watchPath)) === before);
  t.pass("the port has let it go");
});
