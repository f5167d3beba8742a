// API priority and fairness over real connections: a tenant whose lists take all seats of their level, and others who do
// not notice. Lists are held by the store's read barrier, which the test keeps shut as long as it likes.
import t, { type Test } from "tap";
import { Agent, request } from "undici";
import { isObject, type JsonObject, listAt, objectAt, textAt } from "@triarch/api";
import { systemClock } from "@triarch/base";
import { memoryStore } from "@triarch/etcd-server";
import { issueCertificate } from "@triarch/pki";
import { builtInObjects } from "../src/fairness/built-in-configuration.ts";
import { planUpkeep } from "../src/fairness/upkeep.ts";
import type { ServeApiOptions } from "../src/server/api-server.ts";
import { adminToken } from "../src/server/standalone.ts";
import { type Answer, pod, startTestServer, testCa, type TestServer, until } from "./support/test-server.ts";

const group = "/apis/flowcontrol.apiserver.k8s.io/v1";
const levels = `${group}/prioritylevelconfigurations`;
const schemas = `${group}/flowschemas`;
const dumps = "/debug/api_priority_and_fairness";
/** Somebody who is no administrator and may list pods. */
const tenant = "system:kube-scheduler";
const podsPath = "/api/v1/pods";

interface Held extends TestServer {
  /** Consistent lists wait from now on. */
  shut(): void;
  open(): void;
}

async function startHeld(options: Partial<ServeApiOptions> = {}): Promise<Held> {
  const memory = memoryStore({ clock: systemClock });
  const readBarrier = memory.readBarrier.bind(memory);
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  Object.assign(memory, {
    readBarrier: async () => {
      await gate.promise;
      return readBarrier();
    },
  });
  const server = await startTestServer({ memory, seatsTotal: 100, ...options });
  const open = (): void => gate.resolve();
  return {
    ...server,
    shut: () => (gate = Promise.withResolvers()),
    open,
    close: () => {
      open();
      return server.close();
    },
  };
}

/** A level of its own for the tenant. 245 shares are the suggested levels', so of 100 seats one share is one, rounded up. */
async function furnish(t: Test, { call }: TestServer, shares: number, limitResponse: JsonObject): Promise<void> {
  const head = { apiVersion: "flowcontrol.apiserver.k8s.io/v1", metadata: { name: "tenant" } };
  const limited = { nominalConcurrencyShares: shares, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse };
  const level = { ...head, kind: "PriorityLevelConfiguration", spec: { type: "Limited", limited } };
  const subjects = [{ kind: "User", user: { name: tenant } }];
  const pods = {
    verbs: ["list", "watch"],
    apiGroups: [""],
    resources: ["pods"],
    clusterScope: true,
    namespaces: ["*"],
  };
  const spec = {
    priorityLevelConfiguration: { name: "tenant" },
    matchingPrecedence: 50,
    distinguisherMethod: { type: "ByUser" },
    rules: [{ subjects, resourceRules: [pods] }],
  };
  t.equal((await call("POST", levels, level)).statusCode, 201);
  t.equal((await call("POST", schemas, { ...head, kind: "FlowSchema", spec })).statusCode, 201);
  await until("the level is in force", async () => (await rowOf(call, "tenant")) !== undefined);
}

type Call = TestServer["call"];

/** For requests that are broken off. */
async function tenantAgent(t: Test): Promise<Agent> {
  const identity = { commonName: tenant, usages: ["client"] as const, nowMs: Date.now(), validityDays: 1 };
  const { certificatePem: cert, keyPem: key } = await issueCertificate(testCa, identity);
  const agent = new Agent({ connect: { ca: testCa.certificatePem, cert, key } });
  t.teardown(() => agent.destroy());
  return agent;
}

/** A level's row of the dump, by column. */
async function rowOf(call: Call, level: string): Promise<Readonly<Record<string, string>> | undefined> {
  const [columns = [], ...rows] = (await call("GET", `${dumps}/dump_priority_levels`)).text
    .trim()
    .split("\n")
    .map((line) => line.split(/, */));
  const row = rows.find(([name]) => name === level);
  return row && Object.fromEntries(columns.map((column, i) => [column, row[i] ?? ""]));
}

async function waitForRow(call: Call, wanted: Readonly<Record<string, string>>): Promise<void> {
  let row: Readonly<Record<string, string>> | undefined;
  await until(`the level shows ${JSON.stringify(wanted)}`, async () => {
    row = await rowOf(call, "tenant");
    return row !== undefined && Object.entries(wanted).every(([column, value]) => row?.[column] === value);
  });
}

