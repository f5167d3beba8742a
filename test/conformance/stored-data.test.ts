// ConfigMaps and Secrets as objects; quotas, limit ranges, priority classes, disruption budgets, volumes, leases.
import type { JsonObject } from "@triarch/api";
import type { Test } from "tap";
import type { ApiClient } from "./api-client.ts";
import { nameOf } from "./api-operations.ts";
import { conformance, type TestCase } from "./conformance.ts";

const inNamespace = (namespace: string, resource: string): string => `/api/v1/namespaces/${namespace}/${resource}`;
const named = (apiVersion: string, kind: string, name: string, more: JsonObject = {}): JsonObject => ({
  ...{ apiVersion, kind, metadata: { name, labels: { test: "static" } } },
  ...more,
});

/** The same for both kinds; `field` holds what may not have an empty key. */
const emptyKey =
  (resource: string, kind: string, value: string): TestCase["steps"] =>
  async (t, api, namespace) => {
    const object = named("v1", kind, "empty-key", { data: { "": value } });
    const { code, body } = await api.call("POST", inNamespace(namespace, resource), object);
    t.match([code, body["reason"], body["message"]], [422, "Invalid", /data\[\]: Invalid value: ""/]);
  };

const immutable =
  (resource: string, kind: string, value: string, other: string): TestCase["steps"] =>
  async (t, api, namespace) => {
    const path = `${inNamespace(namespace, resource)}/immutable`;
    await api.create(inNamespace(namespace, resource), named("v1", kind, "immutable", { data: { k: value } }));
    t.match(await api.patch(path, { data: { k: other } }), { data: { k: other } }, "it may be changed at first");
    t.match(await api.patch(path, { immutable: true }), { immutable: true }, "then it is made immutable");
    const { code, body } = await api.call("PUT", path, { ...(await api.get(path)), data: { k: value } });
    t.match([code, body["reason"]], [422, "Invalid"], "its data may not be changed");
    const back = await api.call("PUT", path, { ...(await api.get(path)), immutable: false });
    t.equal(back.code, 422, "nor may it be made mutable again");
    const { immutable: _left, ...without } = await api.get(path);
    t.equal((await api.call("PUT", path, without)).code, 422, "not by leaving the field out either");
    const current = await api.get(path);
    const metadata = { ...(current["metadata"] as JsonObject), labels: { l: "v" } };
    t.match(await api.update(path, { ...current, metadata }), { metadata: { labels: { l: "v" } } }, "labels may");
    await api.delete(path);
    t.equal((await api.call("GET", path)).code, 404, "and it may be deleted");
  };

async function configMapLifecycle(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = inNamespace(namespace, "configmaps");
  const watch = await api.watch(path, { labelSelector: "test=static" });
  try {
    await api.create(path, named("v1", "ConfigMap", "life", { data: { valueName: "value" } }));
    t.match(await watch.next(), { type: "ADDED", object: { metadata: { name: "life" } } });
    await api.patch(
      `${path}/life`,
      { metadata: { labels: { patched: "true" } }, data: { valueName: "value1" } },
      "strategic",
    );
    t.match(await watch.next(), { type: "MODIFIED", object: { data: { valueName: "value1" } } });
    const read = await api.get(`${path}/life`);
    t.match(read, { data: { valueName: "value1" }, metadata: { labels: { patched: "true", test: "static" } } });
    const everywhere = await api.list("/api/v1/configmaps?labelSelector=test%3Dstatic");
    t.ok(everywhere.some((one) => nameOf(one) === "life" && (one["data"] as JsonObject)["valueName"] === "value1"));
    await api.delete(`${path}?labelSelector=test%3Dstatic`);
    t.match(await watch.next(), { type: "DELETED", object: { metadata: { name: "life" } } });
    t.same(await api.list(`${path}?labelSelector=test%3Dstatic`), []);
  } finally {
    watch.close();
  }
}

async function configMapUpdate(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = inNamespace(namespace, "configmaps");
  const made = await api.create(path, named("v1", "ConfigMap", "update", { data: { data: "value" } }));
  const updated = await api.update(`${path}/update`, { ...made, data: { data: "value2" } });
  t.same(updated["data"], { data: "value2" });
  t.same((await api.get(`${path}/update`))["data"], { data: "value2" });
}

async function secretPatch(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = inNamespace(namespace, "secrets");
  const encoded = (text: string): string => Buffer.from(text).toString("base64");
  await api.create(path, named("v1", "Secret", "patched", { data: { key: encoded("value") }, type: "Opaque" }));
  const all = await api.list("/api/v1/secrets?labelSelector=test%3Dstatic");
  t.ok(
    all.some((one) => nameOf(one) === "patched"),
    "it is in the list of all namespaces",
  );
  const change = { metadata: { labels: { test: "patched" } }, data: { key: encoded("value1") } };
  await api.patch(`${path}/patched`, change, "strategic");
  t.match(await api.get(`${path}/patched`), {
    data: { key: encoded("value1") },
    metadata: { labels: { test: "patched" } },
  });
  await api.delete(`${path}?labelSelector=test%3Dpatched`);
  const left = await api.list("/api/v1/secrets?labelSelector=test%3Dpatched");
  t.notOk(
    left.some((one) => nameOf(one) === "patched"),
    "it is gone from the list of all namespaces",
  );
}

