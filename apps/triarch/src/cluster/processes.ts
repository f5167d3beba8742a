// The processes of a local cluster: what runs, with which arguments. One place knows how programs are called.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { namespaceName } from "../network/host-network.ts";
import type { ProcessSpec } from "../supervisor/process-spec.ts";
import type { ClusterFiles } from "./certificates.ts";
import {
  advertisedApiPort,
  etcdUrlOf,
  networks,
  peerUrlOf,
  slotOf,
  type ClusterPaths,
  type ClusterSpec,
  type MasterSpec,
  type WorkerSpec,
} from "./cluster-spec.ts";

/** How Node is called for our own programs. */
const node = [process.execPath, "--enable-source-maps", "--disable-warning=ExperimentalWarning"] as const;

function program(name: string): string {
  return fileURLToPath(import.meta.resolve(`@triarch/${name}`));
}

/** This command line itself. */
export function ownProgram(): readonly [string, ...string[]] {
  return [...node, fileURLToPath(new URL("../main.ts", import.meta.url))];
}

export async function clusterProcesses(
  spec: ClusterSpec,
  paths: ClusterPaths,
  files: ClusterFiles,
  options: { readonly logLevel: string },
): Promise<readonly ProcessSpec[]> {
  const log = ["--log-level", options.logLevel];
  const masters = await Promise.all(spec.masters.map((master) => masterProcess(spec, master, paths, files, log)));
  const control = spec.masters.flatMap((master): ProcessSpec[] => [
    {
      name: schedulerName(spec, master),
      group: "control",
      command: [
        ...node,
        program("scheduler"),
        ...["--kubeconfig", files.schedulerKubeconfig, "--identity", schedulerName(spec, master)],
        ...["--health-port", String(master.schedulerHealthPort)],
        ...log,
      ],
    },
    {
      name: controllerManagerName(spec, master),
      group: "control",
      command: [
        ...node,
        program("controller-manager"),
        ...["--kubeconfig", files.controllerManagerKubeconfig],
        ...["--identity", controllerManagerName(spec, master)],
        ...["--health-port", String(master.controllerManagerHealthPort), "--root-ca-file", files.clusterCa],
        ...["--cluster-cidr", networks.podCidr],
        ...log,
      ],
    },
  ]);
  const balancer: ProcessSpec = {
    name: "balancer",
    group: "balancer",
    command: [
      ...ownProgram(),
      "relay",
      ...["--listen", `127.0.0.1:${spec.balancedPort}`, "--kubeconfig", files.adminKubeconfig],
      ...["--health-port", String(spec.balancerHealthPort)],
    ],
  };
  const workers = spec.workers.flatMap((worker) => workerProcesses(spec, worker, paths, files, log));
  return [balancer, ...masters, ...control, ...workers, ...hostProxy(spec, files, log)];
}

export function configFileOf(paths: ClusterPaths, master: string): string {
  return join(paths.config, `${master}.yaml`);
}

/** The processes that come and go with a master. */
export function processNamesOf(spec: ClusterSpec, master: MasterSpec): readonly string[] {
  return [master.name, schedulerName(spec, master), controllerManagerName(spec, master)];
}

function schedulerName(spec: ClusterSpec, master: MasterSpec): string {
  return `scheduler-${slotOf(spec, master) + 1}`;
}

function controllerManagerName(spec: ClusterSpec, master: MasterSpec): string {
  return `controller-manager-${slotOf(spec, master) + 1}`;
}

