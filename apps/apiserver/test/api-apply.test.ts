// Server-side apply and field managers over HTTP.
import t from "tap";
import { isObject, type JsonObject, listAt, objectAt, textAt } from "@triarch/api";
import { configMap, startTestServer, type Answer } from "./support/test-server.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const deployments = "/apis/apps/v1/namespaces/default/deployments";
const yaml = { "content-type": "application/apply-patch+yaml" };

const server = await startTestServer();
t.teardown(() => server.close());

function apply(path: string, config: unknown): Promise<Answer> {
  return server.call("PATCH", path, config, yaml);
}

/** `manager operation[/subresource]` of each entry. */
function owners(object: JsonObject): readonly string[] {
  return listAt(objectAt(object, "metadata") ?? {}, "managedFields")
    .filter(isObject)
    .map((entry) => `${textAt(entry, "manager")} ${textAt(entry, "operation")}/${textAt(entry, "subresource")}`);
}

const fieldsOf = (object: JsonObject): string => JSON.stringify(objectAt(object, "metadata")?.["managedFields"]);

function deployment(name: string, spec: JsonObject = {}): JsonObject {
  const template = { metadata: { labels: { app: "x" } }, spec: { containers: [{ name: "c", image: "i:1" }] } };
  const whole = { selector: { matchLabels: { app: "x" } }, template, ...spec };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name }, spec: whole };
}

t.test("an apply makes, changes, conflicts and is forced; YAML and JSON", async (t) => {
  const one = `${maps}/one?fieldManager=a`;
  const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata:\n  k: 'yes'\n";
  const dry = await apply(`${one}&dryRun=All`, text);
  t.strictSame(
    [dry.statusCode, (await server.call("GET", `${maps}/one`)).statusCode],
    [201, 404],
    "a dry run makes nothing",
  );
  const made = await apply(one, text);
  t.strictSame([made.statusCode, objectAt(made.body, "data"), owners(made.body)], [201, { k: "yes" }, ["a Apply/"]]);
  const again = await apply(one, text);
  t.equal(again.statusCode, 200);
  t.equal(
    objectAt(again.body, "metadata")?.["resourceVersion"],
    objectAt(made.body, "metadata")?.["resourceVersion"],
    "no write",
  );
  const config = configMap("one", { k: "no" });
  const refused = await apply(`${maps}/one?fieldManager=b`, config);
  t.match([refused.statusCode, refused.body], [409, {
    reason: "Conflict",
    message: 'Apply failed with 1 conflict: conflict with "a": .data.k',
    details: { causes: [{ reason: "FieldManagerConflict", message: 'conflict with "a"', field: ".data.k" }] },
  }]); // prettier-ignore
  const forced = await apply(`${maps}/one?fieldManager=b&force=true`, config);
  t.strictSame(
    [forced.statusCode, objectAt(forced.body, "data"), owners(forced.body)],
    [200, { k: "no" }, ["b Apply/"]],
  );
  const stale = await apply(`${maps}/one?fieldManager=b`, {
    ...config,
    metadata: { name: "one", resourceVersion: "1" },
  });
  t.match([stale.statusCode, stale.body["reason"]], [409, "Conflict"], "a resourceVersion is a precondition");
  const strange = await apply(`${maps}/new?fieldManager=b`, {
    ...configMap("new"),
    metadata: { name: "new", uid: "1" },
  });
  t.equal(strange.statusCode, 409, "a uid means an object that was there");
  t.equal((await apply(`${maps}/other?fieldManager=b`, config)).statusCode, 400, "the name of the path");
});

t.test("who manages: parameter, user agent, rules", async (t) => {
  const made = await server.call("POST", maps, configMap("ua"), { "user-agent": "tool\u00a0x/v1.2 (linux)" });
  t.strictSame(owners(made.body), ["toolx Update/"]);
  const named = await server.call("PUT", `${maps}/ua?fieldManager=hand`, configMap("ua", { a: "2" }));
  t.strictSame([...owners(named.body)].sort(), ["hand Update/", "toolx Update/"]);
  const rules: readonly (readonly [path: string, headers: Readonly<Record<string, string>>, cause: RegExp])[] = [
    [`${maps}/ua`, yaml, /fieldManager: Required value: is required for apply patch/],
    [`${maps}/ua?fieldManager=${"x".repeat(129)}`, yaml, /fieldManager: Too long/],
    [`${maps}/ua?fieldManager=a%0Ab`, yaml, /should only contain printable characters/],
    [
      `${maps}/ua?force=true`,
      { "content-type": "application/merge-patch+json" },
      /force: Forbidden: may not be specified/,
    ],
  ];
  for (const [path, headers, cause] of rules) {
    const answer = await server.call("PATCH", path, configMap("ua"), headers);
    t.match([answer.statusCode, answer.body["message"]], [422, cause]);
  }
  for (const body of ["a: [", "[]", "- 1", '"x"']) {
    const answer = await apply(`${maps}/ua?fieldManager=a`, body);
    t.match([answer.statusCode, answer.body["message"]], [400, /^error decoding YAML/], body);
  }
  const twice = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ua}\ndata: {z: a, z: b}\n";
  t.equal((await apply(`${maps}/ua?fieldManager=a&fieldValidation=Strict`, twice)).statusCode, 400, "a key twice");
  const warned = await apply(`${maps}/ua?fieldManager=a`, twice);
  t.match([warned.statusCode, warned.headers["warning"]], [200, /error strict decoding YAML/]);
});

