// Objects over a real socket: what is written, what is refused, what a delete leaves.
import t from "tap";
import { encodeProtobuf, isObject, type JsonObject, objectAt, textAt } from "@triarch/api";
import { configMap, pod, startTestServer } from "./support/test-server.ts";

const server = await startTestServer();
t.teardown(() => server.close());
const { call } = server;
const maps = "/api/v1/namespaces/default/configmaps";
const pods = "/api/v1/namespaces/default/pods";
const meta = (object: JsonObject): JsonObject => objectAt(object, "metadata") ?? {};

t.test("create, get, update, stale update, delete", async (t) => {
  const created = await call("POST", maps, configMap("one"));
  t.equal(created.statusCode, 201);
  t.match(meta(created.body), { name: "one", namespace: "default", uid: /^[0-9a-f-]{36}$/, resourceVersion: /^\d+$/ });
  t.equal((await call("POST", maps, configMap("one"))).body["reason"], "AlreadyExists");
  t.same((await call("GET", `${maps}/one`)).body, created.body);
  const updated = await call("PUT", `${maps}/one`, { ...created.body, data: { a: "2" } });
  t.equal(updated.statusCode, 200);
  t.not(meta(updated.body)["resourceVersion"], meta(created.body)["resourceVersion"]);
  const stale = await call("PUT", `${maps}/one`, { ...created.body, data: { a: "3" } });
  t.match([stale.statusCode, stale.body["reason"]], [409, "Conflict"]);
  const same = await call("PUT", `${maps}/one`, updated.body);
  t.equal(meta(same.body)["resourceVersion"], meta(updated.body)["resourceVersion"], "no change, no new version");
  t.match((await call("DELETE", `${maps}/one`)).body, {
    kind: "Status",
    status: "Success",
    details: { name: "one", kind: "configmaps" },
  });
  t.equal((await call("GET", `${maps}/one`)).statusCode, 404);
});

t.test("a dry run writes nothing", async (t) => {
  const dry = await call("POST", `${maps}?dryRun=All`, configMap("dry"));
  t.equal(dry.statusCode, 201);
  t.equal(meta(dry.body)["resourceVersion"], undefined);
  t.equal((await call("GET", `${maps}/dry`)).statusCode, 404);
  await call("POST", maps, configMap("stays"));
  t.equal((await call("DELETE", `${maps}/stays?dryRun=All`)).statusCode, 200);
  const patched = await call(
    "PATCH",
    `${maps}/stays?dryRun=All`,
    { data: { b: "2" } },
    { "content-type": "application/merge-patch+json" },
  );
  t.match(patched.body, { data: { a: "1", b: "2" } });
  t.same((await call("GET", `${maps}/stays`)).body["data"], { a: "1" });
});

t.test("generated names do not collide", async (t) => {
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "gen-" } };
  const answers = await Promise.all(Array.from({ length: 20 }, () => call("POST", maps, body)));
  t.same([...new Set(answers.map(({ statusCode }) => statusCode))], [201]);
  t.equal(new Set(answers.map((answer) => textAt(meta(answer.body), "name"))).size, 20);
});

t.test("bodies: YAML, protobuf, unknown fields, other types", async (t) => {
  const yaml = await call("POST", maps, "kind: ConfigMap\nmetadata: {name: from-yaml}\ndata: {a: '1'}\n", {
    "content-type": "application/yaml",
  });
  t.equal(yaml.statusCode, 201);
  const bytes = encodeProtobuf("v1", "ConfigMap", configMap("from-protobuf"));
  const type = "application/vnd.kubernetes.protobuf";
  t.equal((await call("POST", maps, bytes, { "content-type": type })).statusCode, 201);
  const back = await call("GET", `${maps}/from-protobuf`, undefined, { accept: type });
  t.equal(back.headers["content-type"], type);
  t.match(back.text, /^k8s\0/);
  const unknown = { ...configMap("warned"), dat: {} };
  t.match((await call("POST", maps, unknown)).headers["warning"], /unknown field \\"dat\\"/);
  t.match(
    (await call("POST", `${maps}?fieldValidation=Strict`, unknown)).body["message"],
    /strict decoding error: unknown field "dat"/,
  );
  t.equal((await call("POST", maps, "x", { "content-type": "text/plain" })).statusCode, 415);
  t.equal((await call("GET", maps, undefined, { accept: "image/png" })).statusCode, 406);
  const wide = { containers: [{ name: "c", image: "i:1", args: ["x".repeat(2_000_000)] }] };
  const large = await call("POST", pods, pod("large", wide));
  t.match([large.statusCode, large.body["reason"]], [413, "RequestEntityTooLarge"]);
  const huge = await call("POST", maps, configMap("huge", { a: "x".repeat(3_500_000) })).catch(() => ({
    statusCode: 413,
  }));
  t.equal(huge.statusCode, 413);
});

