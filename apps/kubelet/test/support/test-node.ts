// A real API server (stand-alone) and a real kubelet as processes, for one test. What is started here is ended here.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Node, Pod } from "@triarch/api";
import { seededRng, systemClock } from "@triarch/base";
import { createKubeClient, renderKubeconfig, resourceRefs, type ClusterAccess, type KubeClient } from "@triarch/client";
import { ensureCa, issueCertificate, type CertificateRequest, type KeyPair } from "@triarch/pki";

const apiServerProgram = fileURLToPath(new URL("../../../apiserver/src/main.ts", import.meta.url));
const kubeletProgram = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const host = "127.0.0.1";

export interface TestNode {
  readonly client: KubeClient;
  readonly name: string;
  readonly clusterId: string;
  readonly kubeletPort: number;
  /** Of the same authority, but not one that may ask the kubelet. */
  readonly strangerCertificate: { readonly cert: string; readonly key: string };
  readonly clientCertificate: { readonly cert: string; readonly key: string; readonly ca: string };
  startKubelet(): Promise<void>;
  /** @returns the exit code */
  stopKubelet(): Promise<number | null>;
  stopApiServer(): Promise<number | null>;
  startApiServer(): void;
  close(): Promise<void>;
}

export async function startTestNode(runtime: "docker" | "hollow", podCidr: string): Promise<TestNode> {
  const folder = await mkdtemp(join(tmpdir(), "kubelet-test-"));
  const file = (name: string): string => join(folder, name);
  const [apiPort, kubeletPort, healthPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const name = "node-1";
  const clusterId = process.env["KUBELET_TEST_CLUSTER"] ?? `kubelet-test-${process.pid}`;
  const children = new Set<ChildProcess>();
  const start = (program: string, args: readonly string[]): ChildProcess => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "ignore", "inherit"] });
    children.add(child);
    child.once("exit", () => children.delete(child));
    return child;
  };
  const stop = async (child: ChildProcess | undefined): Promise<number | null> => {
    if (child === undefined || child.exitCode !== null) return child?.exitCode ?? null;
    const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    return exited;
  };

  // The authority is made first, so that the kubelet comes with a node's identity and nothing more.
  const validity = { nowMs: Date.now(), validityDays: 1 };
  const ca = await ensureCa(join(file("api"), "pki"), "ca", { commonName: "kubelet test", ...validity });
  const issue = (commonName: string, more: Partial<CertificateRequest>): Promise<KeyPair> =>
    issueCertificate(ca, { commonName, usages: ["client"], ...validity, ...more });
  const [admin, identity, serving, caller] = await Promise.all([
    issue("kubernetes-admin", { organizations: ["system:masters"] }),
    issue(`system:node:${name}`, { organizations: ["system:nodes"] }),
    issue(name, { usages: ["server"], ipAddresses: [host] }),
    issue("kube-apiserver-kubelet-client", {}),
  ]);
  const access = (pair: KeyPair): ClusterAccess => ({
    servers: [`https://${host}:${apiPort}`],
    caPem: ca.certificatePem,
    clientCertificatePem: pair.certificatePem,
    clientKeyPem: pair.keyPem,
    insecureSkipTlsVerify: false,
  });
  const startApi = (): ChildProcess =>
    start(apiServerProgram, [
      ...["--standalone", "--port", String(apiPort), "--data-dir", file("api"), "--log-level", "error"],
    ]);
  let apiServer = startApi();
  const kubeconfig = renderKubeconfig({ cluster: "test", user: name }, `https://${host}:${apiPort}`, access(identity));
  await writeFile(file("kubeconfig"), kubeconfig);
  const client = createKubeClient({
    access: access(admin),
    clock: systemClock,
    rng: seededRng(1),
    userAgent: "kubelet-test",
  });
  await writeFile(file("tls.crt"), serving.certificatePem);
  await writeFile(file("tls.key"), serving.keyPem);
  await writeFile(file("ca.crt"), ca.certificatePem);

  let kubelet: ChildProcess | undefined;
  const node: TestNode = {
    client,
    name,
    clusterId,
    kubeletPort,
    strangerCertificate: { cert: identity.certificatePem, key: identity.keyPem },
    clientCertificate: { cert: caller.certificatePem, key: caller.keyPem, ca: ca.certificatePem },
    async startKubelet() {
      kubelet = start(kubeletProgram, [
        ...["--node-name", name, "--node-ip", host, "--port", String(kubeletPort), "--kubeconfig", file("kubeconfig")],
        ...["--data-dir", file("node"), "--runtime", runtime, "--cluster-id", clusterId],
        ...["--health-port", String(healthPort), "--tls-cert", file("tls.crt"), "--tls-key", file("tls.key")],
        ...["--client-ca", file("ca.crt"), "--log-level", process.env["KUBELET_LOG"] ?? "error"],
      ]);
      await until("the node is registered", () =>
        client.get<Node>(resourceRefs.nodes, { name }).catch(() => undefined),
      );
      await client.patch(
        resourceRefs.nodes,
        { name },
        { spec: { podCIDR: podCidr, podCIDRs: [podCidr] } },
        { type: "merge" },
      );
      // Its own word: what the API says may be left from the kubelet before.
      await until("the kubelet is ready", async () => {
        const answer = await fetch(`http://${host}:${healthPort}/readyz`).catch(() => undefined);
        return answer?.status === 200 ? true : undefined;
      });
      await until("the node is ready", async () => {
        const { status } = await client.get<Node>(resourceRefs.nodes, { name });
        return status?.conditions?.find((one) => one.type === "Ready")?.status === "True" ? true : undefined;
      });
    },
    stopKubelet: () => stop(kubelet),
    stopApiServer: () => stop(apiServer),
    startApiServer() {
      apiServer = startApi();
    },
    async close() {
      await stop(kubelet);
      await stop(apiServer);
      await client.close();
      for (const child of children) child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await until("the API server answers", async () => {
      const answer = await client.raw({ method: "GET", path: "/readyz" }).catch(() => undefined);
      return answer?.statusCode === 200 ? true : undefined;
    });
    await node.startKubelet();
  } catch (error) {
    await node.close();
    throw error;
  }
  return node;
}

/** Asks until an answer comes; throws after `limitMs`. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  limitMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await delay(50);
  }
  throw new Error(`not within ${limitMs / 1000} s: ${what}`);
}

export async function podWhere(
  client: KubeClient,
  name: string,
  what: string,
  holds: (pod: Pod) => boolean,
  limitMs?: number,
): Promise<Pod> {
  let last: Pod | undefined;
  try {
    return await until(
      `pod ${name}: ${what}`,
      async () => {
        last = await client.get<Pod>(resourceRefs.pods, { namespace: "default", name }).catch(() => undefined);
        return last !== undefined && holds(last) ? last : undefined;
      },
      limitMs,
    );
  } catch (error) {
    throw new Error(`${String(error)}; status ${JSON.stringify(last?.status)}`, { cause: error });
  }
}

export async function podGone(client: KubeClient, name: string): Promise<void> {
  await until(`pod ${name} is gone`, async () => {
    const { items } = await client.list<Pod>(resourceRefs.pods, { namespace: "default" });
    return items.some((one) => one.metadata?.name === name) ? undefined : true;
  });
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
