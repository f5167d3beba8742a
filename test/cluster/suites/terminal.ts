// `down` keeps the data; a second `up` in the same directory, in the foreground this time, brings the same cluster back;
// Ctrl-C stops everything and leaves nothing running.
import type { Test } from "tap";
import type { TestCluster } from "../../support/cluster.ts";
import { remainsOf } from "../../support/machine-state.ts";

export function inTheTerminal(t: Test, cluster: TestCluster): void {
  t.test("a second up in the same data directory keeps the data, Ctrl-C stops everything", async (t) => {
    const { clusterId } = await cluster.status();
    const uidBefore = await cluster.mustKubectl(["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"]);
    await cluster.mustKubectl(["create", "configmap", "lasting", "--from-literal=a=b"]);
    await cluster.mustTriarch(["down"]);
    t.same(await remainsOf({ clusterId, dataDir: cluster.dataDir, containers: true }), [], "after down");

    const up = cluster.upInForeground();
    t.teardown(() => up.signal("SIGINT"));
    await up.waitForOutput("Ctrl-C stops everything", 150_000);
    t.equal((await cluster.status()).clusterId, clusterId);
    const uidAfter = await cluster.mustKubectl(["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"]);
    t.equal(uidAfter, uidBefore, "the same cluster");
    await cluster.mustKubectl(["get", "configmap", "lasting"]);

    up.signal("SIGINT");
    t.equal(await up.ended(90_000), 0, up.output());
    t.same(await remainsOf({ clusterId, dataDir: cluster.dataDir, containers: true }), [], "after Ctrl-C");
  });
}
