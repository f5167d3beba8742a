// What the API server writes by itself into objects that configure it, and what it has to say about them at the start.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { isObject, type JsonObject, listAt, objectAt, textAt } from "@triarch/api";
import { flowSchemas, priorityLevels } from "../src/bootstrap/flow-control.ts";
import { startTestServer, type TestServer, until } from "./support/test-server.ts";

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const schemas = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas";
const levels = "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations";
const apiServices = "/apis/apiregistration.k8s.io/v1/apiservices";
const requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

const signingRequest =
  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWk1JR0FBZ0VBTUI0eERUQUxCZ05WQkFvTUJHUmxkbk14RFRB" +
  "TEJnTlZCQU1NQkdwaGJtVXdXVEFUQmdjcQpoa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVQyQ3hTb1hzRU1yUEpkc3NhRVFLb0Js" +
  "c0RoTzIveitXRjAzcDFWCkpkSWtQay9SYW93UkxPb1ZPazRNYUEwTmVpU0kzcWE0eU9vcFJ5b3Btb3pLNWxPV29BQXdDZ1lJS29a" +
  "SXpqMEUKQXdJRFNBQXdSUUloQU5LbG5PMFV5UU1haXVzTmNaQ0VVWDB0RlJRTW9INEVYQXhyN21zZlNGd3JBaUJoamlGagpRN0d3" +
  "eUJURVZrZUUzSDdSeFJLNDZOaWtnWG1CMDFVNVpvMmdiZz09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";

const conditionOf = (object: JsonObject, type: string): string => {
  const conditions = listAt(objectAt(object, "status") ?? {}, "conditions").filter(isObject);
  const found = conditions.find((condition) => textAt(condition, "type") === type);
  return found === undefined ? "" : `${textAt(found, "status")} ${textAt(found, "reason")}`;
};

/** Waits until an object's condition says `wanted`. */
async function waitFor({ call }: TestServer, path: string, type: string, wanted: string): Promise<JsonObject> {
  let body: JsonObject = {};
  await until(`${path} is ${type}=${wanted}`, async () => {
    ({ body } = await call("GET", path));
    return conditionOf(body, type) === wanted;
  });
  return body;
}

