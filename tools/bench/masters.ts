// Three masters of ours: processes, no workers.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "@triarch/machine";
import { Client } from "undici";
import { parse } from "yaml";
import type { LoadTls } from "./etcd/grpc-load.ts";

const program = new URL("../../apps/triarch/bin/triarch.js", import.meta.url).pathname;

export interface MasterCluster {
  readonly dataDir: string;
  readonly kubeconfig: string;
  readonly apiUrls: readonly string[];
  /** The administrator's, of the kubeconfig. */
  readonly adminTls: LoadTls;
  readonly etcdUrls: readonly string[];
  readonly etcdTls: LoadTls;
  /** Process ids by name: m1, scheduler-1, controller-manager-1, ... */
  processes(): Promise<ReadonlyMap<string, number>>;
  /** Carried out when this returns; a started process may not be ready yet. */
  order(order: "stop" | "start", processName: string): Promise<void>;
  close(): Promise<void>;
}

export async function startMasters(basePort: number): Promise<MasterCluster> {
  const folder = await mkdtemp(join(tmpdir(), "triarch-bench-"));
  const dataDir = join(folder, "cluster");
  const shape = ["--runtime", "hollow", "--workers", "0", "--no-example", "--log-level", "warn"];
  await runCommand(
    process.execPath,
    [program, "up", "--data-dir", dataDir, "--base-port", String(basePort), "--detach", ...shape],
    {
      timeoutMs: 120_000,
    },
  );
  const pki = (file: string): Promise<string> => readFile(join(dataDir, "pki", file), "utf8");
  const { masters } = JSON.parse(await readFile(join(dataDir, "cluster.json"), "utf8")) as ClusterFile;
  const kubeconfig = join(dataDir, "kubeconfig");
  return {
    ...{ dataDir, kubeconfig, adminTls: adminTls(await readFile(kubeconfig, "utf8")) },
    apiUrls: masters.map(({ apiPort }) => `https://127.0.0.1:${apiPort}`),
    etcdUrls: masters.map(({ etcdPort }) => `https://127.0.0.1:${etcdPort}`),
    etcdTls: { ca: await pki("etcd-ca.crt"), cert: await pki("etcd-client.crt"), key: await pki("etcd-client.key") },
    async processes() {
      const state = JSON.parse(await readFile(join(dataDir, "run/processes.json"), "utf8")) as ProcessesFile;
      return new Map(state.processes.map(({ name, pid }) => [name, pid]));
    },
    order: (order, processName) => orderSupervisor(join(dataDir, "run/supervisor.sock"), `/${order}/${processName}`),
    async close() {
      await runCommand(process.execPath, [program, "down", "--data-dir", dataDir, "--delete-data"], {
        timeoutMs: 90_000,
      });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** So that several benchmarks may run on one machine. @returns the first of them at which nobody listens */
export async function freeBasePort(basePorts: readonly number[]): Promise<number> {
  for (const basePort of basePorts) {
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(false));
      server.listen(basePort, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (isFree) return basePort;
  }
  throw new Error(`somebody listens at each of the ports ${basePorts.join(", ")}`);
}

interface ClusterFile {
  readonly masters: readonly { readonly apiPort: number; readonly etcdPort: number }[];
}

interface ProcessesFile {
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

async function orderSupervisor(socketPath: string, path: string): Promise<void> {
  const supervisor = new Client("http://supervisor", { socketPath });
  try {
    const { statusCode, body } = await supervisor.request({ method: "POST", path });
    const text = await body.text();
    if (statusCode >= 300) throw new Error(`the supervisor refused ${path}: ${text}`);
  } finally {
    await supervisor.destroy();
  }
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { readonly "certificate-authority-data": string } }[];
  readonly users: readonly {
    readonly user: { readonly "client-certificate-data": string; readonly "client-key-data": string };
  }[];
}

function adminTls(text: string): LoadTls {
  const { clusters, users } = parse(text) as Kubeconfig;
  const pem = (data = ""): string => Buffer.from(data, "base64").toString();
  return {
    ca: pem(clusters[0]?.cluster["certificate-authority-data"]),
    cert: pem(users[0]?.user["client-certificate-data"]),
    key: pem(users[0]?.user["client-key-data"]),
  };
}
