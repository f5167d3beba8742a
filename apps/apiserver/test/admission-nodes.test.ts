// NodeRestriction: what a kubelet may write, and what of it.
import t, { type Test } from "tap";
import type { JsonObject } from "@triarch/api";
import { changedLabels, forbiddenLabels } from "../src/admission/node-labels.ts";
import { pod, startTestServer, type Answer, type TestClient, type TestServer } from "./support/test-server.ts";

const pods = "/api/v1/namespaces/default/pods";
const merge = { "content-type": "application/merge-patch+json" };
const refusal = (message: RegExp): object => ({ statusCode: 403, body: { reason: "Forbidden", message } });

interface Fixture {
  readonly server: TestServer;
  readonly kubelet: TestClient;
  readonly uid: string;
}

async function started(t: Test): Promise<Fixture> {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const kubelet = await server.clientOf("system:node:w1", ["system:nodes"]);
  const made = await kubelet("POST", "/api/v1/nodes", {
    metadata: { name: "w1", labels: { "kubernetes.io/os": "x" } },
  });
  t.equal(made.statusCode, 201);
  const { uid } = made.body["metadata"] as { readonly uid: string };
  return { server, kubelet, uid };
}

t.test("labels of Kubernetes' own are not a kubelet's, but for those that tell what the machine is", (t) => {
  const free = [
    "mine",
    "example.com/pool",
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "node.kubernetes.io/anything",
    "sub.kubelet.kubernetes.io/x",
    "notkubernetes.io/x",
  ];
  t.same(forbiddenLabels(free), []);
  const forbidden = [
    "kubernetes.io/role",
    "x.k8s.io/y",
    "node-restriction.kubernetes.io/a",
    "z.node-restriction.kubernetes.io/a",
  ];
  t.same(forbiddenLabels(forbidden), forbidden);
  t.same(changedLabels({ a: "1", b: "2", c: "3" }, { a: "1", b: "3", d: "4" }), ["b", "c", "d"]);
  t.end();
});

t.test("a node says what it is, and does not choose what comes to it", async (t) => {
  const { server, kubelet } = await started(t);
  const nodes = "/api/v1/nodes";
  const patch = (document: JsonObject, path = `${nodes}/w1`): Promise<Answer> =>
    kubelet("PATCH", path, JSON.stringify(document), merge);
  t.match(
    await kubelet("POST", nodes, { metadata: { name: "w2" } }),
    refusal(/^nodes "w2" is forbidden: node "w1" is not allowed to modify node "w2"$/),
  );
  await server.call("DELETE", `${nodes}/w1`);
  const labels = { "kubernetes.io/role": "x", "a.k8s.io/b": "y", own: "z" };
  const set = /node "w1" is not allowed to set the following labels: a\.k8s\.io\/b, kubernetes\.io\/role$/;
  t.match(await kubelet("POST", nodes, { metadata: { name: "w1", labels } }), refusal(set));
  t.equal((await kubelet("POST", nodes, { metadata: { name: "w1" } })).statusCode, 201);

  t.equal((await patch({ metadata: { labels: { "kubernetes.io/arch": "z", own: "q" } } })).statusCode, 200);
  const restricted = { "node-restriction.kubernetes.io/x": "y" };
  const modify = /is not allowed to modify labels: node-restriction\.kubernetes\.io\/x$/;
  t.match(await patch({ metadata: { labels: restricted } }), refusal(modify));
  t.match(await patch({ metadata: { labels: restricted } }, `${nodes}/w1/status`), refusal(modify));
  t.match(await patch({ spec: { taints: [] } }), refusal(/node "w1" is not allowed to modify taints$/));
  const ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name: "none", uid: "u" }];
  t.match(await patch({ metadata: { ownerReferences } }), refusal(/is not allowed to modify ownerReferences$/));
  t.equal((await patch({ status: { capacity: { cpu: "1" } } }, `${nodes}/w1/status`)).statusCode, 200);
});

