// What a local cluster consists of, kept in `cluster.json` of its data directory. Made once by the first `up`; later
// starts read it, so that ports, names and identities stay.
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CommandFailure, messageOf } from "../errors.ts";

export type Runtime = "docker" | "hollow";

export interface MasterSpec {
  readonly name: string;
  readonly apiPort: number;
  readonly etcdPort: number;
  readonly peerPort: number;
  readonly schedulerHealthPort: number;
  readonly controllerManagerHealthPort: number;
  /** Where workers and pods reach this master, port 6443; only with the docker runtime. */
  readonly advertiseIp?: string;
  /** Hexadecimal; see `ClusterSpec.storeId`. */
  readonly memberId?: string;
  /** It was added to the running cluster: its empty log begins with what the others send. */
  readonly joined?: true;
}

export interface WorkerSpec {
  readonly name: string;
  readonly ip: string;
  readonly kubeletPort: number;
  readonly kubeletHealthPort: number;
  readonly proxyHealthPort: number;
}

export interface ClusterSpec {
  readonly formatVersion: 1;
  /** Six hex digits; in the names of everything that the cluster makes on the machine. */
  readonly clusterId: string;
  readonly runtime: Runtime;
  /** The balanced address that kubectl uses: 127.0.0.1 at this port. */
  readonly balancedPort: number;
  readonly balancerHealthPort: number;
  readonly hostProxyHealthPort: number;
  /**
   * The store's own cluster id, hexadecimal. Set by the first change of membership, together with each master's
   * `memberId`: until then the ids follow from the masters' peer addresses.
   */
  readonly storeId?: string;
  readonly masters: readonly MasterSpec[];
  readonly workers: readonly WorkerSpec[];
}

export const limits = { mastersMax: 7, workersMax: 20 } as const;

export const networks = {
  podCidr: "10.244.0.0/16",
  serviceCidr: "10.96.0.0/16",
  apiServiceIp: "10.96.0.1",
  nodePrefix: "10.254.0",
} as const;

/** Port at which masters are reached on their advertise addresses. */
export const advertisedApiPort = 6443;

export function newClusterSpec(options: {
  masters: number;
  workers: number;
  runtime: Runtime;
  basePort: number;
}): ClusterSpec {
  const { basePort, runtime } = options;
  const docker = runtime === "docker";
  return {
    formatVersion: 1,
    clusterId: randomBytes(3).toString("hex"),
    runtime,
    balancedPort: basePort,
    balancerHealthPort: basePort + 8,
    hostProxyHealthPort: basePort + 9,
    masters: range(options.masters).map((i) => masterInSlot({ basePort, runtime, name: `m${i + 1}`, slot: i })),
    workers: range(options.workers).map((i) => ({
      name: `w${i + 1}`,
      ip: docker ? `${networks.nodePrefix}.${101 + i}` : "127.0.0.1",
      kubeletPort: docker ? 10250 : basePort + 50 + i,
      kubeletHealthPort: docker ? 10248 : basePort + 70 + i,
      proxyHealthPort: docker ? 10249 : basePort + 90 + i,
    })),
  };
}

/** Slots count from 0; a master's ports and address follow from its own. */
export function masterInSlot(options: {
  readonly basePort: number;
  readonly runtime: Runtime;
  readonly name: string;
  readonly slot: number;
}): MasterSpec {
  const { basePort, runtime, name, slot } = options;
  return {
    name,
    apiPort: basePort + 1 + slot,
    etcdPort: basePort + 10 + slot,
    peerPort: basePort + 20 + slot,
    schedulerHealthPort: basePort + 30 + slot,
    controllerManagerHealthPort: basePort + 40 + slot,
    ...(runtime === "docker" ? { advertiseIp: `${networks.nodePrefix}.${11 + slot}` } : {}),
  };
}

export function peerUrlOf(master: MasterSpec): string {
  return `https://127.0.0.1:${master.peerPort}`;
}

export function etcdUrlOf(master: MasterSpec): string {
  return `https://127.0.0.1:${master.etcdPort}`;
}

export function slotOf(spec: ClusterSpec, master: MasterSpec): number {
  return master.apiPort - spec.balancedPort - 1;
}

/** Ports that the cluster's processes take on the machine's own loopback address. */
export function hostPorts(spec: ClusterSpec): readonly number[] {
  const workerPorts = spec.workers.flatMap((one) => [one.kubeletPort, one.kubeletHealthPort]);
  return [
    spec.balancedPort,
    spec.balancerHealthPort,
    ...(spec.runtime === "docker" ? [spec.hostProxyHealthPort] : workerPorts),
    ...spec.masters.flatMap(masterPorts),
  ];
}

export function masterPorts(master: MasterSpec): readonly number[] {
  return [
    ...[master.apiPort, master.etcdPort, master.peerPort],
    ...[master.schedulerHealthPort, master.controllerManagerHealthPort],
  ];
}

/** Where everything of a cluster lives. */
export function clusterPaths(dataDir: string) {
  const root = resolve(dataDir);
  return {
    root,
    spec: join(root, "cluster.json"),
    kubeconfig: join(root, "kubeconfig"),
    etcdEnv: join(root, "etcd.env"),
    pki: join(root, "pki"),
    config: join(root, "config"),
    logs: join(root, "logs"),
    run: join(root, "run"),
    snapshots: join(root, "snapshots"),
    member: (name: string) => join(root, name),
    log: (name: string) => join(root, "logs", `${name}.log`),
  };
}
export type ClusterPaths = ReturnType<typeof clusterPaths>;

/**
 * @returns undefined when the directory is not there or empty
 * @throws CommandFailure when it holds something else, or a cluster.json that cannot be read
 */
export async function readClusterSpec(paths: ClusterPaths): Promise<ClusterSpec | undefined> {
  let entries: string[];
  try {
    entries = await readdir(paths.root);
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw new CommandFailure(`cannot read the data directory ${paths.root}: ${messageOf(error)}`, {
      remedy: "name another one with --data-dir",
      cause: error,
    });
  }
  if (entries.length === 0) return undefined;
  if (!entries.includes("cluster.json")) {
    throw new CommandFailure(`${paths.root} is not a triarch data directory: it has files but no cluster.json`, {
      remedy: "name an empty or new directory with --data-dir; nothing was changed",
    });
  }
  try {
    const spec = JSON.parse(await readFile(paths.spec, "utf8")) as ClusterSpec;
    if (spec.formatVersion !== 1 || !Array.isArray(spec.masters) || typeof spec.clusterId !== "string") {
      throw new Error(`unknown format version ${String(spec.formatVersion)}`);
    }
    return spec;
  } catch (error) {
    throw new CommandFailure(`cannot use ${paths.spec}: ${messageOf(error)}`, {
      remedy: "it may be of another version of triarch; nothing was changed",
      cause: error,
    });
  }
}

/** @throws CommandFailure when there is no cluster */
export async function requireClusterSpec(paths: ClusterPaths): Promise<ClusterSpec> {
  const spec = await readClusterSpec(paths);
  if (spec === undefined) {
    throw new CommandFailure(`there is no cluster in ${paths.root}`, {
      remedy: "start one with `triarch up`, or name its --data-dir",
    });
  }
  return spec;
}

export async function writeClusterSpec(paths: ClusterPaths, spec: ClusterSpec): Promise<void> {
  await mkdir(paths.root, { recursive: true, mode: 0o700 });
  await writeFile(`${paths.spec}.new`, `${JSON.stringify(spec, undefined, 2)}\n`);
  await rename(`${paths.spec}.new`, paths.spec);
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