const definition = (plural: string, kind: string): JsonObject => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.g.example.com` },
  spec: {
    group: "g.example.com",
    scope: "Namespaced",
    names: { plural, kind },
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
  },
});

t.test("definitions are established, wait for names, and go after a while", async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const { call } = server;
  const [first, second] = [`${definitions}/as.g.example.com`, `${definitions}/bs.g.example.com`];
  t.equal((await call("POST", definitions, definition("as", "A"))).statusCode, 201);
  const established = await waitFor(server, first, "Established", "True InitialNamesAccepted");
  t.match(established, {
    metadata: { generation: 1 },
    status: {
      acceptedNames: { plural: "as", singular: "a", kind: "A", listKind: "AList" },
      storedVersions: ["v1"],
    },
  });

  t.equal((await call("POST", definitions, definition("bs", "A"))).statusCode, 201);
  await waitFor(server, second, "NamesAccepted", "False KindConflict");
  t.equal(conditionOf((await call("GET", second)).body, "Established"), "False NotAccepted");

  const marked = await call("DELETE", first);
  t.match(marked.body, { metadata: { finalizers: ["customresourcecleanup.apiextensions.k8s.io"] } });
  t.equal(conditionOf((await call("GET", first)).body, "Terminating"), "True InstanceDeletionPending");
  await until("the definition is gone", async () => (await call("GET", first)).statusCode === 404);
  await waitFor(server, second, "Established", "True InitialNamesAccepted");
});

t.test("flow schemas dangle as long as their level is not there", async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const { call } = server;
  const head = { apiVersion: "flowcontrol.apiserver.k8s.io/v1" };
  await call("POST", schemas, {
    ...head,
    kind: "FlowSchema",
    metadata: { name: "mine" },
    spec: { priorityLevelConfiguration: { name: "late" } },
  });
  await waitFor(server, `${schemas}/mine`, "Dangling", "True NotFound");
  await call("POST", levels, {
    ...head,
    kind: "PriorityLevelConfiguration",
    metadata: { name: "late" },
    spec: { type: "Limited", limited: { limitResponse: { type: "Reject" } } },
  });
  const found = await waitFor(server, `${schemas}/mine`, "Dangling", "False Found");
  const owners = listAt(objectAt(found, "metadata") ?? {}, "managedFields").filter(isObject);
  t.match(
    owners.find((one) => one["operation"] === "Apply"),
    {
      manager: "api-priority-and-fairness-config-consumer-v1",
      operation: "Apply",
      subresource: "status",
    },
  );
  await call("DELETE", `${levels}/late`);
  await waitFor(server, `${schemas}/mine`, "Dangling", "True NotFound");
});

t.test("aggregated APIs follow their services", async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const { call } = server;
  await call("POST", apiServices, {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: "v1.g.example.com" },
    spec: {
      group: "g.example.com",
      version: "v1",
      groupPriorityMinimum: 1,
      versionPriority: 1,
      insecureSkipTLSVerify: true,
      service: { namespace: "default", name: "s" },
    },
  });
  const mine = `${apiServices}/v1.g.example.com`;
  await waitFor(server, mine, "Available", "False ServiceNotFound");
  const service = { apiVersion: "v1", kind: "Service", metadata: { name: "s" }, spec: { ports: [{ port: 443 }] } };
  await call("POST", "/api/v1/namespaces/default/services", service);
  await waitFor(server, mine, "Available", "False MissingEndpoints");
  await call("DELETE", "/api/v1/namespaces/default/services/s");
  await waitFor(server, mine, "Available", "False ServiceNotFound");
  const own = await waitFor(server, `${apiServices}/v1.apps`, "Available", "True Local");
  t.match(own, { metadata: { labels: { "kube-aggregator.kubernetes.io/automanaged": "onstart" } } });
});

t.test("a request for a certificate says who asks, and is approved by another door", async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const { call } = server;
  const asker = await server.clientOf("jane", ["devs", "system:masters"]);
  const body = {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name: "mine" },
    spec: { request: signingRequest, signerName: "example.com/s", usages: ["client auth"], username: "somebody else" },
  };
  const made = await asker("POST", requests, body);
  t.match(made.body, { spec: { username: "jane", groups: ["devs", "system:masters", "system:authenticated"] } });
  const approved = { ...made.body, status: { conditions: [{ type: "Approved", status: "True", reason: "Known" }] } };
  await call("PUT", `${requests}/mine/status`, approved);
  t.equal(conditionOf((await call("GET", `${requests}/mine`)).body, "Approved"), "", "not through its status");
  t.equal((await call("PUT", `${requests}/mine/approval`, approved)).statusCode, 200);
  const { body: found } = await call("GET", `${requests}/mine/approval`);
  t.equal(conditionOf(found, "Approved"), "True Known");
  const denied = { ...found, status: { conditions: [{ type: "Denied", status: "True" }] } };
  t.match((await call("PUT", `${requests}/mine/approval`, denied)).body, { code: 422, message: /may not remove/ });
});

const recorded = join(import.meta.dirname, "../../../../shared/kubernetes/recorded/cluster/objects.jsonl");

t.test("every cluster begins with Kubernetes' levels and schemas", async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const namesAt = async (path: string): Promise<readonly string[]> => {
    const { body } = await server.call("GET", path);
    return listAt(body, "items").map((item) => textAt(objectAt(item as JsonObject, "metadata"), "name"));
  };
  t.strictSame([...(await namesAt(levels))], priorityLevels().map(nameOf).sort());
  t.strictSame([...(await namesAt(schemas))], flowSchemas().map(nameOf).sort());
  t.ok((await namesAt(apiServices)).includes("v1."), "and with its own APIs");
});

const nameOf = (object: JsonObject): string => textAt(objectAt(object, "metadata"), "name");

t.test("the levels and schemas are those that a real server made", { skip: !existsSync(recorded) }, async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const objects = readFileSync(recorded, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { object: JsonObject }).object);
  // What else is recorded, the recording made.
  const isFirst = (object: JsonObject): boolean => {
    const { annotations, labels } = object["metadata"] as Record<string, Record<string, string> | undefined>;
    const made = labels?.["kube-aggregator.kubernetes.io/automanaged"] === "onstart";
    return made || annotations?.["apf.kubernetes.io/autoupdate-spec"] === "true";
  };
  for (const [kind, path] of [
    ["FlowSchema", schemas],
    ["PriorityLevelConfiguration", levels],
    ["APIService", apiServices],
  ] as const) {
    const all = objects.filter((object) => textAt(object, "kind") === kind && isFirst(object));
    t.ok(all.length > 7, `${all.length} recorded`);
    for (const object of all) {
      const { body } = await server.call("GET", `${path}/${nameOf(object)}`);
      t.strictSame(body["spec"], object["spec"], `${kind} ${nameOf(object)}`);
    }
  }
});