async function masterProcess(
  spec: ClusterSpec,
  master: MasterSpec,
  paths: ClusterPaths,
  files: ClusterFiles,
  log: readonly string[],
): Promise<ProcessSpec> {
  const pair = (map: ReadonlyMap<string, { certificateFile: string; keyFile: string }>) => {
    const found = map.get(master.name);
    return { certFile: found?.certificateFile ?? "", keyFile: found?.keyFile ?? "" };
  };
  const advertised = master.advertiseIp === undefined ? [] : [`${master.advertiseIp}:${advertisedApiPort}`];
  const config = {
    name: master.name,
    dataDir: paths.member(master.name),
    clusterToken: spec.clusterId,
    initialCluster: Object.fromEntries(
      spec.masters.map((one) => [
        one.name,
        {
          peerUrl: peerUrlOf(one),
          clientUrl: etcdUrlOf(one),
          ...(one.memberId === undefined ? {} : { id: one.memberId }),
        },
      ]),
    ),
    ...(spec.storeId === undefined ? {} : { clusterId: spec.storeId }),
    ...(master.joined === true ? { join: "existing" } : {}),
    api: {
      listen: [`127.0.0.1:${master.apiPort}`, ...advertised],
      ...(master.advertiseIp === undefined ? {} : { advertise: advertised[0] }),
      ...pair(files.serving),
      clientCaFile: files.clusterCa,
    },
    serviceAccounts: { keyFile: files.serviceAccountKey },
    kubeletClient: {
      certFile: files.kubeletClient.certificateFile,
      keyFile: files.kubeletClient.keyFile,
      caFile: files.clusterCa,
    },
    etcd: { listen: `127.0.0.1:${master.etcdPort}`, ...pair(files.etcdServing), clientCaFile: files.etcdCa },
    peer: { listen: `127.0.0.1:${master.peerPort}`, ...pair(files.peer), caFile: files.peerCa },
    serviceCidr: networks.serviceCidr,
  };
  const configFile = configFileOf(paths, master.name);
  await writeFile(configFile, stringify(config), { mode: 0o600 });
  return {
    name: master.name,
    group: "master",
    command: [...node, program("apiserver"), "--config", configFile, ...log],
  };
}

function workerProcesses(
  spec: ClusterSpec,
  worker: WorkerSpec,
  paths: ClusterPaths,
  files: ClusterFiles,
  log: readonly string[],
): ProcessSpec[] {
  const docker = spec.runtime === "docker";
  const inNode = docker ? ["ip", "netns", "exec", namespaceName(spec.clusterId, worker.name)] : [];
  const serving = files.kubeletServing.get(worker.name);
  const kubelet: ProcessSpec = {
    name: `${worker.name}-kubelet`,
    group: "node",
    command: nonEmpty([
      ...inNode,
      ...node,
      program("kubelet"),
      ...["--node-name", worker.name, "--node-ip", worker.ip, "--port", String(worker.kubeletPort)],
      ...["--kubeconfig", files.kubeletKubeconfig.get(worker.name) ?? "", "--data-dir", paths.member(worker.name)],
      ...["--runtime", spec.runtime, "--cluster-id", spec.clusterId, "--health-port", String(worker.kubeletHealthPort)],
      ...[
        "--tls-cert",
        serving?.certificateFile ?? "",
        "--tls-key",
        serving?.keyFile ?? "",
        "--client-ca",
        files.clusterCa,
      ],
      ...log,
    ]),
  };
  if (!docker) return [kubelet];
  return [
    kubelet,
    {
      name: `${worker.name}-proxy`,
      group: "node",
      command: nonEmpty([
        ...inNode,
        ...node,
        program("kube-proxy"),
        ...["--kubeconfig", files.proxyKubeconfig.get(worker.name) ?? "", "--node-name", worker.name, "--node-routes"],
        ...["--cluster-cidr", networks.podCidr, "--health-port", String(worker.proxyHealthPort)],
        ...log,
      ]),
    },
  ];
}

/** Makes Services and pods reachable from the machine itself. */
function hostProxy(spec: ClusterSpec, files: ClusterFiles, log: readonly string[]): ProcessSpec[] {
  if (spec.runtime !== "docker") return [];
  return [
    {
      name: "host-proxy",
      group: "node",
      command: [
        ...node,
        program("kube-proxy"),
        ...["--kubeconfig", files.hostProxyKubeconfig, "--node-name", "host", "--host", "--node-routes"],
        ...["--cluster-cidr", networks.podCidr, "--health-port", String(spec.hostProxyHealthPort)],
        ...log,
      ],
    },
  ];
}

function nonEmpty(command: readonly string[]): readonly [string, ...string[]] {
  const [file = "", ...args] = command;
  return [file, ...args];
}

/** One of our programs, without arguments. */
export function programCommand(name: string): readonly [string, ...string[]] {
  return [...node, program(name)];
}