async function lease(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const stored = async (): Promise<unknown> => (await api.get(`${path}/lease`))["spec"];
  // As clients of Go write times that were never set: from the year 1 on.
  const at = (second: number): string => `0001-01-01T00:00:${String(second).padStart(2, "0")}.000000Z`;
  const spec = (holder: string, leaseDurationSeconds: number, start: number, leaseTransitions: number): JsonObject => ({
    ...{ holderIdentity: holder, leaseDurationSeconds, leaseTransitions },
    ...{ acquireTime: at(start), renewTime: at(start + 3) },
  });
  const first = spec("holder", 30, 2, 0);
  const made = await api.create(path, named("coordination.k8s.io/v1", "Lease", "lease", { spec: first }));
  t.same(made["spec"], first);
  t.same(await stored(), first);
  const second = spec("holder2", 30, 20, 1);
  await api.update(`${path}/lease`, { ...made, spec: second });
  t.same(await stored(), second);
  const third = spec("holder3", 60, 50, 2);
  await api.patch(`${path}/lease`, { spec: third }, "strategic");
  t.same(await stored(), third);
  const metadata = { name: "lease2", labels: { deletecollection: "true" } };
  await api.create(path, named("coordination.k8s.io/v1", "Lease", "lease2", { metadata, spec: first }));
  t.equal((await api.list(path)).length, 2);
  await api.delete(`${path}?labelSelector=deletecollection%3Dtrue`);
  t.equal((await api.list(path)).length, 1);
  await api.delete(`${path}/lease`);
  const { code, body } = await api.call("GET", `${path}/lease`);
  t.match([code, body["reason"]], [404, "NotFound"]);
  t.match(await api.get("/apis/coordination.k8s.io/v1/leases"), { kind: "LeaseList" }, "listed in all namespaces");
}

async function priorityClasses(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = "/apis/scheduling.k8s.io/v1/priorityclasses";
  const names = [`${namespace}-p1`, `${namespace}-p2`];
  for (const [i, name] of names.entries())
    await api.create(path, named("scheduling.k8s.io/v1", "PriorityClass", name, { value: i + 1 }));
  for (const [i, name] of names.entries()) {
    const { code, body } = await api.call("PATCH", `${path}/${name}`, JSON.stringify({ value: 42 + i }), {
      "content-type": "application/strategic-merge-patch+json",
    });
    t.match(
      [code, body["message"]],
      [422, /value: (Forbidden|Invalid value).*may not be changed in an update/],
      "the value is fixed",
    );
    const put = await api.call("PUT", `${path}/${name}`, { ...(await api.get(`${path}/${name}`)), value: 42 + i });
    t.match([put.code, put.body["reason"]], [422, "Invalid"], "an update may not change it either");
    t.match(await api.patch(`${path}/${name}`, { description: "patched" }), { description: "patched", value: i + 1 });
  }
  for (const name of names) {
    const current = await api.get(`${path}/${name}`);
    t.match(await api.update(`${path}/${name}`, { ...current, description: "updated" }), { description: "updated" });
    t.match(await api.get(`${path}/${name}`), { description: "updated", value: current["value"] });
  }
  const listed = (await api.list(`${path}?labelSelector=test%3Dstatic`)).map(nameOf).sort();
  t.same(listed, names);
  await api.delete(`${path}/${names[0]}`);
  await api.delete(`${path}?labelSelector=test%3Dstatic`);
  t.same(await api.list(`${path}?labelSelector=test%3Dstatic`), []);
}

async function limitRangeCollection(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const other = await api.makeNamespace();
  const spec = {
    limits: [
      {
        type: "Container",
        default: { cpu: "500m" },
        defaultRequest: { cpu: "300m" },
        max: { cpu: "800m" },
        min: { cpu: "100m" },
      },
    ],
  };
  const path = inNamespace(namespace, "limitranges");
  const label = `e2e-${namespace}`;
  const object = (name: string): JsonObject => ({
    ...named("v1", "LimitRange", name, { spec }),
    metadata: { name, labels: { [label]: "created" } },
  });
  const made = await api.create(path, object("lr"));
  t.match(made, { spec: { limits: [{ type: "Container" }] } });
  await api.create(inNamespace(other, "limitranges"), object("lr"));
  const created = `labelSelector=${label}%3Dcreated`;
  t.equal((await api.list(`/api/v1/limitranges?${created}`)).length, 2, "listed in all namespaces");
  const patch = {
    metadata: { labels: { "lr-label": "patched" } },
    spec: { limits: [{ type: "Container", max: { cpu: "900m" } }] },
  };
  t.match(await api.patch(`${path}/lr`, patch, "strategic"), { metadata: { labels: { "lr-label": "patched" } } });
  t.match(await api.get(`${path}/lr`), { spec: { limits: [{ max: { cpu: "900m" } }] } });
  await api.delete(`${path}?labelSelector=lr-label%3Dpatched`);
  t.same(await api.list(`${path}?labelSelector=lr-label%3Dpatched`), [], "the collection is deleted");
  t.equal((await api.list(`/api/v1/limitranges?${created}`)).length, 1, "the other namespace keeps its own");
}

