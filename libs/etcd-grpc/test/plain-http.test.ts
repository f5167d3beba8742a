import { request } from "node:https";
import t from "tap";
import type { KeyPair } from "@triarch/pki";
import { AlarmAction, AlarmType } from "@triarch/etcd-proto";
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
  t.match(await get("/metrics"), { status: 200, type: /^text\/plain/, body: /grpc_server_handling_seconds/ });
  t.match(await get("/v2/keys"), { status: 404, body: /\/version, \/health/ });
  t.match(await get("/health", port.client, "POST"), { status: 405 });
});

t.test("probes: check by check when asked, without those excluded, one alone", async (t) => {
  const ok = (body: string) => ({ status: 200, type: /^text\/plain/, body });
  t.match(await get("/livez"), ok("ok\n"));
  t.match(await get("/readyz"), ok("ok\n"));
  t.match(await get("/livez?verbose"), ok("[+]serializable_read ok\nok\n"));
  const all = ["data_corruption", "serializable_read", "linearizable_read", "non_learner"];
  const lines = (names: readonly string[]): string => names.map((name) => `[+]${name} ok\n`).join("");
  t.match(await get("/readyz?verbose"), ok(`${lines(all)}ok\n`));
  const fewer = await get("/readyz?verbose&exclude=linearizable_read&exclude=non_learner");
  t.match(fewer, ok(`${lines(all.slice(0, 2))}ok\n`));
  t.match(await get("/readyz/linearizable_read?verbose"), ok("[+]linearizable_read ok\nok\n"));
  t.match(await get("/livez/linearizable_read"), { status: 404 });
  t.match(await get("/readyz/nonsense"), { status: 404 });
});

t.test("alarms: told by /health unless excluded; only corruption makes a member unready", async (t) => {
  const alarm = (action: number, kind: number) => port.server.alarm({ action, memberId: 99n, alarm: kind });
  await alarm(AlarmAction.activate, AlarmType.noSpace);
  t.match(await get("/health"), { status: 503, body: '{"health":"false","reason":"ALARM NOSPACE"}' });
  t.match(await get("/health?exclude=NOSPACE"), { status: 200, body: '{"health":"true","reason":""}' });
  t.match(await get("/readyz"), { status: 200 });
  await alarm(AlarmAction.deactivate, AlarmType.noSpace);
  await alarm(AlarmAction.activate, AlarmType.corrupt);
  t.match(await get("/readyz"), { status: 503, body: /^\[-\]data_corruption failed: alarm activated: CORRUPT\n/ });
  t.match(await get("/readyz?exclude=data_corruption"), { status: 200 });
  t.match(await get("/livez"), { status: 200 });
  await alarm(AlarmAction.deactivate, AlarmType.corrupt);
  t.match(await get("/readyz"), { status: 200 });
});

t.test("metrics under etcd's names, with the values of now", async (t) => {
  const { body } = await get("/metrics");
  const value = (name: string): number => {
    const line = body.split("\n").find((one) => one.startsWith(`${name}{`) || one.startsWith(`${name} `));
    return Number(line?.split(" ").at(-1) ?? Number.NaN);
  };
  t.equal(value("etcd_server_has_leader"), 1);
  t.equal(value("etcd_server_is_leader"), 1);
  t.equal(value("etcd_server_is_learner"), 0);
  t.equal(value("etcd_debugging_mvcc_current_revision"), port.server.header().revision);
  t.equal(value("etcd_server_quota_backend_bytes"), 2 ** 31);
  t.ok(value("etcd_mvcc_db_total_size_in_bytes") > 0);
  t.ok(value("etcd_server_proposals_applied_total") > 0);
  t.ok(value("etcd_server_health_success") > 0);
  t.ok(value("etcd_server_health_failures") > 0);
  t.match(body, /etcd_server_version\{server_version="3\.6\.5"/);
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
