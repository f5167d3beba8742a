// Pods as Docker containers, and Services through iptables: what the machine itself shows.
import type { Test } from "tap";
import { request } from "undici";
import type { TestCluster } from "../../support/cluster.ts";
import { containersOf, execIn, killContainer, networkModeOf } from "../../support/containers.ts";
import { until } from "../../support/until.ts";

interface PodJson {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly phase: string;
    readonly podIP: string;
    readonly containerStatuses: readonly { containerID: string; ready: boolean; restartCount: number }[];
  };
}

const requests = 60;

export function workload(t: Test, cluster: TestCluster): void {
  const containers = async () => containersOf((await cluster.status()).clusterId);
  const pods = async (): Promise<readonly PodJson[]> =>
    (await cluster.get<{ items: readonly PodJson[] }>("pods", "-l", "app=hello")).items;
  const running = async (kind: string) =>
    (await containers()).filter((one) => one.kind === kind && one.running && one.namespace === "default");

  t.test("each pod is a pause container and its containers, on its node", async (t) => {
    const all = await pods();
    t.equal(all.length, 3);
    t.same(new Set(all.map((pod) => pod.spec.nodeName)), new Set(["w1", "w2"]), "both nodes have pods");
    const [sandboxes, containers] = [await running("sandbox"), await running("container")];
    for (const pod of all) {
      const { name } = pod.metadata;
      const sandbox = sandboxes.find((one) => one.pod === name);
      const container = containers.find((one) => one.pod === name);
      t.equal(sandbox?.node, pod.spec.nodeName);
      t.equal(container?.container, "web");
      t.equal(pod.status.containerStatuses[0]?.containerID, `docker://${container?.id}`);
      t.equal(await networkModeOf(container?.id ?? ""), `container:${sandbox?.id}`, "it shares the sandbox's network");
      const { output } = await execIn(container?.id ?? "", ["ip", "-4", "addr", "show", "eth0"]);
      t.match(output, pod.status.podIP);
    }
  });

  t.test("the Service answers from the host and from pods on both nodes, spread over its pods", async (t) => {
    const service = await cluster.get<{ spec: { clusterIP: string } }>("service", "hello");
    const url = `http://${service.spec.clusterIP}/`;
    const names = new Set((await pods()).map((pod) => `hello from ${pod.metadata.name}`));

    const fromHost = await counts(async () => (await request(url, { reset: true })).body.text());
    t.same(new Set(fromHost.keys()), names, "the host reaches every pod");
    for (const [who, count] of fromHost) t.ok(count >= requests / 12, `${who}: ${count} of ${requests}`);

    for (const node of ["w1", "w2"]) {
      const container = (await running("container")).find((one) => one.node === node && one.container === "web");
      const loop = `for i in $(seq ${requests}); do timeout 3 wget -q -O - ${url}; done`;
      const { output, exitCode } = await execIn(container?.id ?? "", ["sh", "-c", loop]);
      t.equal(exitCode, 0, output.slice(0, 500));
      t.same(new Set(output.split("\n")), names, `a pod on ${node} reaches every pod`);
    }
  });

  t.test("pods reach the API under its Service address", async (t) => {
    const [container] = await running("container");
    const probe = ["sh", "-c", "nc -w 3 10.96.0.1 443 </dev/null && echo reached"];
    t.match((await execIn(container?.id ?? "", probe)).output, "reached");
  });

  t.test("a killed container is started again in its pod", async (t) => {
    const [victim] = await pods();
    const before = victim?.status.containerStatuses[0];
    await killContainer(before?.containerID.replace("docker://", "") ?? "");
    const after = await until("the container to run again", 30_000, async () => {
      const now = (await pods()).find((pod) => pod.metadata.uid === victim?.metadata.uid);
      const status = now?.status.containerStatuses[0];
      return status?.ready === true && status.containerID !== before?.containerID ? now : undefined;
    });
    t.equal(after.status.containerStatuses[0]?.restartCount, (before?.restartCount ?? 0) + 1);
    t.equal(after.status.podIP, victim?.status.podIP, "the pod keeps its address");
  });

  t.test("deletion is graceful, within the grace period, and removes the containers", async (t) => {
    const farewell = "trap 'echo goodbye; sleep 1; exit 0' TERM; echo hello; while :; do sleep 0.2; done";
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "polite" },
      spec: {
        terminationGracePeriodSeconds: 20,
        containers: [{ name: "main", image: "triarch/busybox:local", command: ["sh", "-c", farewell] }],
      },
    };
    await cluster.mustKubectl(["create", "-f", "-"], { input: JSON.stringify(pod) });
    await cluster.mustKubectl(["wait", "--for=condition=Ready", "pod/polite", "--timeout=25s"]);
    await until("its first words", 10_000, async () =>
      (await cluster.mustKubectl(["logs", "polite"])).includes("hello") ? true : undefined,
    );
    const follow = cluster.kubectlInBackground(["logs", "-f", "polite"]);
    t.teardown(() => follow.signal("SIGKILL"));
    await follow.waitForOutput("hello", 10_000);
    const startedAt = performance.now();
    await cluster.mustKubectl(["delete", "pod", "polite"], { timeoutMs: 60_000 });
    const tookMs = performance.now() - startedAt;
    await follow.waitForOutput("goodbye", 5_000);
    t.ok(tookMs > 900, `it had the time to say goodbye (${Math.round(tookMs)} ms)`);
    t.ok(tookMs < 15_000, `nobody waited for the whole grace period (${Math.round(tookMs)} ms)`);
    await until("its containers to go", 20_000, async () =>
      (await containers()).some((one) => one.pod === "polite") ? undefined : true,
    );
  });
}

async function counts(ask: () => Promise<string>): Promise<ReadonlyMap<string, number>> {
  const byAnswer = new Map<string, number>();
  for (let i = 0; i < requests; i += 1) {
    const answer = (await ask()).trim();
    byAnswer.set(answer, (byAnswer.get(answer) ?? 0) + 1);
  }
  return byAnswer;
}
