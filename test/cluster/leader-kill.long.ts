// Five drills in a row on one cluster with containers: leadership moves around, and no round loses a write.
import t from "tap";
import { TestCluster } from "../support/cluster.ts";
import { needs, needsContainers } from "../support/requirements.ts";
import { leaderKillDrill } from "./suites/leader-loss.ts";

const rounds = 5;
const skip = await needs(needsContainers());

if (skip !== false) {
  t.test("leader-kill drills on containers", { skip }, () => undefined);
} else {
  const cluster = await TestCluster.create({ runtime: "docker", basePort: 17_800 });
  t.teardown(() => cluster.destroy());
  t.test("a cluster comes up", () => cluster.up());
  for (let round = 1; round <= rounds; round += 1) {
    t.test(`leader-kill drill ${round} of ${rounds}`, (t) => leaderKillDrill(t, cluster));
  }
}
