import { connect } from "node:http2";
import t from "tap";
import { utf8 } from "@triarch/base";
import * as proto from "@triarch/etcd-proto";
import { silentLogger } from "@triarch/telemetry";
import { startWaitingPort } from "../src/index.ts";
import { etcdctlFor, makeCredentials, needsEtcdctl } from "./etcd-port.ts";
import { callOnce, RawCall } from "./raw-call.ts";

// What a member without data tells whoever asks.

t.setTimeout(60_000);
const reason = "the database is damaged; waiting for another member's state";
const options = { host: "127.0.0.1", port: 0, reason, logger: silentLogger };

t.test("HTTP, gRPC calls and streams: no data, and why", async (t) => {
  const port = await startWaitingPort({ ...options, tls: undefined });
  t.teardown(() => port.close());
  const health = await fetch(`${port.url}/health`);
  t.equal(health.status, 503);
  t.strictSame(await health.json(), { health: "false", reason: `NO DATA: ${reason}` });
  const ready = await fetch(`${port.url}/readyz`);
  t.strictSame([ready.status, await ready.text()], [503, `[-]data failed: ${reason}\n`]);
  t.equal((await fetch(`${port.url}/livez`)).status, 200, "starting the process anew would not help");
  t.equal((await fetch(`${port.url}/v3/kv/range`, { method: "POST", body: "{}" })).status, 503);
  const session = connect(port.url);
  t.teardown(() => session.destroy());
  const refused = { code: 14, message: `etcdserver: no data: ${reason}` };
  const range = { input: proto.RangeRequest, output: proto.RangeResponse };
  t.match(await callOnce(session, "/etcdserverpb.KV/Range", range, { key: utf8("a") }), refused);
  const watch = new RawCall(session, "/etcdserverpb.Watch/Watch", {
    input: proto.WatchRequest,
    output: proto.WatchResponse,
  });
  t.match(await watch.ended, refused);
});

t.test("etcdctl shows it; strangers are still refused", needsEtcdctl, async (t) => {
  const dir = t.testdir({});
  const credentials = await makeCredentials();
  const { certificatePem: cert, keyPem: key } = credentials.port;
  const port = await startWaitingPort({ ...options, tls: { cert, key, clientCa: credentials.ca.certificatePem } });
  t.teardown(() => port.close());
  const etcdctl = etcdctlFor({ dir, urls: [port.url], credentials });
  const flags = ["--command-timeout=500ms", "--dial-timeout=500ms"];
  t.match((await etcdctl({}, ...flags, "put", "a", "1")).stderr, reason);
  t.match(await etcdctl({ as: credentials.stranger }, ...flags, "put", "a", "1"), { code: /[1-9]/ });
  const status = await etcdctl({}, ...flags, "endpoint", "status");
  t.match(status.stderr, /Failed to get the status of endpoint/);
});
