import { once } from "node:events";
import { get } from "node:http";
import { connect, constants, type ClientHttp2Session } from "node:http2";
import t from "tap";
import { utf8 } from "@triarch/base";
import * as proto from "@triarch/etcd-proto";
import { createCa, issueCertificate } from "@triarch/pki";
import { createRegistry, silentLogger } from "@triarch/telemetry";
import { startEtcdGrpc } from "../src/index.ts";
import { startEtcdPort } from "./etcd-port.ts";
import { changed } from "./changed-server.ts";
import { callOnce, openSession, RawCall } from "./raw-call.ts";

// Who is let in, and what a call must obey before any service sees it.

t.setTimeout(120_000); // a dozen key pairs, on a machine shared with whatever else runs

const range = { input: proto.RangeRequest, output: proto.RangeResponse };
const rangePath = "/etcdserverpb.KV/Range";
const watch = { input: proto.WatchRequest, output: proto.WatchResponse };
const watchPath = "/etcdserverpb.Watch/Watch";
const health = { input: proto.HealthCheckRequest, output: proto.HealthCheckResponse };

t.test(
  "certificates of the Kubernetes CA are refused: kubelet, scheduler, user, and one that bears a member's name",
  async (t) => {
    const port = await startEtcdPort(t.testdir({}));
    t.teardown(() => port.close());
    const nowMs = Date.now();
    const kubernetesCa = await createCa({ commonName: "kubernetes", nowMs, validityDays: 2 });
    const names = [
      { commonName: "system:node:n1", organizations: ["system:nodes"] },
      { commonName: "system:kube-scheduler" },
      { commonName: "admin", organizations: ["system:masters"] },
      { commonName: "m1" },
    ];
    for (const name of names) {
      const pair = await issueCertificate(kubernetesCa, { ...name, usages: ["client"], nowMs, validityDays: 1 });
      const refused = openSession({ ...port, client: pair });
      refused.on("error", () => undefined);
      await t.rejects(
        new Promise((resolve, reject) => {
          const stream = refused.request({ ":path": "/version" });
          stream
            .on("response", resolve)
            .on("error", reject)
            .on("close", () => reject(new Error("closed")));
        }),
        name.commonName,
      );
      refused.destroy();
    }
    const known = openSession(port);
    t.match(await callOnce(known, rangePath, range, { key: utf8("a") }), { code: 0 });
    known.destroy();
  },
);

t.test("without TLS, which must be asked for: gRPC, HTTP/2 and HTTP/1.1 on one port", async (t) => {
  const port = await startEtcdPort(t.testdir({}));
  const { server } = port;
  const logger = silentLogger;
  const plain = await startEtcdGrpc({
    server,
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    logger,
    registry: createRegistry("plain"),
  });
  t.teardown(async () => {
    await plain.close();
    await port.close();
  });
  t.match(plain.url, /^http:/);
  const session = connect(plain.url);
  t.match(await callOnce(session, rangePath, range, { key: utf8("a") }), { code: 0 });
  const page = session.request({ ":path": "/health" });
  const [headers] = (await once(page, "response")) as [Record<string, unknown>];
  t.equal(headers[":status"], 200);
  session.destroy();
  const body = await new Promise<string>((resolve, reject) => {
    get(`${plain.url}/version`, { agent: false }, (response) => {
      let text = "";
      response.on("data", (part: Buffer) => (text += part.toString())).on("end", () => resolve(text));
    }).on("error", reject);
  });
  t.match(JSON.parse(body), { etcdserver: "3.6.5" });
});

