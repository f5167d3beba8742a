// What containers are given: environment, resources, security, files of volumes.
import { mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { Container, Pod, PodSpec } from "@triarch/api";
import { utf8 } from "@triarch/base";
import { containerResources, containerSecurity } from "../src/containers/container-config.ts";
import { ConfigError, type ConfigSource } from "../src/containers/config-source.ts";
import { environment, expand } from "../src/containers/environment.ts";
import { PodFiles } from "../src/volumes/pod-files.ts";
import { writeVolumeFiles } from "../src/volumes/volume-writer.ts";

const source: ConfigSource = {
  configMap: async (namespace, name) =>
    namespace === "ns" && name === "cm" ? new Map([["key", utf8("from-map")]]) : undefined,
  secret: async (_namespace, name) => (name === "s" ? new Map([["pw", utf8("hidden")]]) : undefined),
  token: async () => "token",
};
const node = { nodeName: "n1", hostIp: "192.168.0.1", allocatable: { cpuMillis: 2000, memoryBytes: 1024 } };

function pod(container: Partial<Container>, spec: Partial<PodSpec> = {}): Pod {
  const metadata = { name: "p", namespace: "ns", uid: "u1", labels: { app: "x", b: "y" } };
  return { metadata, spec: { containers: [{ name: "c", ...container }], ...spec } };
}

async function env(container: Partial<Container>, spec: Partial<PodSpec> = {}): Promise<Record<string, string>> {
  const given = pod(container, spec);
  const [own] = given.spec?.containers ?? [];
  if (own === undefined) throw new Error("no container");
  const api = {
    metadata: { name: "kubernetes", namespace: "default" },
    spec: { clusterIP: "10.96.0.1", ports: [{ name: "https", port: 443 }] },
  };
  const db = {
    metadata: { name: "my-db", namespace: "ns" },
    spec: { clusterIP: "10.96.0.7", ports: [{ port: 5432 }] },
  };
  const headless = { metadata: { name: "h", namespace: "ns" }, spec: { clusterIP: "None", ports: [{ port: 1 }] } };
  const services = [api, db, headless];
  return Object.fromEntries(
    await environment({ pod: given, container: own, podIp: "10.244.1.5", node, source, services }),
  );
}

t.test("variables", async (t) => {
  const found = await env({
    env: [
      { name: "A", value: "1" },
      { name: "B", value: "$(A)-$(NONE)-$$(A)" },
      { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
      { name: "LABEL", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
      { name: "MAP", valueFrom: { configMapKeyRef: { name: "cm", key: "key" } } },
      { name: "SECRET", valueFrom: { secretKeyRef: { name: "s", key: "pw" } } },
      { name: "MAYBE", valueFrom: { secretKeyRef: { name: "none", key: "pw", optional: true } } },
      { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
      { name: "MEM", valueFrom: { resourceFieldRef: { resource: "requests.memory", divisor: "1Mi" } } },
    ],
    envFrom: [{ prefix: "X_", configMapRef: { name: "cm" } }],
    resources: { limits: { cpu: "1500m" }, requests: { memory: "3000Ki" } },
  });
  t.match(found, {
    A: "1",
    B: "1-$(NONE)-$(A)",
    IP: "10.244.1.5",
    LABEL: "x",
    NODE: "n1",
    MAP: "from-map",
    SECRET: "hidden",
    CPU: "2",
    MEM: "3",
    X_key: "from-map",
    KUBERNETES_SERVICE_HOST: "10.96.0.1",
    KUBERNETES_SERVICE_PORT_HTTPS: "443",
    MY_DB_SERVICE_PORT: "5432",
    MY_DB_PORT_5432_TCP_ADDR: "10.96.0.7",
  });
  t.notOk("MAYBE" in found);
  t.notOk("H_SERVICE_HOST" in found);
  const without = await env({}, { enableServiceLinks: false });
  t.ok("KUBERNETES_SERVICE_HOST" in without && !("MY_DB_SERVICE_HOST" in without));
});

t.test("what is missing is named", async (t) => {
  const from = (ref: object): Promise<unknown> => env({ env: [{ name: "V", valueFrom: ref }] });
  await t.rejects(from({ configMapKeyRef: { name: "none", key: "k" } }), new ConfigError('configmap "none" not found'));
  await t.rejects(
    from({ secretKeyRef: { name: "s", key: "k" } }),
    new ConfigError("couldn't find key k in Secret ns/s"),
  );
  await t.rejects(env({ envFrom: [{ secretRef: { name: "none" } }] }), new ConfigError('secret "none" not found'));
});

t.test("expansion", (t) => {
  const values = new Map([["A", "1"]]);
  t.equal(expand("$(A) $$(A) $(B) $A $$$(A)", values), "1 $(A) $(B) $A $1");
  t.end();
});

t.test("resources in the kernel's units", (t) => {
  t.same(containerResources({ name: "c" }), { cpuShares: 2 });
  const resources = { requests: { cpu: "250m" }, limits: { cpu: "500m", memory: "64Mi" } };
  const expected = { cpuShares: 256, cpuQuotaMicros: 50_000, memoryLimitBytes: 64 * 1024 * 1024 };
  t.same(containerResources({ name: "c", resources }), expected);
  t.equal(containerResources({ name: "c", resources: { limits: { cpu: "1m" } } }).cpuQuotaMicros, 1000);
  t.end();
});

t.test("security: the container's part wins", (t) => {
  const given = pod({}, { securityContext: { runAsUser: 1000, runAsGroup: 2000, fsGroup: 3000 } });
  const own = { name: "c", securityContext: { runAsUser: 7, capabilities: { drop: ["ALL"] } } };
  const security = containerSecurity(given, own);
  t.equal(security.user, "7:2000");
  t.same([security.supplementalGroups, security.dropCapabilities], [[3000], ["ALL"]]);
  t.throws(
    () => containerSecurity(given, { name: "c", securityContext: { runAsUser: 0, runAsNonRoot: true } }),
    new ConfigError("container's runAsUser breaks non-root policy"),
  );
  t.end();
});

t.test("files of a volume change all at once", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "volume-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = (path: string, text: string, mode = 0o644) => ({ path, content: utf8(text), mode });
  const names = async (): Promise<string[]> => (await readdir(folder)).filter((name) => !name.startsWith("..")).sort();
  await writeVolumeFiles(folder, [file("a", "1", 0o600), file("sub/b", "2")]);
  t.same(await names(), ["a", "sub"]);
  t.equal(await readFile(join(folder, "sub/b"), "utf8"), "2");
  t.equal((await stat(join(folder, "a"))).mode & 0o777, 0o600);
  const link = await readlink(join(folder, "..data"));
  await writeVolumeFiles(folder, [file("a", "1", 0o600), file("sub/b", "2")]);
  t.equal(await readlink(join(folder, "..data")), link, "the same content changes nothing");
  await writeVolumeFiles(folder, [file("a", "3")]);
  t.same(await names(), ["a"]);
  t.equal(await readFile(join(folder, "a"), "utf8"), "3");
  t.equal((await readdir(folder)).length, 3, "old files are gone: ..data, the new folder, a");
  await t.rejects(writeVolumeFiles(folder, [file("../x", "1")]), ConfigError);
});

t.test("volumes and mounts of a pod", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "pod-files-"));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const files = new PodFiles({ dataDir, source, node, dns: { address: "10.96.0.10", domain: "cluster.local" } });
  const given = pod(
    {
      volumeMounts: [
        { name: "cm", mountPath: "/cm" },
        { name: "tmp", mountPath: "/tmp", subPath: "x" },
      ],
    },
    {
      hostAliases: [{ ip: "1.2.3.4", hostnames: ["other"] }],
      volumes: [
        { name: "cm", configMap: { name: "cm", items: [{ key: "key", path: "renamed" }] } },
        { name: "tmp", emptyDir: {} },
        {
          name: "mix",
          projected: {
            sources: [
              { secret: { name: "s" } },
              { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
              { serviceAccountToken: { path: "token" } },
            ],
          },
        },
      ],
    },
  );
  t.equal(await files.isPrepared(given, "10.244.1.5"), false);
  await files.prepare(given, "10.244.1.5");
  t.equal(await files.isPrepared(given, "10.244.1.5"), true, "a kubelet that is started again goes on with them");
  t.equal(await files.isPrepared(given, "10.244.1.6"), false);
  const root = join(dataDir, "pods/u1");
  const text = (path: string): Promise<string> => readFile(join(root, path), "utf8");
  t.equal(await text("volumes/cm/renamed"), "from-map");
  t.equal(await text("volumes/mix/pw"), "hidden");
  t.equal(await text("volumes/mix/labels"), 'app="x"\nb="y"');
  t.equal(await text("volumes/mix/token"), "token");
  t.match(await text("etc/hosts"), /^10\.244\.1\.5\tp$/m);
  t.match(await text("etc/hosts"), /^1\.2\.3\.4\tother$/m);
  t.match(await text("etc/resolv.conf"), /^search ns\.svc\.cluster\.local svc\.cluster\.local cluster\.local$/m);
  const mounts = files.mounts(given, given.spec?.containers[0] ?? { name: "" }, new Map());
  t.same(
    mounts.map((one) => [one.containerPath, one.hostPath.slice(root.length + 1), one.readOnly]),
    [
      ["/etc/hosts", "etc/hosts", false],
      ["/etc/resolv.conf", "etc/resolv.conf", false],
      ["/cm", "volumes/cm", true],
      ["/tmp", "volumes/tmp/x", false],
    ],
  );
  const unknown = pod({}, { volumes: [{ name: "v", nfs: { server: "s", path: "/" } }] });
  await t.rejects(files.prepare(unknown, ""), { message: 'volume "v": this kind of volume is not supported' });
  await files.remove("u1");
  t.same(await readdir(join(dataDir, "pods")), []);
});
