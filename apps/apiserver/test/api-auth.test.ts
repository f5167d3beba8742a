import http2 from "node:http2";
import t from "tap";
import { createCa } from "@triarch/pki";
import { pod, startTestServer, testCa } from "./support/test-server.ts";

const server = await startTestServer();
t.teardown(() => server.close());

t.test("anonymous: health and version only", async (t) => {
  const call = server.anonymous();
  for (const path of ["/livez", "/readyz", "/healthz", "/version", "/livez/ping"]) {
    t.equal((await call("GET", path)).statusCode, 200, path);
  }
  t.match((await call("GET", "/version")).body, { major: "1", minor: "36", gitVersion: "v1.36.3" });
  t.match((await call("GET", "/readyz?verbose")).text, /\[\+\]watch-caches ok/);
  t.match((await call("GET", "/api/v1/pods")).body, {
    code: 403,
    reason: "Forbidden",
    message:
      'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope',
    details: { kind: "pods" },
  });
  t.equal((await call("GET", "/metrics")).statusCode, 403);
});

t.test("a wrong token is 401", async (t) => {
  const answer = await server.anonymous()("GET", "/version", undefined, { authorization: "Bearer wrong" });
  t.match(answer.body, { code: 401, reason: "Unauthorized", message: "Unauthorized" });
});

t.test("certificates of our authority name the user; others are refused", async (t) => {
  const admin = await server.clientOf("kubernetes-admin", ["system:masters"]);
  t.equal((await admin("GET", "/api/v1/nodes")).statusCode, 200);
  t.match((await admin("GET", "/metrics")).text, /apiserver_request_total\{verb="LIST"/);
  const scheduler = await server.clientOf("system:kube-scheduler", []);
  t.equal((await scheduler("GET", "/api/v1/pods")).statusCode, 200);
  t.equal((await scheduler("GET", "/api/v1/secrets")).statusCode, 403);
  const stranger = await createCa({ commonName: "stranger", nowMs: Date.now(), validityDays: 1 });
  const foreign = await server.clientOf("kubernetes-admin", ["system:masters"], stranger);
  t.match(await foreign("GET", "/api/v1/nodes"), { statusCode: 401, body: { reason: "Unauthorized" } });
});

t.test("a certificate counts on HTTP/2 as well", async (t) => {
  const { issueCertificate } = await import("@triarch/pki");
  const pair = await issueCertificate(testCa, {
    ...{ commonName: "kubernetes-admin", organizations: ["system:masters"], usages: ["client"] },
    ...{ nowMs: Date.now(), validityDays: 1 },
  });
  const session = http2.connect(server.url, { ca: testCa.certificatePem, cert: pair.certificatePem, key: pair.keyPem });
  t.teardown(() => session.close());
  const stream = session.request({ ":path": "/api/v1/nodes" });
  const headers = await new Promise<http2.IncomingHttpHeaders & { readonly ":status"?: number }>((resolve) =>
    stream.once("response", resolve),
  );
  t.equal(headers[":status"], 200);
  stream.close();
});

t.test("a kubelet changes only the pods of its node", async (t) => {
  const pods = "/api/v1/namespaces/default/pods";
  await server.call("POST", pods, pod("mine", { nodeName: "w1" }));
  await server.call("POST", pods, pod("other", { nodeName: "w2" }));
  const kubelet = await server.clientOf("system:node:w1", ["system:nodes"]);
  const patch = (name: string) =>
    kubelet(
      "PATCH",
      `${pods}/${name}/status`,
      { status: { phase: "Running" } },
      { "content-type": "application/merge-patch+json" },
    );
  t.match((await patch("mine")).body, { status: { phase: "Running" } });
  t.match((await patch("other")).body, {
    code: 403,
    message: /node "w1" can only update pod status for pods with spec.nodeName set to itself/,
  });
  t.equal((await kubelet("DELETE", `${pods}/other`)).statusCode, 403);
  t.equal((await kubelet("DELETE", `${pods}/mine?gracePeriodSeconds=0`)).statusCode, 200);
  const node = (name: string) => ({ apiVersion: "v1", kind: "Node", metadata: { name } });
  t.equal((await kubelet("POST", "/api/v1/nodes", node("w1"))).statusCode, 201);
  t.equal((await kubelet("POST", "/api/v1/nodes", node("w2"))).statusCode, 403);
});
