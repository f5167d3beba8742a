// Paths of a pod that change a part of it: eviction under disruption budgets, ephemeral containers, resizing.
import t from "tap";
import type { JsonObject } from "@triarch/api";
import { pod, startTestServer } from "./support/test-server.ts";

const server = await startTestServer();
t.teardown(() => server.close());

const pods = "/api/v1/namespaces/default/pods";
const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
const strategic = { "content-type": "application/strategic-merge-patch+json" };
const merge = { "content-type": "application/merge-patch+json" };

async function runningPod(name: string, labels: JsonObject = {}, more: JsonObject = {}): Promise<void> {
  const body = pod(name, { terminationGracePeriodSeconds: 0, ...more });
  await server.call("POST", pods, { ...body, metadata: { name, labels } });
  const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
  await server.call("PATCH", `${pods}/${name}/status`, { status }, merge);
}

const evict = (name: string, deleteOptions: JsonObject = {}) =>
  server.call("POST", `${pods}/${name}/eviction`, { metadata: { name }, deleteOptions });

async function budget(name: string, app: string, status: JsonObject, spec: JsonObject = {}): Promise<void> {
  const body = { metadata: { name }, spec: { minAvailable: 1, selector: { matchLabels: { app } }, ...spec } };
  await server.call("POST", budgets, body);
  const set = await server.call("PATCH", `${budgets}/${name}/status`, { status }, merge);
  t.equal(set.statusCode, 200);
}

t.test("a budget's disruptions are taken one by one", async (t) => {
  await budget("two", "web", { observedGeneration: 1, disruptionsAllowed: 1, desiredHealthy: 1, currentHealthy: 2 });
  for (const name of ["web-1", "web-2"]) await runningPod(name, { app: "web" });
  t.equal((await evict("web-1", { dryRun: ["All"] })).statusCode, 201);
  t.match(
    (await server.call("GET", `${budgets}/two`)).body,
    { status: { disruptionsAllowed: 1 } },
    "a dry run takes none",
  );
  t.equal((await evict("web-1")).statusCode, 201);
  t.match((await server.call("GET", `${budgets}/two`)).body, {
    status: { disruptionsAllowed: 0, disruptedPods: { "web-1": String } },
  });
  t.match(await evict("web-2"), {
    statusCode: 429,
    body: {
      reason: "TooManyRequests",
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          {
            reason: "DisruptionBudget",
            message: "The disruption budget two needs 1 healthy pods and has 2 currently",
          },
        ],
      },
    },
  });
  t.equal((await server.call("GET", `${pods}/web-2`)).statusCode, 200, "and the pod is there");
});

t.test("a budget that its controller has not seen yet says: later", async (t) => {
  await budget("fresh", "db", { observedGeneration: 0 });
  await runningPod("db-1", { app: "db" });
  const answer = await evict("db-1");
  t.match(answer, { statusCode: 429, body: { details: { retryAfterSeconds: 10 } } });
  t.equal(answer.headers["retry-after"], "10");
});

t.test("pods that do not serve may go", async (t) => {
  const none = { observedGeneration: 1, disruptionsAllowed: 0, desiredHealthy: 1, currentHealthy: 0 };
  await budget("strict", "a", none);
  await budget("lenient", "b", none, { unhealthyPodEvictionPolicy: "AlwaysAllow" });
  for (const app of ["a", "b"]) {
    await runningPod(`${app}-1`, { app });
    await server.call("PATCH", `${pods}/${app}-1/status`, { status: { conditions: [] } }, merge);
    await server.call("POST", pods, {
      ...pod(`${app}-pending`),
      metadata: { name: `${app}-pending`, labels: { app } },
    });
  }
  t.equal((await evict("a-1")).statusCode, 429);
  t.equal((await evict("b-1")).statusCode, 201);
  t.equal((await evict("a-pending")).statusCode, 201, "a pod that never ran is no disruption");
});

t.test("two budgets over one pod, a wrong name, a pod that is not there", async (t) => {
  for (const name of ["one", "other"]) await budget(name, "both", { observedGeneration: 1, disruptionsAllowed: 5 });
  await runningPod("both-1", { app: "both" });
  t.match(await evict("both-1"), { statusCode: 500, body: { message: /more than one PodDisruptionBudget/ } });
  const wrong = await server.call("POST", `${pods}/both-1/eviction`, { metadata: { name: "x" } });
  t.equal(wrong.statusCode, 400);
  t.equal((await evict("none")).statusCode, 404);
});

t.test("ephemeral containers are added and stay", async (t) => {
  await runningPod("debugged");
  const path = `${pods}/debugged/ephemeralcontainers`;
  const add = (container: JsonObject) =>
    server.call(
      "PATCH",
      path,
      { metadata: { labels: { a: "b" } }, spec: { ephemeralContainers: [container] } },
      strategic,
    );
  const added = await add({ name: "shell", image: "busybox:1", targetContainerName: "c" });
  t.match(added, {
    statusCode: 200,
    body: { metadata: { generation: 2 }, spec: { ephemeralContainers: [{ name: "shell" }] } },
  });
  t.notOk((added.body["metadata"] as JsonObject)["labels"], "this path changes nothing else");
  const changed = await add({ name: "shell", image: "busybox:2" });
  t.match(changed, { statusCode: 422, body: { details: { causes: [{ field: "spec.ephemeralContainers" }] } } });
  const whole = (await server.call("GET", path)).body;
  const { ephemeralContainers: _gone, ...spec } = whole["spec"] as JsonObject;
  const removed = await server.call("PUT", path, { ...whole, spec });
  t.match(removed, { statusCode: 422, body: { message: /may not be removed/ } });
  const second = await add({ name: "shell2", image: "busybox:1" });
  t.equal(((second.body["spec"] as JsonObject)["ephemeralContainers"] as unknown[]).length, 2);
});

t.test("CPU and memory of a running pod are changed; its class of service and other resources are not", async (t) => {
  const resources = { requests: { cpu: "100m", memory: "64Mi" }, limits: { cpu: "1", memory: "128Mi" } };
  await runningPod("sized", {}, { containers: [{ name: "c", image: "busybox:1", resources }] });
  const resize = (sizes: JsonObject, more: JsonObject = {}) =>
    server.call(
      "PATCH",
      `${pods}/sized/resize`,
      { spec: { containers: [{ name: "c", resources: sizes, ...more }] } },
      strategic,
    );
  const done = await resize({ requests: { cpu: "200m" } }, { image: "busybox:2" });
  t.match(done, {
    statusCode: 200,
    body: {
      metadata: { generation: 2 },
      spec: { containers: [{ image: "busybox:1", resources: { requests: { cpu: "200m", memory: "64Mi" } } }] },
    },
  });
  t.match(await resize({ requests: { cpu: "1", memory: "128Mi" } }), { statusCode: 422, body: { message: /QOS/ } });
  t.match(await resize({ limits: { cpu: null } }), { statusCode: 422, body: { message: /limits cannot be removed/ } });
  t.match(await resize({ requests: { "ephemeral-storage": "1Gi" } }), {
    statusCode: 422,
    body: { message: /only cpu and memory resources are mutable/ },
  });
  const containerStatuses = [
    { name: "c", state: { running: {} }, ready: true, image: "x", imageID: "x", restartCount: 0 },
  ];
  await server.call("PATCH", `${pods}/sized/status`, { status: { containerStatuses } }, merge);
  t.match(await resize({ requests: { cpu: "300m" } }), {
    statusCode: 422,
    body: { message: /without support for resize/ },
  });
  t.equal((await server.call("POST", `${pods}/sized/resize`, {})).statusCode, 405);
});