const budgets = (namespace: string): string => `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`;
const budget = (name: string, minAvailable: number | string): JsonObject => ({
  ...{ apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata: { name, labels: { specialLabel: "foo" } } },
  spec: { selector: { matchLabels: { foo: "bar" } }, minAvailable },
});

async function budgetCollection(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const other = await api.makeNamespace();
  for (const name of ["foo1", "foo2", "foo3"]) await api.create(budgets(namespace), budget(name, 1));
  await api.create(budgets(other), budget("foo4", 1));
  const everywhere = "/apis/policy/v1/poddisruptionbudgets?labelSelector=specialLabel%3Dfoo";
  t.same((await api.list(everywhere)).map(nameOf).sort(), ["foo1", "foo2", "foo3", "foo4"]);
  t.same((await api.list(budgets(namespace))).map(nameOf), ["foo1", "foo2", "foo3"]);
  await api.delete(budgets(namespace));
  t.same(await api.list(budgets(namespace)), []);
  t.same((await api.list(everywhere)).map(nameOf), ["foo4"], "only in its namespace");
}

async function serviceAccountLifecycle(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = inNamespace(namespace, "serviceaccounts");
  const made = await api.create(path, named("v1", "ServiceAccount", "life"));
  const { uid } = made["metadata"] as { readonly uid: string };
  t.match(await api.get(`${path}/life`), { metadata: { uid } });
  const watch = await api.watch(path, { labelSelector: "test=static" });
  try {
    t.match(
      await watch.next(),
      { type: "ADDED", object: { metadata: { name: "life", uid } } },
      "what is there already",
    );
    await api.patch(`${path}/life`, { automountServiceAccountToken: false }, "strategic");
    t.match(await watch.next(), { type: "MODIFIED", object: { automountServiceAccountToken: false } });
    const everywhere = await api.list("/api/v1/serviceaccounts?labelSelector=test%3Dstatic");
    const found = everywhere.filter((one) => (one["metadata"] as JsonObject)["uid"] === uid);
    t.match(found, [{ metadata: { name: "life", namespace }, automountServiceAccountToken: false }]);
    await api.delete(path);
    t.match(await watch.next(), { type: "DELETED", object: { metadata: { name: "life" } } });
  } finally {
    watch.close();
  }
}

async function serviceAccountUpdate(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = inNamespace(namespace, "serviceaccounts");
  const made = await api.create(path, {
    ...named("v1", "ServiceAccount", "update"),
    automountServiceAccountToken: false,
  });
  t.equal(made["automountServiceAccountToken"], false);
  const updated = await api.update(`${path}/update`, { ...made, automountServiceAccountToken: true });
  t.equal(updated["automountServiceAccountToken"], true);
}

async function podTemplateReplace(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = inNamespace(namespace, "podtemplates");
  const template = {
    metadata: { labels: { pod: "nginx" } },
    spec: { containers: [{ name: "nginx", image: "nginx:1" }] },
  };
  const made = await api.create(path, named("v1", "PodTemplate", "replaced", { template }));
  const metadata = { ...(made["metadata"] as JsonObject), annotations: { updated: "true" } };
  const replaced = await api.update(`${path}/replaced`, { ...made, metadata });
  t.match(replaced, { metadata: { annotations: { updated: "true" } } });
}

await conformance(import.meta.filename, {
  ConfigMap: [
    { name: "should fail to create ConfigMap with empty key", steps: emptyKey("configmaps", "ConfigMap", "v") },
    { name: "should run through a ConfigMap lifecycle", steps: configMapLifecycle },
    { name: "should update ConfigMap successfully", steps: configMapUpdate },
    { name: "should be immutable if `immutable` field is set", steps: immutable("configmaps", "ConfigMap", "a", "b") },
  ],
  Secrets: [
    { name: "should fail to create secret due to empty secret key", steps: emptyKey("secrets", "Secret", "dg==") },
    { name: "should patch a secret", steps: secretPatch },
    { name: "should be immutable if `immutable` field is set", steps: immutable("secrets", "Secret", "YQ==", "Yg==") },
  ],
  Lease: [{ name: "lease API should be available", steps: lease }],
  SchedulerPreemption: [
    {
      name: "PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods [Serial]",
      steps: priorityClasses,
    },
  ],
  LimitRange: [{ name: "should list, patch and delete a LimitRange by collection", steps: limitRangeCollection }],
  DisruptionController: [
    {
      name: "Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets",
      steps: budgetCollection,
    },
  ],
  ServiceAccounts: [
    { name: "should run through the lifecycle of a ServiceAccount", steps: serviceAccountLifecycle },
    { name: "should update a ServiceAccount", steps: serviceAccountUpdate },
  ],
  PodTemplates: [{ name: "should replace a pod template", steps: podTemplateReplace }],
});
