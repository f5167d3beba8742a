// kill -9 of the leading master: by hand, seen through kubectl; and as the drill.
import type { Test } from "tap";
import type { TestCluster } from "../../support/cluster.ts";
import { containersOf } from "../../support/containers.ts";
import { until } from "../../support/until.ts";

/** The parts of a drill's report that this reads. */
interface DrillJson {
  readonly drill: string;
  readonly passed: boolean;
  readonly lostWrites: number;
  readonly longestGapMs: number;
  readonly timeToLeaderMs: number;
  readonly leaderBefore: string;
  readonly leaderAfter: string;
  readonly writes: { readonly acknowledged: number };
  readonly checks: readonly { readonly name: string; readonly result: string; readonly detail: string }[];
}

const writesOnEachSide = 10;

export function leaderLoss(t: Test, cluster: TestCluster): void {
  t.test("kill -9 of the leader: reads and writes go on, nothing is lost, the killed one catches up", async (t) => {
    const before = await cluster.status();
    const leader = before.members.find((one) => one.role === "leader");
    const containersBefore = await runningContainers(before.clusterId);
    const write = async (name: string): Promise<void> => {
      await cluster.mustKubectl(["create", "configmap", name, "--from-literal=a=b"], { timeoutMs: 10_000 });
    };
    for (let i = 0; i < writesOnEachSide; i += 1) await write(`before-${i}`);

    const killedAt = performance.now();
    await cluster.kill(leader?.name ?? "the leader");
    await until("kubectl to read", 15_000, () => cluster.mustKubectl(["get", "nodes"], { timeoutMs: 5_000 }));
    await until("kubectl to write", 15_000, async () => {
      await write(`during-${Math.round(performance.now())}`);
      return true;
    });
    t.comment(`kubectl wrote again ${Math.round(performance.now() - killedAt)} ms after the kill`);
    for (let i = 0; i < writesOnEachSide; i += 1) await write(`after-${i}`);

    const names = await cluster.mustKubectl(["get", "configmaps", "-o", "name"]);
    for (const side of ["before", "after"]) {
      for (let i = 0; i < writesOnEachSide; i += 1) t.ok(names.includes(`configmap/${side}-${i}\n`), `${side}-${i}`);
    }
    const caughtUp = await until(`${leader?.name} to catch up`, 40_000, async () => {
      const now = await cluster.status();
      const same = now.members.find((one) => one.name === leader?.name);
      const leads = now.members.some((one) => one.role === "leader");
      return leads && same?.role === "follower" && same.pid !== leader?.pid && same.lag <= 5 ? now : undefined;
    });
    t.ok(Math.max(...caughtUp.members.map((one) => one.term)) > (leader?.term ?? 0), "the term went up");
    for (const { name, holder } of caughtUp.components) t.not(holder, "", `${name} leads`);
    t.same(await runningContainers(before.clusterId), containersBefore, "workers carried on without restart");

    await cluster.mustKubectl(["scale", "deployment", "hello", "--replicas=5"]);
    await cluster.mustKubectl(["rollout", "status", "deployment/hello", "--timeout=50s"], { timeoutMs: 55_000 });
    await cluster.mustKubectl(["scale", "deployment", "hello", "--replicas=3"]);
    await until("three replicas", 40_000, async () =>
      (await cluster.mustKubectl(["get", "deployment", "hello"])).includes(" 3/3 ") ? true : undefined,
    );
  });

  t.test("drill run leader-kill reports no lost write", (t) => leaderKillDrill(t, cluster));
}

/** One drill; also what the long tests repeat. */
export async function leaderKillDrill(t: Test, cluster: TestCluster): Promise<void> {
  const { exitCode, stdout, stderr } = await cluster.triarch(["drill", "run", "leader-kill", "-o", "json"]);
  t.equal(exitCode, 0, stderr);
  const report = JSON.parse(stdout) as DrillJson;
  t.equal(report.drill, "leader-kill");
  t.equal(report.lostWrites, 0);
  t.equal(report.passed, true);
  t.ok(report.writes.acknowledged > 0, "writes were acknowledged");
  t.ok(report.longestGapMs > 0 && report.longestGapMs < 20_000, `longest gap ${report.longestGapMs} ms`);
  t.ok(report.timeToLeaderMs > 0 && report.timeToLeaderMs < 20_000, `new leader after ${report.timeToLeaderMs} ms`);
  t.not(report.leaderAfter, report.leaderBefore);
  for (const check of report.checks) t.equal(check.result, "passed", `${check.name}: ${check.detail}`);
}

async function runningContainers(clusterId: string): Promise<readonly string[]> {
  return (await containersOf(clusterId))
    .filter((one) => one.running)
    .map((one) => one.id)
    .sort();
}