t.test("patches", async (t) => {
  await call("POST", maps, configMap("patched"));
  const patch = (type: string, body: unknown) => call("PATCH", `${maps}/patched`, body, { "content-type": type });
  t.match((await patch("application/merge-patch+json", { data: { b: "2" } })).body, { data: { a: "1", b: "2" } });
  t.match((await patch("application/json-patch+json", [{ op: "remove", path: "/data/b" }])).body, { data: { a: "1" } });
  t.equal((await patch("application/json-patch+json", [{ op: "test", path: "/data/a", value: "9" }])).statusCode, 422);
  t.match((await patch("application/strategic-merge-patch+json", { metadata: { labels: { x: "y" } } })).body, {
    metadata: { labels: { x: "y" } },
  });
  const apply = await patch("application/apply-patch+yaml", configMap("patched"));
  t.match([apply.statusCode, apply.body["message"]], [422, /fieldManager: Required value: is required for apply/]);
  t.equal((await patch("application/apply-patch+cbor", {})).statusCode, 415, "no CBOR");
  const several = await Promise.all(
    Array.from({ length: 20 }, (_, i) => patch("application/merge-patch+json", { data: { [`k${i}`]: "v" } })),
  );
  t.ok(several.every(({ statusCode }) => statusCode === 200));
  t.equal(
    Object.keys(objectAt((await call("GET", `${maps}/patched`)).body, "data") ?? {}).length,
    21,
    "no update is lost",
  );
});

t.test("what a body may not say: versions, keys that come twice in YAML, an empty dry run", async (t) => {
  const versioned = (name: string, resourceVersion: string): JsonObject => ({
    ...configMap(name),
    metadata: { name, resourceVersion },
  });
  const refused = await call("POST", maps, versioned("versioned", "5"));
  t.match([refused.statusCode, refused.body], [400, {
    message: "resourceVersion should not be set on objects to be created",
  }]); // prettier-ignore
  t.equal((await call("POST", maps, versioned("versioned", "0"))).statusCode, 201);
  t.match((await call("PUT", `${maps}/versioned`, versioned("versioned", "abc"))).body, {
    code: 400,
    message: 'strconv.ParseUint: parsing "abc": invalid syntax',
  });
  t.equal((await call("POST", `${maps}?dryRun=`, configMap("dry"))).statusCode, 422);
  t.match((await call("POST", maps, "null", { "content-type": "application/json" })).body, {
    message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  });
  const yaml = { "content-type": "application/yaml" };
  const twice = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata: {a: b}\n'data': {a: c}\n";
  t.match((await call("POST", `${maps}?fieldValidation=Strict`, twice, yaml)).body, {
    code: 400,
    message: /: strict decoding error: yaml: unmarshal errors:\n {2}line 5: key "data" already set in map$/,
  });
  const made = await call("POST", maps, twice, yaml);
  t.match([made.statusCode, made.body], [201, { data: { a: "c" } }], "the last one counts");
});

t.test("finalizers keep an object until the last is gone", async (t) => {
  await call("POST", maps, { ...configMap("kept"), metadata: { name: "kept", finalizers: ["example.com/f"] } });
  t.match((await call("DELETE", `${maps}/kept`)).body, { metadata: { deletionTimestamp: /Z$/ } });
  t.equal((await call("GET", `${maps}/kept`)).statusCode, 200);
  const last = await call(
    "PATCH",
    `${maps}/kept`,
    { metadata: { finalizers: null } },
    { "content-type": "application/merge-patch+json" },
  );
  t.equal(last.statusCode, 200);
  t.equal((await call("GET", `${maps}/kept`)).statusCode, 404);
});

