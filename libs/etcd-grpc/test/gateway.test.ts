import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import t from "tap";
import { utf8 } from "@triarch/base";
import { startEtcdPort } from "./etcd-port.ts";
import { openSession } from "./raw-call.ts";

// JSON over HTTP; the shapes are those that etcd 3.4 was seen to answer with.

t.setTimeout(60_000);
const port = await startEtcdPort(t.testdir({}));
t.teardown(() => port.close());
const { caPem: ca, client } = port;

async function begin(path: string, body: string, method = "POST"): Promise<IncomingMessage> {
  const tls = { ca, cert: client.certificatePem, key: client.keyPem };
  const sent = request(`${port.url}${path}`, { ...tls, method, agent: false });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response.setEncoding("utf8");
}
async function readText(response: IncomingMessage): Promise<string> {
  let all = "";
  for await (const part of response as AsyncIterable<string>) all += part;
  return all;
}
async function post(
  path: string,
  body: unknown,
): Promise<{ readonly status: number | undefined; readonly json: unknown }> {
  const response = await begin(path, typeof body === "string" ? body : JSON.stringify(body));
  return { status: response.statusCode, json: JSON.parse(await readText(response)) as unknown };
}
const base64 = (value: string): string => Buffer.from(value).toString("base64");
const header = { cluster_id: /^\d+$/, member_id: String(port.memberId), revision: /^\d+$/, raft_term: /^\d+$/ };
const failure = (code: number, message: string | RegExp) => ({ error: message, message, code });

t.test("KV", async (t) => {
  t.match(await post("/v3/kv/put", { key: base64("foo"), value: base64("bar") }), { status: 200, json: { header } });
  const row = { key: base64("foo"), create_revision: "2", mod_revision: "2", version: "1", value: base64("bar") };
  const found = await post("/v3/kv/range", { key: base64("foo") });
  t.match(found, { status: 200, json: { header, kvs: [row], count: "1" } });
  t.strictSame(Object.keys(found.json as object), ["header", "kvs", "count"], "zeros are left out");
  const txn = {
    compare: [{ key: base64("foo"), result: "EQUAL", target: "CREATE", create_revision: "2" }],
    success: [
      { request_range: { key: base64("foo") } },
      { request_delete_range: { key: base64("foo"), prev_kv: true } },
    ],
  };
  t.match(await post("/v3/kv/txn", txn), {
    json: {
      succeeded: true,
      responses: [{ response_range: { kvs: [row] } }, { response_delete_range: { deleted: "1", prev_kvs: [row] } }],
    },
  });
  t.match(await post("/v3/kv/compaction", { revision: 2 }), { status: 200, json: { header } });
});

t.test("failures: etcd's texts, gRPC's codes, and what HTTP calls them", async (t) => {
  t.match(await post("/v3/kv/range", {}), { status: 400, json: failure(3, "etcdserver: key is not provided") });
  const future = failure(11, "etcdserver: mvcc: required revision is a future revision");
  t.match(await post("/v3/kv/range", { key: base64("a"), revision: "999" }), { status: 400, json: future });
  const noLease = failure(5, "etcdserver: requested lease not found");
  t.match(await post("/v3/lease/revoke", { ID: "404" }), { status: 404, json: noLease });
  t.match(await post("/v3/kv/range", "nonsense"), { status: 400, json: failure(3, /JSON/) });
  t.match(await post("/v3/kv/range", "{}\n{}"), { status: 400, json: failure(3, /one request/) });
  t.match(await post("/v3/kv/range", { key: "%" }), { status: 400, json: failure(3, /^key: not base64/) });
  t.match(await post("/v3/kv/put", `"${"x".repeat(5_000_000)}"`), { status: 429, json: failure(8, /longer than/) });
  for (const [path, method, status, text] of [
    ["/v3/kv/range", "GET", 501, failure(12, "Method Not Allowed")],
    ["/v3/nothing", "POST", 404, failure(5, "Not Found")],
  ] as const) {
    const response = await begin(path, method === "GET" ? "" : "{}", method);
    t.match(
      { status: response.statusCode, json: JSON.parse(await readText(response)) as unknown },
      { status, json: text },
    );
  }
});

t.test("leases, and others", async (t) => {
  t.match(await post("/v3/lease/grant", { TTL: "60", ID: "7" }), { status: 200, json: { header, ID: "7", TTL: "60" } });
  await port.server.put({ key: utf8("leased"), lease: 7n });
  t.match(await post("/v3/lease/timetolive", { ID: 7, keys: true }), {
    json: { ID: "7", TTL: /^(60|59|58)$/, grantedTTL: "60", keys: [base64("leased")] },
  });
  t.match(await post("/v3/lease/leases", {}), { json: { leases: [{ ID: "7" }] } });
  t.match(await post("/v3/lease/keepalive", { ID: "7" }), { json: { result: { header, ID: "7", TTL: "60" } } });
  const two = await readText(await begin("/v3/lease/keepalive", '{"ID":"7"}\n{"ID":"8"}\n'));
  t.match(
    two
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
    [{ result: { ID: "7", TTL: "60" } }, { result: { ID: "8" } }],
  );
  t.match(await post("/v3/lease/revoke", { ID: "7" }), { status: 200, json: { header } });
  t.match(await post("/v3/maintenance/status", ""), {
    json: { version: "3.6.5", raftIndex: /^\d+$/, dbSize: /^\d+$/ },
  });
  t.match(await post("/v3/cluster/member/list", {}), { json: { members: [{ name: "m1", peerURLs: [String] }] } });
  t.match(await post("/v3/lock/lock", { name: base64("l") }), { json: { key: String } });
});

t.test("a watch: one JSON object a line, for as long as the client listens", async (t) => {
  const { header: at } = await port.server.put({ key: utf8("w"), value: utf8("1") });
  const start = String(at?.revision);
  const create = { create_request: { key: base64("w"), start_revision: start, prev_kv: true } };
  const response = await begin("/v3/watch", JSON.stringify(create));
  t.match(response.headers, { "content-type": "application/json" });
  const lines = readLines(response);
  t.match(await lines.next(), { value: { result: { header, created: true } } });
  t.match(await lines.next(), { value: { result: { events: [{ kv: { value: base64("1"), mod_revision: start } }] } } });
  await port.server.deleteRange({ key: utf8("w") });
  t.match(await lines.next(), {
    value: { result: { events: [{ type: "DELETE", kv: { key: base64("w") }, prev_kv: { value: base64("1") } }] } },
  });
  response.destroy();
});

t.test("over HTTP/2 too", async (t) => {
  const session = openSession(port);
  t.teardown(() => session.destroy());
  const stream = session.request({ ":method": "POST", ":path": "/v3/kv/range", "content-type": "application/json" });
  stream.end(JSON.stringify({ key: base64("none") }));
  let body = "";
  for await (const part of stream as AsyncIterable<Buffer>) body += part.toString();
  t.match(JSON.parse(body), { header });
});

async function* readLines(response: IncomingMessage): AsyncGenerator<unknown> {
  let rest = "";
  for await (const part of response as AsyncIterable<string>) {
    const lines = (rest + part).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as unknown;
  }
}
