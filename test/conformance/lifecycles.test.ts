// Lives of namespaces, Services, Endpoints, events and nodes, as far as no controller has a part in them.
import type { JsonObject } from "@triarch/api";
import type { Test } from "tap";
import type { ApiClient } from "./api-client.ts";
import { nameOf } from "./api-operations.ts";
import { conformance } from "./conformance.ts";

const metadataOf = (object: JsonObject): JsonObject => object["metadata"] as JsonObject;
const withMetadata = (object: JsonObject, more: JsonObject): JsonObject => ({
  ...object,
  metadata: { ...metadataOf(object), ...more },
});
const gone = async (t: Test, api: ApiClient, path: string): Promise<void> => {
  t.equal((await api.call("GET", path)).code, 404, `${path} is gone`);
};

async function namespacePatch(t: Test, api: ApiClient, namespace: string): Promise<void> {
  await api.patch(`/api/v1/namespaces/${namespace}`, { metadata: { labels: { testLabel: "testValue" } } }, "strategic");
  t.match(await api.get(`/api/v1/namespaces/${namespace}`), { metadata: { labels: { testLabel: "testValue" } } });
}

async function namespaceUpdate(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}`;
  const current = await api.get(path);
  const labels = { ...(metadataOf(current)["labels"] as JsonObject), [namespace]: "updated" };
  t.match(await api.update(path, withMetadata(current, { labels })), {
    metadata: { labels: { [namespace]: "updated" } },
  });
}

async function namespaceStatus(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}`;
  const status = await api.get(`${path}/status`);
  t.match(status, { status: { phase: "Active" } });
  const patched = { type: "StatusPatch", status: "True", reason: "E2E", message: "Patched by an e2e test" };
  const body = { metadata: { annotations: { "e2e-patched-ns-status": namespace } }, status: { conditions: [patched] } };
  const answer = await api.patch(`${path}/status`, body);
  t.match(answer, {
    metadata: { annotations: { "e2e-patched-ns-status": namespace } },
    status: { conditions: [patched] },
  });
  const current = await api.get(`${path}/status`);
  const { conditions } = current["status"] as { readonly conditions: readonly JsonObject[] };
  const updated = { type: "StatusUpdate", status: "True", reason: "E2E", message: "Updated by an e2e test" };
  const next = { ...current, status: { ...(current["status"] as JsonObject), conditions: [...conditions, updated] } };
  t.match(await api.update(`${path}/status`, next), { status: { conditions: [patched, updated] } });
}