const queue = (queueLengthLimit: number): JsonObject => ({
  type: "Queue",
  queuing: { queues: 1, handSize: 1, queueLengthLimit },
});

t.test("a flood of lists fills its own level: 429 for the rest of it, nothing for others", async (t) => {
  const server = await startHeld();
  t.teardown(() => server.close());
  const { call } = server;
  await furnish(t, server, 1, queue(3));
  const flood = await server.clientOf(tenant, []);
  const node = await server.clientOf("system:node:n1", ["system:nodes"]);
  const lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
  const spec = { holderIdentity: "n1", leaseDurationSeconds: 40, renewTime: "2026-01-01T00:00:00.000000Z" };
  const made = await node("POST", lease, { metadata: { name: "n1" }, spec });
  t.equal(made.statusCode, 201, made.text);

  server.shut();
  const first = [flood("GET", podsPath)];
  await waitForRow(call, { ExecutingRequests: "1" });
  for (let i = 0; i < 3; i++) first.push(flood("GET", podsPath));
  await waitForRow(call, { ExecutingRequests: "1", WaitingRequests: "3", ActiveQueues: "1", IsIdle: "false" });
  const refused = await Promise.all(Array.from({ length: 40 }, () => flood("GET", podsPath)));
  for (const answer of refused) {
    t.equal(answer.statusCode, 429);
    t.match(answer.text, "Too many requests, please try again later.");
    t.match(answer.headers["retry-after"], /^[1-9]\d*$/);
  }
  const renewed = await node("PUT", `${lease}/n1`, { ...made.body, spec: { ...spec, leaseDurationSeconds: 41 } });
  t.equal(renewed.statusCode, 200, "a node's lease goes through");
  t.equal((await flood("GET", "/api/v1/namespaces/default/pods?resourceVersion=0")).statusCode, 429);
  t.equal((await flood("GET", "/api/v1/nodes?resourceVersion=0")).statusCode, 200, "the same user, another schema");

  t.equal((await call("GET", "/metrics")).statusCode, 200, "looking changes nothing");
  const metrics = (await call("GET", "/metrics")).text;
  const of = (name: string, more = ""): string | undefined =>
    new RegExp(`^apiserver_flowcontrol_${name}\\{priority_level="tenant"${more}[^}]*\\} (\\S+)$`, "m").exec(
      metrics,
    )?.[1];
  const schema = ',flow_schema="tenant"';
  t.equal(of("rejected_requests_total", `${schema},reason="queue-full"`), "41");
  t.equal(of("dispatched_requests_total", schema), "1");
  t.equal(of("current_inqueue_requests", schema), "3");
  t.equal(of("current_inqueue_seats", schema), "3");
  t.equal(of("current_executing_requests", schema), "1");
  t.equal(of("current_executing_seats", schema), "1");
  t.equal(of("nominal_limit_seats"), "1");
  t.equal(of("lower_limit_seats"), "1");
  t.equal(of("upper_limit_seats"), "1");
  t.equal(of("current_limit_seats"), "1");
  t.match(
    metrics,
    /apiserver_flowcontrol_request_wait_duration_seconds_bucket\{le="\+Inf",priority_level="tenant",flow_schema="tenant",execute="true"/,
  );
  t.match((await call("GET", `${dumps}/dump_queues`)).text, /^tenant, +0, +3, +1, +1, /m);
  const requests = (await call("GET", `${dumps}/dump_requests?includeRequestDetails=1`)).text.split("\n");
  t.equal(requests.filter((line) => line.startsWith("tenant,") && line.includes(tenant)).length, 4);
  t.equal((await flood("GET", `${dumps}/dump_queues`)).statusCode, 403, "dumps are for administrators");

  server.open();
  for (const answer of await Promise.all(first)) t.equal(answer.statusCode, 200);
  await waitForRow(call, { ExecutingRequests: "0", WaitingRequests: "0", IsIdle: "true", DispatchedRequests: "4" });
});

t.test("a change of the level takes effect on what waits; without queues what finds no seat is refused", async (t) => {
  const server = await startHeld();
  t.teardown(() => server.close());
  const { call } = server;
  await furnish(t, server, 1, queue(50));
  const flood = await server.clientOf(tenant, []);
  server.shut();
  const all: Promise<Answer>[] = Array.from({ length: 8 }, () => flood("GET", podsPath));
  await waitForRow(call, { ExecutingRequests: "1", WaitingRequests: "7" });
  const change = async (limited: JsonObject): Promise<void> => {
    const patch = { spec: { limited } };
    const answer = await call("PATCH", `${levels}/tenant`, patch, { "content-type": "application/merge-patch+json" });
    t.equal(answer.statusCode, 200, answer.text);
  };
  // 12 of 257 shares: five of the hundred seats.
  await change({ nominalConcurrencyShares: 12 });
  await waitForRow(call, { ExecutingRequests: "5", WaitingRequests: "3" });
  await change({ limitResponse: { type: "Reject", queuing: null } });
  await until("the level rejects", async () => (await flood("GET", podsPath)).statusCode === 429);
  await waitForRow(call, { ExecutingRequests: "5", WaitingRequests: "3" });
  t.equal((await call("DELETE", `${levels}/tenant`)).statusCode, 200);
  await waitForRow(call, { IsQuiescing: "true", WaitingRequests: "3" });
  server.open();
  for (const answer of await Promise.all(all)) t.equal(answer.statusCode, 200);
});

t.test("who waits too long is refused, and who goes away waits no more", async (t) => {
  const server = await startHeld();
  t.teardown(() => server.close());
  const { call } = server;
  await furnish(t, server, 1, queue(50));
  const flood = await server.clientOf(tenant, []);
  server.shut();
  const first = flood("GET", podsPath);
  await waitForRow(call, { ExecutingRequests: "1" });
  t.equal((await flood("GET", `${podsPath}?timeout=400ms`)).statusCode, 429, "after a quarter of its time");
  await waitForRow(call, { TimedoutRequests: "1", WaitingRequests: "0" });

  const raw = await tenantAgent(t);
  const leave = new AbortController();
  const left = request(server.url + podsPath, { dispatcher: raw, signal: leave.signal });
  await waitForRow(call, { WaitingRequests: "1" });
  leave.abort();
  await t.rejects(left);
  await waitForRow(call, { WaitingRequests: "0", CancelledRequests: "1" });
  server.open();
  t.equal((await first).statusCode, 200);
});

t.test("a watch takes a seat only until it has begun", async (t) => {
  const server = await startHeld();
  t.teardown(() => server.close());
  await furnish(t, server, 1, queue(1));
  const { call } = server;
  t.equal((await call("POST", "/api/v1/namespaces/default/pods", pod("a"))).statusCode, 201);
  const dispatcher = await tenantAgent(t);
  for (const query of [
    "",
    "&resourceVersion=1",
    "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
  ]) {
    const before = Number((await rowOf(call, "tenant"))?.["DispatchedRequests"]);
    for (let i = 1; i <= 4; i++) {
      const answer = await request(`${server.url}${podsPath}?watch=true${query}`, { dispatcher });
      t.equal(answer.statusCode, 200, `watch ${i}${query}`);
      t.match(answer.headers["x-kubernetes-pf-prioritylevel-uid"], /^[0-9a-f-]{36}$/);
      answer.body.on("error", () => undefined);
      await waitForRow(call, { ExecutingRequests: "0", IsIdle: "true", DispatchedRequests: String(before + i) });
    }
  }
});

t.test("every answer names its schema and level by uid", async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const { call } = server;
  const uidOf = async (path: string): Promise<string> =>
    textAt(objectAt((await call("GET", path)).body, "metadata"), "uid");
  const check = async (
    by: Call,
    method: string,
    path: string,
    name: string,
    level: string,
    code: number,
  ): Promise<void> => {
    const expected = [await uidOf(`${schemas}/${name}`), await uidOf(`${levels}/${level}`)];
    await until(`${method} ${path} is ${name}'s`, async () => {
      const { headers, statusCode } = await by(method, path);
      t.equal(statusCode, code);
      const [schema, own] = [headers["x-kubernetes-pf-flowschema-uid"], headers["x-kubernetes-pf-prioritylevel-uid"]];
      return schema === expected[0] && own === expected[1] && schema !== own;
    });
  };
  const node = await server.clientOf("system:node:n1", ["system:nodes"]);
  const scheduler = await server.clientOf("system:kube-scheduler", []);
  await check(call, "GET", podsPath, "exempt", "exempt", 200);
  await check(call, "GET", `${podsPath}/x`, "exempt", "exempt", 404);
  await check(node, "GET", "/api/v1/nodes/n1", "system-node-high", "node-high", 404);
  await check(scheduler, "GET", podsPath, "kube-scheduler", "workload-high", 200);
  await check(server.anonymous(), "GET", "/readyz", "probes", "exempt", 200);
  await check(server.anonymous(), "GET", podsPath, "global-default", "global-default", 403);
  t.equal(
    (await server.anonymous()("GET", "/x", undefined, { authorization: "Bearer no" })).headers[
      "x-kubernetes-pf-flowschema-uid"
    ],
    undefined,
  );
});