t.test("a client forgets the owners by an empty list, by PUT and by patch", async (t) => {
  for (const [method, type] of [
    ["PUT", "application/json"],
    ["PATCH", "application/merge-patch+json"],
  ] as const) {
    await server.call("POST", maps, configMap(`reset-${method.toLowerCase()}`));
    const name = `reset-${method.toLowerCase()}`;
    const body = { ...configMap(name, { a: "new" }), metadata: { name, managedFields: [] } };
    const answer = await server.call(method, `${maps}/${name}`, body, { "content-type": type });
    t.strictSame([answer.statusCode, owners(answer.body)], [200, []], method);
    const applied = await apply(`${maps}/${name}?fieldManager=a`, configMap(name, { a: "new" }));
    t.strictSame([...owners(applied.body)].sort(), ["a Apply/", "before-first-apply Update/"]);
  }
});

t.test("status and scale have managers of their own", async (t) => {
  await apply(`${deployments}/web?fieldManager=owner`, deployment("web", { replicas: 2 }));
  const status = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: { replicas: 9 },
    status: { replicas: 1 },
  };
  const withStatus = await apply(`${deployments}/web/status?fieldManager=st`, status);
  t.equal(objectAt(withStatus.body, "spec")?.["replicas"], 2, "the spec is not written through status");
  t.match(fieldsOf(withStatus.body), /"fieldsV1":\{"f:status":\{"f:replicas":\{\}\}\},"subresource":"status"/);
  t.equal(
    (await apply(`${deployments}/none/status?fieldManager=st`, { ...status, metadata: { name: "none" } })).statusCode,
    404,
  );
  const scale = { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "web" }, spec: { replicas: 5 } };
  const refused = await apply(`${deployments}/web/scale?fieldManager=hpa`, scale);
  t.match([refused.statusCode, refused.body["message"]], [409, /conflict with "owner": \.spec\.replicas/]);
  const forced = await apply(`${deployments}/web/scale?fieldManager=hpa&force=true`, scale);
  t.equal(objectAt(forced.body, "spec")?.["replicas"], 5);
  t.notOk(objectAt(forced.body, "metadata")?.["managedFields"], "a Scale shows none");
  const after = (await server.call("GET", `${deployments}/web`)).body;
  t.strictSame([...owners(after)].sort(), ["hpa Apply/scale", "owner Apply/", "st Apply/status"]);
  const back = await apply(`${deployments}/web?fieldManager=owner`, deployment("web", { replicas: 2 }));
  t.match(
    [back.statusCode, back.body["message"]],
    [409, /conflict with "hpa" with subresource "scale": \.spec\.replicas/],
  );
  await server.call(
    "PATCH",
    `${deployments}/web/scale?fieldManager=put`,
    { spec: { replicas: 6 } },
    { "content-type": "application/merge-patch+json" },
  );
  const put = (await server.call("GET", `${deployments}/web`)).body;
  t.ok(owners(put).includes("put Update/scale") && !owners(put).includes("hpa Apply/scale"));
});

t.test("binding a pod gives nobody its node; deleting keeps the owners", async (t) => {
  const pods = "/api/v1/namespaces/default/pods";
  const body = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", finalizers: ["x/hold"] },
    spec: { containers: [{ name: "c", image: "i" }] },
  };
  const made = await server.call("POST", `${pods}?fieldManager=c`, body);
  const binding = { apiVersion: "v1", kind: "Binding", metadata: { name: "p" }, target: { kind: "Node", name: "n" } };
  t.equal((await server.call("POST", `${pods}/p/binding`, binding)).statusCode, 201);
  t.equal(fieldsOf((await server.call("GET", `${pods}/p`)).body), fieldsOf(made.body));
  await server.call("DELETE", `${pods}/p`);
  t.equal(fieldsOf((await server.call("GET", `${pods}/p`)).body), fieldsOf(made.body));
});
