// The main job end to end, on one cluster with real containers that all suites share: it comes up, runs a workload under
// kubectl, loses its leader, is saved and restored, runs in a terminal, and leaves nothing behind. The order matters.
import t from "tap";
import { TestCluster } from "../support/cluster.ts";
import { needs, needsContainers, needsEtcdctl, needsKubectl } from "../support/requirements.ts";
import { comingUp } from "./suites/coming-up.ts";
import { etcdctlWorks } from "./suites/etcdctl.ts";
import { kubectlWorks } from "./suites/kubectl.ts";
import { leaderLoss } from "./suites/leader-loss.ts";
import { snapshotAndRestore } from "./suites/snapshot.ts";
import { inTheTerminal } from "./suites/terminal.ts";
import { streamsWork } from "./suites/streams.ts";
import { workload } from "./suites/workload.ts";

const skip = await needs(needsContainers(), needsKubectl(), needsEtcdctl());

if (skip !== false) {
  t.test("a cluster with containers", { skip }, () => undefined);
} else {
  const cluster = await TestCluster.create({ runtime: "docker", basePort: 17_600 });
  t.teardown(() => cluster.destroy());
  comingUp(t, cluster);
  kubectlWorks(t, cluster);
  workload(t, cluster);
  streamsWork(t, cluster);
  etcdctlWorks(t, cluster);
  leaderLoss(t, cluster);
  snapshotAndRestore(t, cluster);
  inTheTerminal(t, cluster);
}