t.test("what the server needs is put back; what it only suggests, unless it is told not to", async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const { call } = server;
  const read = async (path: string): Promise<JsonObject> => (await call("GET", path)).body;
  const merge = { "content-type": "application/merge-patch+json" };
  for (const plural of ["flowschemas", "prioritylevelconfigurations"] as const) {
    const stored = listAt(await read(`${group}/${plural}`), "items").filter(isObject);
    t.same(planUpkeep(builtInObjects(plural).objects, stored), { isMissing: false, drifted: [] }, "nothing to do");
  }
  for (const path of [`${schemas}/exempt`, `${levels}/exempt`, `${levels}/catch-all`, `${schemas}/probes`]) {
    const before = await read(path);
    t.equal((await call("DELETE", path)).statusCode, 200, path);
    await until(`${path} is back`, async () => (await call("GET", path)).statusCode === 200);
    const after = await read(path);
    t.same(after["spec"], before["spec"]);
    t.not(textAt(objectAt(after, "metadata"), "uid"), textAt(objectAt(before, "metadata"), "uid"));
  }
  t.equal((await call("GET", podsPath)).statusCode, 200, "administrators are served");

  const mandatory = await read(`${schemas}/catch-all`);
  const noRules = {
    spec: { distinguisherMethod: null },
    metadata: { annotations: { "apf.kubernetes.io/autoupdate-spec": "false" } },
  };
  await call("PATCH", `${schemas}/catch-all`, noRules, merge);
  await until("catch-all is as before", async () => {
    const now = await read(`${schemas}/catch-all`);
    return JSON.stringify(now["spec"]) === JSON.stringify(mandatory["spec"]);
  });

  const shares = { spec: { limited: { nominalConcurrencyShares: 77 } } };
  const sharesOf = async (): Promise<unknown> =>
    objectAt(objectAt(await read(`${levels}/workload-low`), "spec") ?? {}, "limited")?.["nominalConcurrencyShares"];
  t.equal((await call("PATCH", `${levels}/workload-low`, shares, merge)).statusCode, 200);
  await until("the suggestion is put back", async () => (await sharesOf()) === 100);
  const own = { ...shares, metadata: { annotations: { "apf.kubernetes.io/autoupdate-spec": "false" } } };
  t.equal((await call("PATCH", `${levels}/workload-low`, own, merge)).statusCode, 200);
  // Another correction, made after it: by then this one would have been undone as well.
  t.equal((await call("DELETE", `${levels}/catch-all`)).statusCode, 200);
  await until("catch-all is back", async () => (await call("GET", `${levels}/catch-all`)).statusCode === 200);
  t.equal(await sharesOf(), 77);
  const exempt = { spec: { exempt: { nominalConcurrencyShares: 5 } } };
  t.equal((await call("PATCH", `${levels}/exempt`, exempt, merge)).statusCode, 200);
  t.equal((await call("DELETE", `${levels}/catch-all`)).statusCode, 200);
  await until("catch-all is back", async () => (await call("GET", `${levels}/catch-all`)).statusCode === 200);
  t.match(await read(`${levels}/exempt`), { spec: { exempt: { nominalConcurrencyShares: 5 } } }, "theirs to say");
});