t.test("pods: defaults, binding once, graceful delete, eviction, logs of an unbound pod", async (t) => {
  const created = (await call("POST", pods, pod("p"))).body;
  t.match(created, {
    spec: { serviceAccountName: "default", priority: 0, schedulerName: "default-scheduler" },
    status: { phase: "Pending" },
  });
  t.equal((objectAt(created, "spec")?.["tolerations"] as unknown[]).length, 2);
  t.equal((await call("GET", `${pods}/p/log`)).text, "");
  const binding = { apiVersion: "v1", kind: "Binding", metadata: { name: "p" }, target: { kind: "Node", name: "n1" } };
  t.equal((await call("POST", `${pods}/p/binding`, binding)).statusCode, 201);
  t.match((await call("POST", `${pods}/p/binding`, binding)).body["message"], /pod p is already assigned to node "n1"/);
  t.match((await call("GET", `${pods}/p`)).body, { spec: { nodeName: "n1" } });
  const byNode = await call("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
  t.equal((byNode.body["items"] as readonly unknown[]).filter((one) => isObject(one as JsonObject)).length, 1);
  t.match((await call("DELETE", `${pods}/p`)).body, { metadata: { deletionGracePeriodSeconds: 30 } });
  t.match((await call("DELETE", `${pods}/p?gracePeriodSeconds=0`)).body, { kind: "Pod" });
  t.equal((await call("GET", `${pods}/p`)).statusCode, 404);
  await call("POST", pods, pod("evicted"));
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "evicted" } };
  t.equal((await call("POST", `${pods}/evicted/eviction`, eviction)).statusCode, 201);
  t.equal((await call("GET", `${pods}/evicted`)).statusCode, 404);
});

t.test("a scale is of the object that the path names", async (t) => {
  const controller = "/api/v1/namespaces/default/replicationcontrollers";
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
  const spec = { replicas: 0, selector: { a: "b" }, template };
  await call("POST", controller, { apiVersion: "v1", kind: "ReplicationController", metadata: { name: "one" }, spec });
  const scale = (name: string): JsonObject => ({
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: { name },
    spec: { replicas: 1 },
  });
  t.match((await call("PUT", `${controller}/one/scale`, scale("two"))).body, {
    code: 400,
    message: "the name of the object (two) does not match the name on the URL (one)",
  });
  t.equal((await call("PUT", `${controller}/one/scale`, scale("one"))).statusCode, 200);
});

t.test("scale", async (t) => {
  const deployments = "/apis/apps/v1/namespaces/default/deployments";
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i:1" }] } };
  await call("POST", deployments, {
    ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" } },
    spec: { replicas: 2, selector: { matchLabels: { a: "b" } }, template },
  });
  t.match((await call("GET", `${deployments}/d/scale`)).body, { kind: "Scale", spec: { replicas: 2 } });
  const merge = { "content-type": "application/merge-patch+json" };
  t.match((await call("PATCH", `${deployments}/d/scale`, { spec: { replicas: 5 } }, merge)).body, {
    spec: { replicas: 5 },
  });
  t.match((await call("GET", `${deployments}/d`)).body, { spec: { replicas: 5 }, metadata: { generation: 2 } });
  t.equal((await call("PATCH", `${deployments}/d/scale`, { spec: { replicas: -1 } }, merge)).statusCode, 422);
});

