// Into running containers with unmodified kubectl: exec, cp, port-forward, and the proxies of pods, services and nodes.
import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import type { Test } from "tap";
import { request } from "undici";
import { stringify } from "yaml";
import type { TestCluster } from "../../support/cluster.ts";
import { until } from "../../support/until.ts";

const labels = { app: "streams" };
const manifests = [
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "streams", labels },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "web",
          image: "triarch/busybox:local",
          command: ["sh", "-c", "echo hello > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"],
          ports: [{ containerPort: 8080 }],
        },
      ],
    },
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "streams" },
    spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
  },
];

export function streamsWork(t: Test, cluster: TestCluster): void {
  t.test("into containers: exec, cp, port-forward, proxy", { timeout: 120_000 }, async (t) => {
    await cluster.mustKubectl(["apply", "-f", "-"], { input: manifests.map((one) => stringify(one)).join("---\n") });
    // What comes next counts containers.
    t.teardown(() => cluster.kubectl(["delete", "--timeout=30s", "pod/streams", "service/streams"]));
    await cluster.mustKubectl(["wait", "--for=condition=Ready", "pod/streams", "--timeout=60s"], { timeoutMs: 70_000 });

    const both = await cluster.kubectl(["exec", "streams", "--", "sh", "-c", "hostname; echo err >&2; exit 7"]);
    t.same([both.exitCode, both.stdout], [7, "streams\n"]);
    t.equal(both.stderr, "err\ncommand terminated with exit code 7\n");

    const bytes = randomBytes(2_000_000);
    const [there, back] = [cluster.file("there"), cluster.file("back")];
    await writeFile(there, bytes);
    const input = await cluster.mustKubectl(["exec", "-i", "streams", "--", "sha256sum"], { input: bytes });
    t.equal(input.slice(0, 64), createHash("sha256").update(bytes).digest("hex"), "stdin arrives whole");
    await cluster.mustKubectl(["cp", there, "streams:/tmp/copy"]);
    await cluster.mustKubectl(["cp", "streams:/tmp/copy", back]);
    t.ok(bytes.equals(await readFile(back)), "a file there and back");

    const forwarding = cluster.kubectlInBackground(["port-forward", "--address", "127.0.0.1", "pod/streams", ":8080"]);
    try {
      await forwarding.waitForOutput(/Forwarding from 127\.0\.0\.1:\d+/, 20_000);
      const port = /127\.0\.0\.1:(\d+)/.exec(forwarding.output())?.[1];
      const sizes = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const { body } = await request(`http://127.0.0.1:${port}/copy`);
          return (await body.arrayBuffer()).byteLength;
        }),
      );
      t.same(sizes, [bytes.length, bytes.length, bytes.length, bytes.length], "four connections at once");
    } finally {
      forwarding.signal("SIGKILL");
      await forwarding.ended(10_000);
    }

    const raw = (path: string): Promise<string> => cluster.mustKubectl(["get", "--raw", path]);
    t.equal(await raw("/api/v1/namespaces/default/pods/streams/proxy/index.html"), "hello\n");
    const service = await until("the service's endpoints", 20_000, () =>
      raw("/api/v1/namespaces/default/services/streams/proxy/index.html"),
    );
    t.equal(service, "hello\n");
    const node = await cluster.mustKubectl(["get", "pod/streams", "-o", "jsonpath={.spec.nodeName}"]);
    t.equal(await raw(`/api/v1/nodes/${node}/proxy/healthz`), "ok");
  });
}