t.test("too many pings: GOAWAY with ENHANCE_YOUR_CALM; answers in between forgive them", async (t) => {
  const port = await startEtcdPort(t.testdir({}));
  t.teardown(() => port.close());
  const ping = (session: ClientHttp2Session): Promise<void> =>
    new Promise((resolve, reject) => {
      session.ping((error) => (error === null ? resolve() : reject(error)));
    });
  const calm = openSession(port);
  await once(calm, "connect");
  for (let i = 0; i < 10; i++) {
    await ping(calm);
    await callOnce(calm, rangePath, range, { key: utf8("a") });
  }
  t.notOk(calm.destroyed);
  calm.destroy();

  for (const withStream of [true, false]) {
    const session = openSession(port);
    session.on("error", () => undefined);
    await once(session, "connect");
    if (withStream) {
      const call = new RawCall(session, watchPath, watch);
      call.send({ createRequest: { key: utf8("a") } });
      await call.until((received) => received.length === 1);
    }
    const goaway = once(session, "goaway") as Promise<[number, number, Buffer]>;
    const pings = (async () => {
      for (let i = 0; i < 20; i++) await ping(session);
    })();
    pings.catch(() => undefined);
    const [code, , data] = await goaway;
    t.equal(code, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    t.equal(data.toString(), "too_many_pings");
    session.destroy();
  }
});

t.test("pings while a long answer comes in, as Go's clients measure their line by, are forgiven", async (t) => {
  const port = await startEtcdPort(t.testdir({}));
  t.teardown(() => port.close());
  for (let i = 0; i < 8; i++) await port.server.put({ key: utf8(`/${i}`), value: new Uint8Array(1_000_000) });
  const session = openSession(port);
  t.teardown(() => session.destroy());
  let goaway = false;
  session.on("goaway", () => (goaway = true));
  const snapshot = { input: proto.SnapshotRequest, output: proto.SnapshotResponse };
  const call = new RawCall(session, "/etcdserverpb.Maintenance/Snapshot", snapshot);
  let pings = 0;
  let isOut = false;
  call.stream.on("data", () => {
    if (isOut || session.destroyed) return;
    isOut = true;
    pings += 1;
    session.ping(() => (isOut = false));
  });
  call.send({});
  call.stream.end();
  t.match(await call.ended, { code: 0 });
  t.ok(pings > 5, `${pings} pings`);
  t.equal(goaway, false);
});

t.test("health, downgrade, and a client version that is no text", async (t) => {
  const port = await startEtcdPort(t.testdir({}));
  t.teardown(() => port.close());
  const session = openSession(port);
  t.teardown(() => session.destroy());
  const check = "/grpc.health.v1.Health/Check";
  t.match(await callOnce(session, check, health, {}), { code: 0, received: [{ status: proto.ServingStatus.serving }] });
  t.match(await callOnce(session, check, health, { service: "other" }), { code: 5, message: "unknown service" });
  const downgrade = { input: proto.DowngradeRequest, output: proto.DowngradeResponse };
  const answers = [
    [{ action: proto.DowngradeAction.validate, version: "x" }, 3, "etcdserver: wrong downgrade target version format"],
    [{ action: proto.DowngradeAction.enable, version: "3.5" }, 3, "etcdserver: invalid downgrade target version"],
    [{ action: proto.DowngradeAction.cancel }, 9, "etcdserver: no inflight downgrade job"],
  ] as const;
  for (const [request, code, message] of answers) {
    t.match(await callOnce(session, "/etcdserverpb.Maintenance/Downgrade", downgrade, request), { code, message });
  }
  const version = Buffer.from([0xff, 0xfe]).toString("latin1");
  const unreadable = await callOnce(session, rangePath, range, { key: utf8("a") }, { "client-api-version": version });
  t.match(unreadable, { code: 3, message: "etcdserver: invalid client api version" });
  const known = await callOnce(session, rangePath, range, { key: utf8("a") }, { "client-api-version": "3.6" });
  t.match(known, { code: 0 });
});

t.test("a learner serves status, snapshots and serializable ranges, and nothing else", async (t) => {
  const port = await startEtcdPort(t.testdir({}));
  const options = {
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    logger: silentLogger,
    registry: createRegistry("learner"),
  };
  const learner = await startEtcdGrpc({ ...options, server: changed(port.server, { isLearner: () => true }) });
  t.teardown(async () => {
    await learner.close();
    await port.close();
  });
  const session = connect(learner.url);
  t.teardown(() => session.destroy());
  const refused = { code: 9, message: "etcdserver: rpc not supported for learner" };
  t.match(await callOnce(session, rangePath, range, { key: utf8("a") }), refused);
  t.match(await callOnce(session, rangePath, range, { key: utf8("a"), serializable: true }), { code: 0 });
  const put = { input: proto.PutRequest, output: proto.PutResponse };
  t.match(await callOnce(session, "/etcdserverpb.KV/Put", put, { key: utf8("a") }), refused);
  const status = { input: proto.StatusRequest, output: proto.StatusResponse };
  t.match(await callOnce(session, "/etcdserverpb.Maintenance/Status", status, {}), { code: 0 });
  const snapshot = { input: proto.SnapshotRequest, output: proto.SnapshotResponse };
  t.match(await callOnce(session, "/etcdserverpb.Maintenance/Snapshot", snapshot, {}), { code: 0 });
  const call = new RawCall(session, watchPath, watch);
  call.send({ createRequest: { key: utf8("a") } });
  t.match(await call.ended, refused);
  const stream = { input: proto.RangeRequest, output: proto.RangeStreamResponse };
  t.match(await callOnce(session, "/etcdserverpb.KV/RangeStream", stream, { key: utf8("a") }), refused);
});
