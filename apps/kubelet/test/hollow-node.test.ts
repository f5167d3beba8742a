// A hollow node against a real API server: registration, pods, logs, who may ask, deletion.
import { request } from "node:https";
import t from "tap";
import type { Lease, Node, Pod } from "@triarch/api";
import { resourceRefs } from "@triarch/client";
import { isReady, podGone, podWhere, startTestNode } from "./support/test-node.ts";

const node = await startTestNode("hollow", "10.98.3.0/24");
t.teardown(() => node.close());
const { client } = node;

const ask = (path: string, by: "server" | "stranger" | "nobody" = "server"): Promise<{ code: number; text: string }> =>
  new Promise((resolve, reject) => {
    const { cert, key, ca } = node.clientCertificate;
    const options = { host: "127.0.0.1", port: node.kubeletPort, path, ca, agent: false };
    const certificate = by === "server" ? { cert, key } : by === "stranger" ? node.strangerCertificate : {};
    request({ ...options, ...certificate }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => resolve({ code: answer.statusCode ?? 0, text }));
    })
      .on("error", reject)
      .end();
  });

t.test("the node says what it is", async (t) => {
  const { status, metadata } = await client.get<Node>(resourceRefs.nodes, { name: node.name });
  t.match(status?.nodeInfo?.containerRuntimeVersion, /^hollow:\/\//);
  t.equal(metadata?.labels?.["kubernetes.io/hostname"], node.name);
  t.equal(status?.capacity?.["pods"], "110");
  t.same(status?.addresses?.[0], { type: "InternalIP", address: "127.0.0.1" });
  t.equal(status?.daemonEndpoints?.kubeletEndpoint?.Port, node.kubeletPort);
  const lease = await client.get<Lease>(resourceRefs.leases, { namespace: "kube-node-lease", name: node.name });
  t.same([lease.spec?.holderIdentity, lease.spec?.leaseDurationSeconds], [node.name, 8]);
});

t.test("a pod comes and goes", async (t) => {
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "sim", namespace: "default" },
    spec: { nodeName: node.name, containers: [{ name: "main", image: "any/image:1" }] },
  };
  await client.create(resourceRefs.pods, pod);
  const ready = await podWhere(client, "sim", "is ready", isReady);
  t.match(ready.status, { phase: "Running", podIP: /^10\.98\.3\./, hostIP: "127.0.0.1" });
  t.match(ready.status?.containerStatuses?.[0]?.containerID, /^hollow:\/\//);
  const log = await ask("/containerLogs/default/sim/main");
  t.match(log, { code: 200, text: /hollow container main/ });
  t.match(await ask("/containerLogs/default/none/main"), { code: 404 });
  t.match(await ask("/containerLogs/default/sim/main?tailLines=x"), { code: 400 });
  t.match(JSON.parse((await ask("/pods")).text), { kind: "PodList", items: [{ metadata: { name: "sim" } }] });
  t.match(await ask("/pods", "stranger"), { code: 403 });
  await t.rejects(ask("/pods", "nobody"), "without a certificate there is no answer");
  await client.delete(resourceRefs.pods, { namespace: "default", name: "sim" });
  await podGone(client, "sim");
});

t.test("many pods", async (t) => {
  const names = Array.from({ length: 40 }, (_, i) => `many-${i}`);
  await Promise.all(
    names.map((name) =>
      client.create(resourceRefs.pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace: "default" },
        spec: { nodeName: node.name, containers: [{ name: "main", image: "any/image:1" }] },
      }),
    ),
  );
  const pods = await Promise.all(names.map((name) => podWhere(client, name, "is ready", isReady)));
  t.equal(new Set(pods.map((pod) => pod.status?.podIP)).size, names.length, "each has an address of its own");
  await Promise.all(names.map((name) => client.delete(resourceRefs.pods, { namespace: "default", name })));
  for (const name of names) await podGone(client, name);
  t.equal(await node.stopKubelet(), 0, "it stops cleanly");
});
