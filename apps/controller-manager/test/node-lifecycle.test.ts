// A node falls silent: it is found out, its pods are not ready any more and go when their time is over; it comes back.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import type { Lease, Node, Pod } from "@triarch/api";
import { resourceRefs, type KubeClient, type KubeObject, type ResourceRef } from "@triarch/client";
import { startCluster, type TestCluster } from "./support/cluster.ts";

const graceMs = 2_000;
const beatMs = 300;
const namespace = "default";
t.setTimeout(60_000);

/** Resolves with the object once `test` holds for it (undefined: it is gone). */
function until<T extends KubeObject>(
  cluster: TestCluster,
  ref: ResourceRef,
  key: string,
  test: (object: T | undefined) => boolean,
): Promise<T | undefined> {
  const informer = cluster.informers.get<T>(ref);
  return new Promise((resolve) => {
    const look = (): void => {
      const object = informer.lister.get(key);
      if (test(object)) resolve(object);
    };
    informer.onChange(look);
    look();
  });
}

/** Renews the leases of the nodes that are not silent. */
async function beat(client: KubeClient, nodes: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  const key = (name: string) => ({ namespace: "kube-node-lease", name });
  const made = new Set<string>();
  while (!signal.aborted) {
    for (const name of nodes) {
      const renewTime = new Date().toISOString().replace("Z", "000Z");
      const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
      if (made.has(name)) await client.patch(resourceRefs.leases, key(name), { spec }, { type: "merge" });
      else await client.create<Lease>(resourceRefs.leases, { metadata: key(name), spec });
      made.add(name);
    }
    await delay(beatMs, undefined, { signal }).catch(() => undefined);
  }
}

const ready = (object: Node | Pod | undefined): string | undefined =>
  object?.status?.conditions?.find((one) => one.type === "Ready")?.status;
const taintsOf = (node: Node | undefined): readonly string[] =>
  (node?.spec?.taints ?? []).map((one) => `${one.key}:${one.effect}`).sort();

t.test("a node falls silent and comes back", async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), "node-lifecycle-"));
  const cluster = await startCluster({
    dataDir,
    nodeMonitorGracePeriodMs: graceMs,
    prepare: (informers) => [resourceRefs.pods, resourceRefs.nodes].forEach((ref) => informers.get(ref)),
  });
  const stop = new AbortController();
  const alive = new Set(["n1", "n2", "n3"]);
  const beating = beat(cluster.client, alive, stop.signal);
  t.teardown(async () => {
    stop.abort();
    await beating;
    await cluster.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await until<Node>(cluster, resourceRefs.nodes, "n3", (node) => node?.spec?.podCIDR !== undefined);
  const containers = [{ name: "c", image: "img:1" }];
  const tolerations = [
    { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 1 },
  ];
  for (const [name, more] of Object.entries({ brief: { tolerations }, patient: {} })) {
    await cluster.client.create<Pod>(resourceRefs.pods, {
      metadata: { name, namespace },
      spec: { nodeName: "n3", containers, ...more },
    });
    await until<Pod>(cluster, resourceRefs.pods, `${namespace}/${name}`, (pod) => ready(pod) === "True");
  }

  alive.delete("n3");
  cluster.silentNodes.add("n3");
  await until<Node>(cluster, resourceRefs.nodes, "n3", (node) => ready(node) === "Unknown");
  const lost = await until<Node>(cluster, resourceRefs.nodes, "n3", (node) => taintsOf(node).length === 2);
  t.same(taintsOf(lost), ["node.kubernetes.io/unreachable:NoExecute", "node.kubernetes.io/unreachable:NoSchedule"]);
  await until<Pod>(cluster, resourceRefs.pods, `${namespace}/patient`, (pod) => ready(pod) === "False");
  const isGoing = (pod: Pod | undefined): boolean => pod?.metadata?.deletionTimestamp !== undefined;
  const evicted = await until<Pod>(cluster, resourceRefs.pods, `${namespace}/brief`, isGoing);
  t.match(
    evicted?.status?.conditions?.find((one) => one.type === "DisruptionTarget"),
    { status: "True", reason: "DeletionByTaintManager" },
  );
  const patient = cluster.informers.get<Pod>(resourceRefs.pods).lister.get(`${namespace}/patient`);
  t.equal(isGoing(patient), false, "it bears the taint for five minutes");
  for (const name of alive) {
    const node = cluster.informers.get<Node>(resourceRefs.nodes).lister.get(name);
    t.same([ready(node), taintsOf(node)], ["True", []], `${name} is well`);
  }

  alive.add("n3");
  const conditions = [{ type: "Ready", status: "True", lastHeartbeatTime: new Date().toISOString() }];
  await cluster.client.patch(
    resourceRefs.nodes,
    { name: "n3" },
    { status: { conditions } },
    { type: "strategic", subresource: "status" },
  );
  const back = await until<Node>(cluster, resourceRefs.nodes, "n3", (node) => taintsOf(node).length === 0);
  t.equal(ready(back), "True");
});
