// snapshot save, status; down --delete-data; restore; up: the objects of the snapshot are back, later ones are
// not.
import { access } from "node:fs/promises";
import type { Test } from "tap";
import { top, type TestCluster } from "../../support/cluster.ts";
import { remainsOf } from "../../support/machine-state.ts";
import { runProgram } from "../../support/command.ts";
import { triarchProgram } from "../../../tools/test/test-clusters.ts";

export function snapshotAndRestore(t: Test, cluster: TestCluster): void {
  const file = cluster.file("backup.db");

  t.test("snapshot save and status", async (t) => {
    await cluster.mustKubectl(["create", "configmap", "kept", "--from-literal=a=b"]);
    const saved = await cluster.mustTriarch(["snapshot", "save", file]);
    t.match(saved, /^FILE +REVISION +ROWS +SIZE +HASH$/m);
    await cluster.mustKubectl(["create", "configmap", "too-late", "--from-literal=a=b"]);
    const args = [triarchProgram(top), "snapshot", "status", file, "-o", "json"];
    const { exitCode, stdout } = await runProgram(process.execPath, args);
    t.equal(exitCode, 0);
    const status = JSON.parse(stdout) as { revision: number; totalKeys: number; totalSizeBytes: number; hash: string };
    t.ok(status.revision > 0 && status.totalKeys > 0 && status.totalSizeBytes > 0, stdout);
    const etcdctl = await cluster.etcdctl(["snapshot", "status", file, "-w", "json"]);
    t.match(JSON.parse(etcdctl.stdout), { revision: status.revision, totalKey: status.totalKeys }, "etcdctl agrees");
  });

  t.test("down --delete-data leaves nothing", async (t) => {
    const { clusterId } = await cluster.status();
    await cluster.mustTriarch(["down", "--delete-data"]);
    await t.rejects(access(cluster.dataDir));
    t.same(await remainsOf({ clusterId, dataDir: cluster.dataDir, containers: true }), []);
  });

  t.test("snapshot restore makes a cluster that up starts", async (t) => {
    await cluster.mustTriarch(["snapshot", "restore", file, "--runtime", "docker", "--base-port", "17600"]);
    await cluster.up();
    const names = (await cluster.mustKubectl(["get", "configmaps", "-o", "name"])).split("\n");
    t.ok(names.includes("configmap/kept"), "what was there at the snapshot is back");
    t.notOk(names.includes("configmap/too-late"), "what came later is not");
    await cluster.mustKubectl(["create", "configmap", "afterwards", "--from-literal=a=b"]);
    t.match(await cluster.mustKubectl(["get", "deployment", "hello"]), /^hello +3\/3 /m);
  });
}
