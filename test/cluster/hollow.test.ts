// Clusters with simulated containers: they need neither root nor Docker, and come up fast. What bad requests get is
// tried here.
import { chown, mkdir } from "node:fs/promises";
import { hasCommand } from "@triarch/machine";
import t from "tap";
import { must, TestCluster, top } from "../support/cluster.ts";
import { remainsOf } from "../support/machine-state.ts";
import { needsKubectl } from "../support/requirements.ts";
import { runProgram } from "../support/command.ts";
import { triarchProgram } from "../../tools/test/test-clusters.ts";
import { until } from "../support/until.ts";
import { badRequests } from "./suites/bad-requests.ts";

const nobody = 65_534;
const skip = await needsKubectl();

if (skip !== false) {
  t.test("a cluster on the hollow runtime", { skip }, () => undefined);
} else {
  const cluster = await TestCluster.create({ runtime: "hollow", basePort: 17_200 });
  t.teardown(() => cluster.destroy());
  onHollowRuntime(cluster);
}

function onHollowRuntime(cluster: TestCluster): void {
  t.test("a hollow cluster comes up with its example", async (t) => {
    const { stdout, stderr } = await cluster.up();
    t.match(stdout, `kubeconfig: ${cluster.kubeconfig}`);
    t.match(stderr, "hello");
    const deployment = await cluster.get<{ status: object }>("deployment", "hello");
    t.has(deployment.status, { replicas: 3, availableReplicas: 3 });
  });

  t.test("a hollow cluster runs what is scaled up", async (t) => {
    await cluster.mustKubectl(["scale", "deployment", "hello", "--replicas=10"]);
    await cluster.mustKubectl(["rollout", "status", "deployment/hello", "--timeout=40s"], { timeoutMs: 45_000 });
    const pods = await cluster.mustKubectl(["get", "pods", "-l", "app=hello", "--no-headers"]);
    t.equal(pods.split("\n").filter((line) => line.includes("Running")).length, 10);
  });

  t.test("a process that dies is started again", async (t) => {
    const before = await cluster.status();
    const holder = before.components.find((one) => one.name === "kube-scheduler")?.holder ?? "";
    const name = before.processes.find((one) => one.name.startsWith("scheduler-") && holder.startsWith(one.name))?.name;
    const killed = await cluster.kill(name ?? `the process of ${holder}`);
    await until(`${name} to run again`, 20_000, async () =>
      (await cluster.status()).processes.find(
        (one) => one.name === name && one.state === "running" && one.pid !== killed && one.restarts > 0,
      ),
    );
    t.match(await cluster.readText("logs/supervisor.log"), `${name} ended (signal SIGKILL); starting it again`);
  });

  badRequests(t, cluster);

  t.test("a hollow cluster goes down without a trace", async (t) => {
    const { clusterId } = await cluster.status();
    await cluster.mustTriarch(["down", "--delete-data"]);
    t.same(await remainsOf({ clusterId, dataDir: cluster.dataDir, containers: false }), []);
  });
}

const asNobody = process.getuid?.() === 0 && (await hasCommand("setpriv"));

t.test(
  "without root it says that it uses the hollow runtime",
  { skip: skip || (!asNobody && "needs root to become nobody") },
  async (t) => {
    const cluster = await TestCluster.create({ runtime: "hollow", basePort: 17_400 });
    t.teardown(() => cluster.destroy());
    await mkdir(cluster.dataDir);
    await chown(cluster.dataDir, nobody, nobody);
    const flags = ["--detach", "--no-system-packages", "--masters", "1", "--workers", "1", "--base-port", "17400"];
    const up = await runProgram(
      "setpriv",
      [
        ...[`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", process.execPath, triarchProgram(top)],
        ...["up", ...flags, "--data-dir", cluster.dataDir],
      ],
      { timeoutMs: 120_000, env: { HOME: cluster.dataDir } },
    );
    must("triarch up as nobody", up);
    const notes = up.stderr.split("\n").filter((line) => line.includes("using the hollow runtime"));
    t.equal(notes.length, 1);
    t.match(notes[0], "not running as root");
    t.equal((await cluster.status()).runtime, "hollow");
  },
);