t.test("namespaces: created in, terminating, finalized, immortal", async (t) => {
  t.match(
    (await call("POST", "/api/v1/namespaces/none/configmaps", configMap("x"))).body["message"],
    /namespaces "none" not found/,
  );
  await call("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "going" } });
  t.equal((await call("POST", "/api/v1/namespaces/going/configmaps", configMap("x"))).statusCode, 201);
  t.match((await call("DELETE", "/api/v1/namespaces/going")).body, { status: { phase: "Terminating" } });
  const refused = await call("POST", "/api/v1/namespaces/going/configmaps", configMap("y"));
  t.match(refused.body, { code: 403, details: { causes: [{ reason: "NamespaceTerminating" }] } });
  const namespace = (await call("GET", "/api/v1/namespaces/going")).body;
  const finalized = await call("PUT", "/api/v1/namespaces/going/finalize", { ...namespace, spec: { finalizers: [] } });
  t.equal(finalized.statusCode, 200);
  t.equal((await call("GET", "/api/v1/namespaces/going")).statusCode, 404);
  t.equal((await call("DELETE", "/api/v1/namespaces/kube-system")).statusCode, 403);
});

t.test("lists: tables, metadata, pages, delete of a collection", async (t) => {
  const path = "/api/v1/namespaces/pages/configmaps";
  await call("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "pages" } });
  for (let i = 0; i < 5; i++) await call("POST", path, configMap(`c${i}`));
  const table = await call("GET", path, undefined, {
    accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
  });
  t.match(table.body, { kind: "Table", rows: [{ cells: ["c0", 1], object: { kind: "PartialObjectMetadata" } }] });
  const partial = await call("GET", path, undefined, {
    accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
  });
  t.match(partial.body, { kind: "PartialObjectMetadataList" });
  const names: string[] = [];
  let token = "";
  do {
    const page = await call("GET", `${path}?limit=2&continue=${token}`);
    for (const item of page.body["items"] as readonly JsonObject[]) names.push(textAt(meta(item), "name"));
    token = textAt(meta(page.body), "continue");
  } while (token !== "");
  t.same(names, ["c0", "c1", "c2", "c3", "c4"]);
  t.equal((await call("DELETE", path)).statusCode, 200);
  t.same((await call("GET", path)).body["items"], []);
});

t.test("events of both groups are one", async (t) => {
  const event = {
    ...{ apiVersion: "v1", kind: "Event", metadata: { name: "e" } },
    ...{
      involvedObject: { kind: "Pod", name: "p", namespace: "default" },
      reason: "Started",
      message: "it runs",
      type: "Normal",
    },
  };
  t.equal((await call("POST", "/api/v1/namespaces/default/events", event)).statusCode, 201);
  const other = await call("GET", "/apis/events.k8s.io/v1/namespaces/default/events/e");
  t.match(other.body, { apiVersion: "events.k8s.io/v1", note: "it runs", regarding: { name: "p" } });
});

t.test("bindings and component statuses, which are stored nowhere", async (t) => {
  await server.call("POST", "/api/v1/namespaces/default/pods", pod("bound-by-name"));
  const binding = { metadata: { name: "bound-by-name" }, target: { kind: "Node", name: "n9" } };
  t.equal((await server.call("POST", "/api/v1/namespaces/default/bindings", binding)).statusCode, 201);
  t.match((await server.call("GET", "/api/v1/namespaces/default/pods/bound-by-name")).body, {
    spec: { nodeName: "n9" },
  });
  t.equal(
    (await server.call("POST", "/api/v1/namespaces/default/bindings", { ...binding, metadata: {} })).statusCode,
    400,
  );
  t.equal((await server.call("GET", "/api/v1/namespaces/default/bindings")).statusCode, 405);

  const statuses = await server.call("GET", "/api/v1/componentstatuses");
  t.match(statuses.body, {
    kind: "ComponentStatusList",
    items: [
      { metadata: { name: "controller-manager" }, conditions: [{ type: "Healthy", status: "False" }] },
      { metadata: { name: "scheduler" }, conditions: [{ status: "False" }] },
      { metadata: { name: "etcd-0" }, conditions: [{ status: "True", message: "ok" }] },
    ],
  });
  t.match(statuses.headers["warning"], /deprecated/);
  const renewTime = new Date().toISOString().replace("Z", "000Z");
  await server.call("POST", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases", {
    metadata: { name: "kube-scheduler" },
    spec: { holderIdentity: "s1", leaseDurationSeconds: 15, renewTime },
  });
  t.match((await server.call("GET", "/api/v1/componentstatuses/scheduler")).body, { conditions: [{ status: "True" }] });
  t.equal((await server.call("GET", "/api/v1/componentstatuses/none")).statusCode, 404);
});