async function namespaceFinalizer(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}`;
  const finalizer = "e2e.example.com/fakeFinalizer";
  const current = await api.get(path);
  const { finalizers } = current["spec"] as { readonly finalizers: readonly string[] };
  t.same(finalizers, ["kubernetes"]);
  const added = await api.update(`${path}/finalize`, { ...current, spec: { finalizers: [...finalizers, finalizer] } });
  t.same((added["spec"] as JsonObject)["finalizers"], ["kubernetes", finalizer]);
  const removed = await api.update(`${path}/finalize`, {
    ...(await api.get(path)),
    spec: { finalizers: ["kubernetes"] },
  });
  t.same((removed["spec"] as JsonObject)["finalizers"], ["kubernetes"]);
}

const services = (namespace: string): string => `/api/v1/namespaces/${namespace}/services`;

async function serviceStatus(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = `${services(namespace)}/test-service`;
  const watch = await api.watch(services(namespace), { labelSelector: "test-service-static=true" });
  try {
    const labels = { "test-service-static": "true" };
    const spec = { type: "LoadBalancer", ports: [{ name: "http", protocol: "TCP", port: 80, targetPort: 80 }] };
    await api.create(services(namespace), {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "test-service", labels },
      spec,
    });
    t.match(await watch.next(), { type: "ADDED", object: { metadata: { name: "test-service", labels } } });
    t.same((await api.get(`${path}/status`))["status"], { loadBalancer: {} });
    const patch = {
      metadata: { annotations: { patchedstatus: "true" } },
      status: { loadBalancer: { ingress: [{ ip: "203.0.113.1" }] } },
    };
    t.match(await api.patch(`${path}/status`, patch), patch, "patched");
    t.match(await watch.next(), { type: "MODIFIED", object: patch });
    const condition = {
      type: "StatusUpdate",
      status: "True",
      reason: "E2E",
      message: "Set from e2e test",
      lastTransitionTime: "2026-01-02T03:04:05Z",
    };
    const current = await api.get(path);
    const next = { ...current, status: { ...(current["status"] as JsonObject), conditions: [condition] } };
    t.match(await api.update(`${path}/status`, next), { status: { conditions: [condition] } }, "updated");
    t.match(await watch.next(), { type: "MODIFIED", object: { status: { conditions: [condition] } } });
    t.match(await api.patch(path, { metadata: { labels: { "test-service": "patched" } } }, "strategic"), {
      metadata: { labels: { "test-service": "patched" } },
    });
    t.match(await watch.next(), { type: "MODIFIED", object: { metadata: { labels: { "test-service": "patched" } } } });
    await api.delete(path);
    t.match(await watch.next(), { type: "DELETED", object: { metadata: { name: "test-service" } } });
  } finally {
    watch.close();
  }
}

async function serviceCollection(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const make = (name: string, type: string, label: string): Promise<JsonObject> =>
    api.create(services(namespace), {
      ...{ apiVersion: "v1", kind: "Service", metadata: { name, labels: { [label]: "true" } } },
      spec: { type, ports: [{ port: 80, protocol: "TCP" }] },
    });
  await make("e2e-svc-a", "ClusterIP", "e2e-collection");
  await make("e2e-svc-b", "ClusterIP", "e2e-collection");
  await make("e2e-svc-c", "ClusterIP", "other");
  t.equal((await api.list(services(namespace))).length, 3);
  await api.delete(`${services(namespace)}?labelSelector=e2e-collection%3Dtrue`);
  t.same((await api.list(services(namespace))).map(nameOf), ["e2e-svc-c"]);
}

async function serviceEverywhere(t: Test, api: ApiClient): Promise<void> {
  const found = (await api.list("/api/v1/services")).some(
    (one) => nameOf(one) === "kubernetes" && metadataOf(one)["namespace"] === "default",
  );
  t.ok(found);
}

async function endpointsLifecycle(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const collection = `/api/v1/namespaces/${namespace}/endpoints`;
  const path = `${collection}/testservice`;
  const watch = await api.watch(collection, { labelSelector: "test-endpoint-static=true" });
  try {
    const object = {
      ...{
        apiVersion: "v1",
        kind: "Endpoints",
        metadata: { name: "testservice", labels: { "test-endpoint-static": "true" } },
      },
      subsets: [{ addresses: [{ ip: "10.0.0.24" }], ports: [{ name: "http", port: 80, protocol: "TCP" }] }],
    };
    const made = await api.create(collection, object);
    t.match(await watch.next(), { type: "ADDED", object: { metadata: { name: "testservice" } } });
    const everywhere = await api.list("/api/v1/endpoints?labelSelector=test-endpoint-static%3Dtrue");
    t.ok(everywhere.some((one) => nameOf(one) === "testservice" && metadataOf(one)["namespace"] === namespace));
    const labels = { ...(metadataOf(made)["labels"] as JsonObject), "test-service": "updated" };
    await api.update(path, withMetadata(made, { labels }));
    t.match(await watch.next(), { type: "MODIFIED", object: { metadata: { labels } } });
    t.match(await api.get(path), { metadata: { labels } });
    const patch = {
      metadata: { labels: { "test-service": "patched" } },
      subsets: [{ addresses: [{ ip: "10.0.0.25" }], ports: [{ name: "http-test", port: 8080, protocol: "TCP" }] }],
    };
    await api.patch(path, patch, "strategic");
    t.match(await watch.next(), { type: "MODIFIED", object: patch });
    t.match(await api.get(path), patch);
    await api.delete(`${collection}?labelSelector=test-service%3Dpatched`);
    t.match(await watch.next(), { type: "DELETED", object: { metadata: { name: "testservice" } } });
    await gone(t, api, path);
  } finally {
    watch.close();
  }
}

const coreEvents = (namespace: string): string => `/api/v1/namespaces/${namespace}/events`;
const coreEvent = (namespace: string, name: string, label: JsonObject): JsonObject => ({
  ...{ apiVersion: "v1", kind: "Event", metadata: { name, labels: label } },
  ...{
    involvedObject: { namespace, kind: "Pod", name: "pod" },
    type: "Normal",
    reason: "Test",
    message: "This is a test event",
  },
  ...{
    source: { component: "test" },
    firstTimestamp: "2026-01-02T03:04:05Z",
    lastTimestamp: "2026-01-02T03:04:05Z",
    count: 1,
  },
});

async function coreEventLifecycle(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const collection = coreEvents(namespace);
  const label = { "testevent-constant": namespace };
  await api.create(collection, coreEvent(namespace, "event-test", label));
  const everywhere = `/api/v1/events?labelSelector=testevent-constant%3D${namespace}`;
  t.match(await api.list(everywhere), [{ metadata: { name: "event-test", namespace } }]);
  await api.patch(`${collection}/event-test`, { message: "This is a test event - patched" }, "strategic");
  const patched = await api.get(`${collection}/event-test`);
  t.equal(patched["message"], "This is a test event - patched");
  const series = { count: 100, lastObservedTime: "2026-01-02T03:04:06.000000Z" };
  const updated = await api.update(`${collection}/event-test`, { ...patched, series });
  t.match((await api.get(`${collection}/event-test`))["series"], updated["series"]);
  t.match(updated["series"], series);
  await api.delete(`${collection}/event-test`);
  await gone(t, api, `${collection}/event-test`);
  t.same(await api.list(everywhere), []);
}

async function coreEventCollection(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const label = { "testevent-set": "true" };
  for (const name of ["test-event-1", "test-event-2", "test-event-3"])
    await api.create(coreEvents(namespace), coreEvent(namespace, name, label));
  const selected = `${coreEvents(namespace)}?labelSelector=testevent-set%3Dtrue`;
  t.equal((await api.list(selected)).length, 3);
  await api.delete(selected);
  t.same(await api.list(selected), []);
}

const newEvents = (namespace: string): string => `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
const newEvent = (namespace: string, name: string): JsonObject => ({
  ...{ apiVersion: "events.k8s.io/v1", kind: "Event", metadata: { name, labels: { "testevent-set": "true" } } },
  ...{
    regarding: { namespace, kind: "Pod", name: "pod" },
    eventTime: "2017-09-19T13:49:16.000000Z",
    note: "This is event",
  },
  ...{
    action: "Do",
    reason: "Test",
    type: "Normal",
    reportingController: "test-controller",
    reportingInstance: "test-node",
  },
});

