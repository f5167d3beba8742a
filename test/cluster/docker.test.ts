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
import { workload } from "./suites/workload.ts";

t.test(
  "a cluster with containers",
  { skip: await needs(needsContainers(), needsKubectl(), needsEtcdctl()) },
  async (t) => {
    const cluster = await TestCluster.create({ runtime: "docker", basePort: 17_600 });
    t.teardown(() => cluster.destroy());
    await comingUp(t, cluster);
    await kubectlWorks(t, cluster);
    await workload(t, cluster);
    await etcdctlWorks(t, cluster);
    await leaderLoss(t, cluster);
    await snapshotAndRestore(t, cluster);
    await inTheTerminal(t, cluster);
  },
);
