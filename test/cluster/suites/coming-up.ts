// `triarch up --detach`: progress, the files it writes, and what `triarch status` shows afterwards.
import { access } from "node:fs/promises";
import { request } from "undici";
import type { Test } from "tap";
import type { TestCluster } from "../../support/cluster.ts";

const headings = {
  members: /^MEMBER +ROLE +TERM +REVISION +APPLIED +LAG +PID +API +ETCD$/m,
  components: /^COMPONENT +LEADER +RENEWED$/m,
  nodes: /^NODE +STATUS +ADDRESS +PODS +RUNTIME$/m,
};

export function comingUp(t: Test, cluster: TestCluster): void {
  t.test("up shows each step, applies the example and prints what to try", async (t) => {
    const { stdout, stderr } = await cluster.up();
    const steps = [
      "Docker Engine",
      "Local image",
      "Certificates and configuration",
      "Node networks",
      "3 masters",
      "Scheduler and controller manager",
      "2 workers",
      "Example: deployment/hello",
      "Example: service/hello",
    ];
    for (const step of steps) t.match(stderr, new RegExp(`^✓ ${step} .*\\d+\\.\\d s$`, "m"), step);
    t.match(stderr, /http:\/\/10\.96\.\d+\.\d+\/ says "hello from hello-/);
    t.match(stdout, `kubeconfig: ${cluster.kubeconfig}`);
    t.match(stdout, `export KUBECONFIG=${cluster.kubeconfig}`);
    await access(cluster.kubeconfig);
    t.match(await cluster.readText("etcd.env"), /ETCDCTL_ENDPOINTS=/);
    const again = await cluster.triarch(["up"]);
    t.equal(again.exitCode, 0);
    t.match(again.stdout, "is running already");
  });

  t.test("status as JSON has the documented fields", async (t) => {
    const status = await cluster.status();
    t.equal(status.runtime, "docker");
    t.same(
      status.members.map((one) => one.name),
      ["m1", "m2", "m3"],
    );
    t.equal(status.members.filter((one) => one.role === "leader").length, 1);
    t.equal(status.members.filter((one) => one.role === "follower").length, 2);
    for (const one of status.members) {
      t.match(one.id, /^[0-9a-f]+$/);
      t.ok(one.pid !== null && one.pid > 1, "pid");
      t.ok(one.term > 0 && one.revision > 0 && one.appliedIndex > 0 && one.lag < 100, "progress");
      t.match([one.apiUrl, one.etcdUrl], [/^https:\/\/127\.0\.0\.1:\d+$/, /^https:\/\/127\.0\.0\.1:\d+$/]);
    }
    t.same(
      status.components.map((one) => one.name),
      ["kube-scheduler", "kube-controller-manager"],
    );
    for (const one of status.components) t.not(one.holder, "");
    t.match(status.nodes, [
      { name: "w1", ready: true },
      { name: "w2", ready: true },
    ]);
    t.same(status.problems, []);
  });

  t.test("status as tables", async (t) => {
    const text = await cluster.mustTriarch(["status"]);
    for (const heading of Object.values(headings)) t.match(text, heading);
    t.match(text, /^m[123] +leader /m);
    t.match(text, /^w1 +Ready +10\.254\.0\.101 +10\.244\.\d\.0\/24 +docker:\/\//m);
  });

  t.test("every process on the host answers livez, readyz and metrics", async (t) => {
    const spec = JSON.parse(await cluster.readText("cluster.json")) as {
      readonly hostProxyHealthPort: number;
      readonly masters: readonly { schedulerHealthPort: number; controllerManagerHealthPort: number }[];
    };
    const ports = [
      spec.hostProxyHealthPort,
      ...spec.masters.flatMap((one) => [one.schedulerHealthPort, one.controllerManagerHealthPort]),
    ];
    for (const port of ports) {
      for (const path of ["livez", "readyz", "metrics"]) {
        const answer = await request(`http://127.0.0.1:${port}/${path}`);
        const text = await answer.body.text();
        t.equal(answer.statusCode, 200, `${port}/${path}: ${text.slice(0, 200)}`);
        if (path === "metrics") t.match(text, /^# TYPE /m);
      }
    }
    for (const path of ["/livez", "/readyz", "/metrics"]) t.ok(await cluster.mustKubectl(["get", "--raw", path]), path);
  });
}