t.test("a thousand requests that wait leave room for those that are exempt", async (t) => {
  const user = { name: tenant, uid: "", groups: [] };
  const tokens = [adminToken("admin"), { token: "tenant", user }];
  const server = await startHeld({ tls: undefined, tokens });
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${server.server.addresses[0]?.port}`;
  const dispatcher = new Agent();
  t.teardown(() => dispatcher.destroy());
  const call: Call = async (method, path, body, headers = {}) => {
    const own = { authorization: "Bearer admin", "content-type": "application/json", ...headers };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await request(url + path, { method: method as "GET", dispatcher, headers: own, ...sent });
    const text = await answer.body.text();
    const parsed = text.startsWith("{") ? (JSON.parse(text) as JsonObject) : {};
    return { statusCode: answer.statusCode, headers: answer.headers, text, body: parsed };
  };
  await furnish(t, { ...server, call }, 1, queue(2_000));
  server.shut();
  const asTenant = { authorization: "Bearer tenant" };
  const all = Array.from({ length: 1_000 }, () => call("GET", podsPath, undefined, asTenant));
  await waitForRow(call, { ExecutingRequests: "1", WaitingRequests: "999" });
  t.equal((await call("GET", "/api/v1/nodes?resourceVersion=0")).statusCode, 200);
  server.open();
  const codes = new Set((await Promise.all(all)).map(({ statusCode }) => statusCode));
  t.same([...codes], [200]);
});