async function newEventLifecycle(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const collection = newEvents(namespace);
  const watch = await api.watch(collection);
  try {
    await api.create(collection, newEvent(namespace, "event-test"));
    t.equal((await api.list(collection)).length, 1, "listed in its namespace");
    t.ok((await api.list("/apis/events.k8s.io/v1/events")).some((one) => metadataOf(one)["namespace"] === namespace));
    t.match(await api.list(`${collection}?fieldSelector=reportingController%3Dtest-controller`), [
      { metadata: { name: "event-test" } },
    ]);
    const bySource = await api.list(`${coreEvents(namespace)}?fieldSelector=source%3Dtest-controller`);
    t.match(bySource, [{ metadata: { name: "event-test" } }], "the old group selects by source");
    const made = await api.get(`${collection}/event-test`);
    t.match(made, newEvent(namespace, "event-test"), "what is read is what was written");
    t.match(await watch.next(), { type: "ADDED", object: { metadata: { name: "event-test" } } });
    const first = { count: 2, lastObservedTime: "2017-09-19T13:49:11.000000Z" };
    await api.patch(`${collection}/event-test`, { series: first }, "strategic");
    t.match(await watch.next(), { type: "MODIFIED", object: { series: first } });
    const patched = await api.get(`${collection}/event-test`);
    t.same(unversioned(patched), unversioned({ ...made, series: first }), "nothing but the series has changed");
    const series = { count: 100, lastObservedTime: "2017-09-19T13:49:16.000000Z" };
    await api.update(`${collection}/event-test`, unversioned({ ...patched, series }));
    t.match(await watch.next(), { type: "MODIFIED", object: { series } });
    const updated = await api.get(`${collection}/event-test`);
    t.same(unversioned(updated), unversioned({ ...patched, series }), "nothing but the series has changed");
    await api.delete(`${collection}/event-test`);
    t.match(await watch.next(), { type: "DELETED", object: { metadata: { name: "event-test" } } });
    t.same(await api.list(collection), []);
    const everywhere = await api.list("/apis/events.k8s.io/v1/events");
    t.notOk(everywhere.some((one) => metadataOf(one)["namespace"] === namespace));
  } finally {
    watch.close();
  }
}