t.test("a kubelet makes mirror pods of its own alone", async (t) => {
  const { kubelet, uid } = await started(t);
  const owner = { apiVersion: "v1", kind: "Node", name: "w1", uid, controller: true };
  const mirror = (spec: JsonObject = {}, metadata: JsonObject = {}): JsonObject => ({
    ...pod("m", { nodeName: "w1", ...spec }),
    metadata: { name: "m", annotations: { "kubernetes.io/config.mirror": "x" }, ownerReferences: [owner], ...metadata },
  });
  const c = (env: JsonObject): JsonObject => ({ containers: [{ name: "c", image: "i", env: [env] }] });
  const only = 'node "w1" can only create pods with';
  const cases: readonly (readonly [JsonObject, string])[] = [
    [mirror({}, { annotations: {} }), 'node "w1" can only create mirror pods'],
    [mirror({ nodeName: "w2" }), `${only} spec.nodeName set to itself`],
    [mirror({}, { ownerReferences: [] }), `${only} an owner reference set to itself`],
    [mirror({}, { ownerReferences: [{ ...owner, name: "w2" }] }), `${only} an owner reference set to itself`],
    [
      mirror({}, { ownerReferences: [owner, { ...owner, uid: "v" }] }),
      `${only} a single owner reference set to itself`,
    ],
    [
      mirror({}, { ownerReferences: [{ ...owner, controller: false }] }),
      `${only} a controller owner reference set to itself`,
    ],
    [
      mirror({}, { ownerReferences: [{ ...owner, blockOwnerDeletion: true }] }),
      'node "w1" must not set blockOwnerDeletion on an owner reference',
    ],
    [mirror({}, { ownerReferences: [{ ...owner, uid: "v" }] }), `node w1 UID mismatch: expected v got ${uid}`],
    [
      mirror({ volumes: [{ name: "v", projected: { sources: [{ configMap: { name: "c" } }] } }] }),
      'node "w1" can not create pods that reference configmaps',
    ],
    [
      mirror(c({ name: "E", valueFrom: { secretKeyRef: { name: "s", key: "k" } } })),
      'node "w1" can not create pods that reference secrets',
    ],
    [
      mirror({ volumes: [{ name: "v", persistentVolumeClaim: { claimName: "c" } }] }),
      'node "w1" can not create pods that reference persistentvolumeclaims',
    ],
  ];
  for (const [body, why] of cases) {
    const { statusCode, body: status } = await kubelet("POST", pods, body);
    t.match([statusCode, status["message"]], [403, why]);
  }
  t.equal((await kubelet("POST", pods, mirror(c({ name: "SECRET", value: "configMap" })))).statusCode, 201);
  t.equal((await kubelet("DELETE", `${pods}/m?gracePeriodSeconds=0`)).statusCode, 200);
});

t.test("of its pods a kubelet writes the status, without labels; leases bear its name", async (t) => {
  const { server, kubelet } = await started(t);
  for (const [name, nodeName] of [
    ["mine", "w1"],
    ["other", "w2"],
  ] as const)
    await server.call("POST", pods, pod(name, { nodeName }));
  const status = (name: string, document: JsonObject): Promise<Answer> =>
    kubelet("PATCH", `${pods}/${name}/status`, JSON.stringify(document), merge);
  t.equal((await status("mine", { status: { phase: "Running" } })).statusCode, 200);
  t.match(
    await status("mine", { metadata: { labels: { a: "b" } } }),
    refusal(/cannot update labels through pod status$/),
  );
  t.match(
    await status("mine", { status: { resourceClaimStatuses: [{ name: "c" }] } }),
    refusal(/cannot update resource claim statuses$/),
  );
  t.match(
    await status("other", { status: { phase: "Running" } }),
    refusal(/node "w1" can only update pod status for pods with spec.nodeName set to itself$/),
  );
  t.match(
    await kubelet("DELETE", `${pods}/other`),
    refusal(/node "w1" can only delete pods with spec.nodeName set to itself$/),
  );
  const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
  t.equal((await kubelet("POST", leases, { metadata: { name: "w1" }, spec: {} })).statusCode, 201);
  t.match(
    await kubelet("POST", leases, { metadata: { name: "w2" }, spec: {} }),
    refusal(/can only access node lease with the same name as the requesting node$/),
  );
});
