// The gate by itself, in manual time: when seats are given back, whatever becomes of a request; and which schema our own
// components' requests belong to.
import t from "tap";
import type { RequestAttributes, UserInfo } from "@triarch/auth";
import { ManualClock, type Timer, type Timers } from "@triarch/base";
import { createRegistry } from "@triarch/telemetry";
import { configurationOf } from "../src/fairness/built-in-configuration.ts";
import { Fairness, type FairRequest } from "../src/fairness/fairness.ts";
import { waitLimitMs } from "../src/fairness/request-limits.ts";
import { corrected, planUpkeep } from "../src/fairness/upkeep.ts";
import { flowSchemas } from "../src/bootstrap/flow-control.ts";
import { type Answer, jsonAnswer, type StreamSink, textAnswer } from "../src/http/answer.ts";

class ManualTimers implements Timers {
  readonly clock = new ManualClock();
  readonly #waiting = new Set<{ readonly atMs: number; readonly run: () => void }>();

  after(delayMs: number, run: () => void): Timer {
    const timer = { atMs: this.clock.monotonicMs() + delayMs, run };
    this.#waiting.add(timer);
    return { cancel: () => void this.#waiting.delete(timer) };
  }

  every(intervalMs: number, run: () => void): Timer {
    const again = (): void => {
      timer = this.after(intervalMs, again);
      run();
    };
    let timer = this.after(intervalMs, again);
    return { cancel: () => timer.cancel() };
  }

  async nextTurn(): Promise<void> {}

  advance(byMs: number): void {
    this.clock.advance(byMs);
    for (const timer of [...this.#waiting]) {
      if (timer.atMs > this.clock.monotonicMs()) continue;
      this.#waiting.delete(timer);
      timer.run();
    }
  }

  get size(): number {
    return this.#waiting.size;
  }
}

const authenticated = "system:authenticated";
const jane: UserInfo = { name: "jane", uid: "", groups: [authenticated] };
const pods: RequestAttributes & { readonly kind: "resource" } = {
  ...{
    kind: "resource",
    verb: "list",
    apiGroup: "",
    resource: "pods",
    subresource: "",
    namespace: "default",
    name: "",
  },
};

function gate(options: { readonly stored?: number; readonly seatsTotal?: number } = {}) {
  const timers = new ManualTimers();
  const { stored = 0, seatsTotal = 12 } = options;
  const store = { count: () => stored };
  const fairness = new Fairness({
    store,
    clock: timers.clock,
    timers,
    metrics: createRegistry(),
    seatsTotal,
    hashSeed: 1,
  });
  const level = (name: string) => {
    const found = fairness.controller.levels().find((one) => one.name === name);
    if (found === undefined) throw new Error(`no level ${name}`);
    return found.queues;
  };
  return { timers, fairness, level };
}

function asks(more: Partial<FairRequest> = {}): FairRequest & { readonly over: AbortController } {
  const over = new AbortController();
  const query = new URLSearchParams();
  return { user: jane, attributes: pods, version: "v1", query, bodyBytes: 0, signal: () => over.signal, over, ...more };
}

const ok = async (): Promise<Answer> => jsonAnswer({});

t.test("a seat is given back after an answer, a failure, an upgrade", async (t) => {
  const { fairness, level } = gate();
  const answers = [
    ok,
    async () => textAnswer("no", 500),
    async (): Promise<Answer> => ({ kind: "upgrade", rawHeaders: [], run: () => undefined, giveUp: () => undefined }),
  ];
  for (const answer of answers) {
    let during = 0;
    await fairness.run(asks(), async () => {
      during = level("global-default").seatsInUse;
      return answer();
    });
    t.equal(during, 1);
    t.equal(level("global-default").seatsInUse, 0);
  }
  await t.rejects(
    fairness.run(asks(), () => Promise.reject(new Error("broken"))),
    /broken/,
  );
  t.equal(level("global-default").seatsInUse, 0);
  fairness.close();
});

t.test("a long list keeps its seats until it has left, or its client has", async (t) => {
  const { fairness, level, timers } = gate({ stored: 900, seatsTotal: 600 });
  const parted = async (): Promise<Answer> => ({
    ...{ kind: "document", statusCode: 200, contentType: "", body: { parts: () => [] } },
  });
  const request = asks();
  await fairness.run(request, parted);
  t.ok(level("global-default").seatsInUse > 1, "as many as it has objects for");
  request.over.abort();
  t.equal(level("global-default").seatsInUse, 0);
  const gone = asks();
  gone.over.abort();
  await fairness.run(gone, parted);
  t.equal(level("global-default").seatsInUse, 0, "the client had gone before");
  await fairness.run(asks(), parted);
  await fairness.run(asks({ attributes: { ...pods, verb: "watch" } }), async () => ({
    ...{ kind: "stream", contentType: "", run: () => undefined },
  }));
  timers.advance(59_999);
  t.ok(level("global-default").seatsInUse > 1);
  timers.advance(1);
  t.equal(level("global-default").seatsInUse, 0, "clients that do not read keep nobody waiting for more than a minute");
  fairness.close();
});

t.test("a watch keeps its seat until it has begun, or never does", async (t) => {
  const { fairness, level } = gate();
  const attributes = { ...pods, verb: "watch" };
  let started: (() => void) | undefined;
  const stream = async (): Promise<Answer> => ({
    kind: "stream",
    contentType: "",
    run: (sink) => (started = sink.onStarted),
  });
  const request = asks({ attributes });
  const answer = await fairness.run(request, stream);
  t.equal(level("global-default").seatsInUse, 1);
  t.equal(answer.kind, "stream");
  if (answer.kind === "stream") answer.run({} as StreamSink);
  t.equal(level("global-default").seatsInUse, 1, "the first events are on their way");
  started?.();
  started?.();
  t.equal(level("global-default").seatsInUse, 0);
  request.over.abort();
  const neverRun = asks({ attributes });
  await fairness.run(neverRun, stream);
  neverRun.over.abort();
  t.equal(level("global-default").seatsInUse, 0);
  const failing = await fairness.run(asks({ attributes }), async () => textAnswer("too many", 429));
  t.equal(failing.kind, "document");
  t.equal(level("global-default").seatsInUse, 0);
  fairness.close();
});

t.test("a write that many watch keeps seats while they are told", async (t) => {
  const { fairness, level, timers } = gate({ seatsTotal: 600 });
  const stream = async (): Promise<Answer> => ({ kind: "stream", contentType: "", run: () => undefined });
  const watches = Array.from({ length: 30 }, () => asks({ attributes: { ...pods, verb: "watch", namespace: "" } }));
  for (const watch of watches) await fairness.run(watch, stream);
  t.equal(level("global-default").seatsInUse, 30);
  const nodes = asks({
    attributes: { ...pods, verb: "watch", namespace: "" },
    query: new URLSearchParams("fieldSelector=spec.nodeName%3Dn1"),
  });
  await fairness.run(nodes, stream);
  const update = { ...pods, verb: "update", name: "a" };
  const before = level("global-default").seatsInUse;
  await fairness.run(asks({ attributes: update }), ok);
  t.equal(level("global-default").seatsInUse, before + 3, "a seat for ten of those who watch");
  timers.advance(5);
  t.equal(level("global-default").seatsInUse, before);
  await fairness.run(asks({ attributes: { ...update, subresource: "token" } }), ok);
  await fairness.run(asks({ attributes: { ...update, resource: "secrets" } }), ok);
  for (const watch of watches) watch.over.abort();
  await fairness.run(asks({ attributes: update }), ok);
  t.equal(level("global-default").seatsInUse, 1, "nobody is left but the node's");
  fairness.close();
  t.equal(timers.size, 0);
});

t.test("what has no end takes no seat", async (t) => {
  const { fairness, level } = gate();
  for (const subresource of ["exec", "attach", "portforward", "log", "proxy"]) {
    const answer = await fairness.run(
      asks({ attributes: { ...pods, verb: "get", name: "a", subresource } }),
      async () => {
        t.equal(level("global-default").seatsInUse, 0);
        return ok();
      },
    );
    t.equal(answer.kind === "document" && answer.headers, undefined);
  }
  fairness.close();
});

t.test("those who wait are woken in their turn, time out, or leave", async (t) => {
  const { fairness, level, timers } = gate({ seatsTotal: 12 });
  const held = Promise.withResolvers<Answer>();
  const { seatsMax } = level("global-default").rules;
  const first = Array.from({ length: seatsMax }, () => fairness.run(asks(), () => held.promise));
  const [patient, late, gone] = [asks(), asks({ query: new URLSearchParams("timeout=8s") }), asks()];
  const [patientAnswer, lateAnswer, goneAnswer] = [patient, late, gone].map((one) => fairness.run(one, ok));
  t.equal(level("global-default").waiting, 3);
  timers.advance(1_999);
  t.equal(level("global-default").waiting, 3);
  timers.advance(1);
  t.match(await lateAnswer, { statusCode: 429, headers: { "retry-after": "1" } });
  gone.over.abort();
  t.match(await goneAnswer, { statusCode: 429 });
  held.resolve(jsonAnswer({}));
  await Promise.all(first);
  t.match(await patientAnswer, { statusCode: 200 });
  t.equal(level("global-default").isIdle, true);
  fairness.close();
  t.equal(timers.size, 0, "no timer is left");
});

t.test("a wait is a quarter of the request's time, at most 15 s", async (t) => {
  for (const [timeout, ms] of [
    ["", 15_000],
    ["20s", 5_000],
    ["1h", 15_000],
    ["junk", 15_000],
    ["100ms", 25],
  ] as const) {
    t.equal(waitLimitMs(new URLSearchParams(timeout === "" ? {} : { timeout })), ms, timeout);
  }
});

t.test("our own components are where a flood of tenants' lists does not reach them", async (t) => {
  const { fairness } = gate();
  const node = { name: "system:node:n1", groups: ["system:nodes", authenticated] };
  const account = (namespace: string): Omit<UserInfo, "uid"> => ({
    name: `system:serviceaccount:${namespace}:x`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, authenticated],
  });
  const user = (name: string, ...groups: string[]): Omit<UserInfo, "uid"> => ({
    name,
    groups: [...groups, authenticated],
  });
  const lease = {
    ...pods,
    verb: "update",
    apiGroup: "coordination.k8s.io",
    resource: "leases",
    namespace: "kube-system",
    name: "l",
  };
  const cases: readonly (readonly [Omit<UserInfo, "uid">, RequestAttributes, schema: string, level: string])[] = [
    [user("admin", "system:masters"), pods, "exempt", "exempt"],
    [user("system:apiserver", "system:masters"), lease, "exempt", "exempt"],
    [node, { ...lease, namespace: "kube-node-lease" }, "system-node-high", "node-high"],
    [
      node,
      { ...pods, verb: "patch", resource: "nodes", subresource: "status", namespace: "", name: "n1" },
      "system-node-high",
      "node-high",
    ],
    [node, { ...pods, verb: "patch", subresource: "status", name: "a" }, "system-nodes", "system"],
    [node, { ...pods, namespace: "" }, "system-nodes", "system"],
    [user("system:kube-scheduler"), lease, "system-leader-election", "leader-election"],
    [user("system:kube-controller-manager"), lease, "system-leader-election", "leader-election"],
    [user("system:kube-scheduler"), pods, "kube-scheduler", "workload-high"],
    [user("system:kube-controller-manager"), pods, "kube-controller-manager", "workload-high"],
    [account("kube-system"), pods, "kube-system-service-accounts", "workload-high"],
    [account("shop"), pods, "service-accounts", "workload-low"],
    [user("system:kube-proxy"), { ...pods, resource: "services" }, "global-default", "global-default"],
    [user("jane"), pods, "global-default", "global-default"],
    [
      { name: "system:anonymous", groups: ["system:unauthenticated"] },
      { kind: "path", verb: "get", path: "/readyz" },
      "probes",
      "exempt",
    ],
    [
      { name: "system:anonymous", groups: ["system:unauthenticated"] },
      { kind: "path", verb: "get", path: "/version" },
      "global-default",
      "global-default",
    ],
    [{ name: "odd", groups: [] }, pods, "catch-all", "catch-all"],
  ];
  for (const [who, attributes, schema, level] of cases) {
    const found = fairness.controller.classify(who, attributes);
    t.same([found.config.name, found.level.name], [schema, level], `${who.name} ${JSON.stringify(attributes)}`);
  }
  fairness.close();
});

t.test("without its stored objects the server still has what it cannot do without", async (t) => {
  const { schemas, levels } = configurationOf([], []);
  t.same(schemas.map(({ name }) => name).sort(), ["catch-all", "exempt"]);
  t.same(levels.map(({ name }) => name).sort(), ["catch-all", "exempt"]);
});

t.test("upkeep: whose spec is put back", async (t) => {
  const [exempt, probes] = flowSchemas();
  t.ok(exempt !== undefined && probes !== undefined);
  if (exempt === undefined || probes === undefined) return;
  const name = (object: object): string => (object as { readonly metadata: { readonly name: string } }).metadata.name;
  const stored = (object: object, metadata: object, spec: object): never =>
    ({ metadata: { name: name(object), ...metadata }, spec }) as never;
  const says = (value: string): object => ({ annotations: { "apf.kubernetes.io/autoupdate-spec": value } });
  const other = { matchingPrecedence: 77 };
  const same = probes["spec"] as object;
  const of = (builtIn: never, found: never): readonly string[] => planUpkeep([builtIn], [found]).drifted;
  t.equal(planUpkeep([exempt, probes], [stored(exempt, says("true"), exempt["spec"] as object)]).isMissing, true);
  t.same(of(exempt as never, stored(exempt, says("false"), other)), ["exempt"], "mandatory");
  t.same(of(probes as never, stored(probes, says("true"), other)), ["probes"]);
  t.same(of(probes as never, stored(probes, says("true"), same)), []);
  t.same(of(probes as never, stored(probes, says("false"), other)), []);
  const untouched = stored(probes, { generation: 1 }, other);
  t.same(of(probes as never, untouched), ["probes"], "nobody changed it");
  t.match(corrected(probes, untouched), { spec: same, metadata: says("true") });
  t.match(corrected(probes, stored(probes, { generation: 2 }, other)), { spec: other, metadata: says("false") });
});
