import { request } from "node:https";
import t from "tap";
import type { KeyPair } from "@triarch/pki";
import { startEtcdPort } from "./etcd-port.ts";
import { openSession } from "./raw-call.ts";

const port = await startEtcdPort(t.testdir({}));
t.teardown(() => port.close());

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

function get(path: string, as: KeyPair | undefined = port.client, method = "GET"): Promise<Answer> {
  const credentials = as === undefined ? {} : { cert: as.certificatePem, key: as.keyPem };
  return new Promise((resolve, reject) => {
    request(`${port.url}${path}`, { ca: port.caPem, ...credentials, method, agent: false }, (response) => {
      let body = "";
      response
        .on("data", (chunk: Buffer) => (body += chunk.toString()))
        .on("end", () => resolve({ status: response.statusCode, type: response.headers["content-type"], body }));
    })
      .on("error", reject)
      .end();
  });
}

t.test("HTTP/1.1: version, health, probes, metrics", async (t) => {
  const version = await get("/version");
  t.match(version, { status: 200, type: "application/json" });
  t.same(JSON.parse(version.body), { etcdserver: "3.6.5", etcdcluster: "3.6.0", storage: "3.6.0" });
  t.same(JSON.parse((await get("/health?serializable=true")).body), { health: "true", reason: "" });
  t.match(await get("/livez"), { status: 200, body: "ok\n" });
  t.match(await get("/readyz"), { status: 200, body: "ok\n" });
  t.match(await get("/metrics"), { status: 200, type: /^text\/plain/, body: /etcd_grpc_duration_seconds/ });
  t.match(await get("/v2/keys"), { status: 404, body: /\/version, \/health/ });
  t.match(await get("/health", port.client, "POST"), { status: 405 });
});

t.test("HTTP/2: the same, beside gRPC on one connection", async (t) => {
  const session = openSession(port);
  t.teardown(() => session.destroy());
  const stream = session.request({ ":path": "/health" });
  let body = "";
  let status: number | undefined;
  stream.on("response", (headers) => (status = headers[":status"]));
  for await (const chunk of stream as AsyncIterable<Buffer>) body += chunk.toString();
  t.equal(status, 200);
  t.same(JSON.parse(body), { health: "true", reason: "" });
});

t.test("no certificate, or one of another CA: nothing is answered", async (t) => {
  await t.rejects(get("/version", port.stranger));
  await t.rejects(
    new Promise((resolve, reject) => {
      request(`${port.url}/version`, { ca: port.caPem, agent: false }, resolve).on("error", reject).end();
    }),
  );
});