/** Without what every write changes; as an update it is unconditional. */
function unversioned(object: JsonObject): JsonObject {
  const { resourceVersion: _version, managedFields: _owners, ...metadata } = metadataOf(object);
  return { ...object, metadata };
}

async function newEventCollection(t: Test, api: ApiClient, namespace: string): Promise<void> {
  for (const name of ["test-event-1", "test-event-2", "test-event-3"])
    await api.create(newEvents(namespace), newEvent(namespace, name));
  const selected = `${newEvents(namespace)}?labelSelector=testevent-set%3Dtrue`;
  t.equal((await api.list(selected)).length, 3);
  await api.delete(selected);
  t.same(await api.list(selected), []);
}

async function nodeLifecycle(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = `/api/v1/nodes/fake-${namespace}`;
  const status = {
    phase: "Pending",
    conditions: [{ type: "Ready", status: "True", reason: "Starting", message: "Set by a test" }],
  };
  const made = await api.create("/api/v1/nodes", {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: `fake-${namespace}` },
    status,
  });
  t.match(made, { metadata: { name: `fake-${namespace}` } });
  t.match(await api.get(path), { metadata: { name: `fake-${namespace}` } });
  const label = { [`fake-${namespace}`]: "patched" };
  t.match(await api.patch(path, { metadata: { labels: label } }, "strategic"), { metadata: { labels: label } });
  const current = await api.get(path);
  const labels = { ...(metadataOf(current)["labels"] as JsonObject), [`fake-${namespace}`]: "updated" };
  t.match(await api.update(path, withMetadata(current, { labels })), { metadata: { labels } });
  await api.delete(`/api/v1/nodes?labelSelector=fake-${namespace}%3Dupdated`);
  await gone(t, api, path);
}

await conformance(import.meta.filename, {
  Namespaces: [
    { name: "should patch a Namespace [Serial]", steps: namespacePatch },
    { name: "should apply an update to a Namespace [Serial]", steps: namespaceUpdate },
    { name: "should apply changes to a namespace status [Serial]", steps: namespaceStatus },
    { name: "should apply a finalizer to a Namespace [Serial]", steps: namespaceFinalizer },
  ],
  Services: [
    { name: "should complete a service status lifecycle", steps: serviceStatus },
    { name: "should delete a collection of services", steps: serviceCollection },
    { name: "should find a service from listing all namespaces", steps: serviceEverywhere },
  ],
  Endpoints: [{ name: "should test the lifecycle of an Endpoint", steps: endpointsLifecycle }],
  Events: [
    { name: "should manage the lifecycle of an event", steps: coreEventLifecycle },
    { name: "should delete a collection of events", steps: coreEventCollection },
  ],
  "Events API": [
    { name: "should ensure that an event can be fetched, patched, deleted, and listed", steps: newEventLifecycle },
    { name: "should delete a collection of events", steps: newEventCollection },
  ],
  "Node Lifecycle": [{ name: "should run through the lifecycle of a node", steps: nodeLifecycle }],
});
