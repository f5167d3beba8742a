// What the Node object says about this machine. Pure but for reading the machine's facts once.
import { readFile } from "node:fs/promises";
import { arch, cpus, release, totalmem } from "node:os";
import { statfs } from "node:fs/promises";
import { kubernetesVersion, timeText, type Node, type NodeCondition, type NodeStatus } from "@triarch/api";

export interface MachineFacts {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly storageBytes: number;
  /** In Go's words: amd64, arm64. */
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineId: string;
  readonly bootId: string;
}

export async function machineFacts(dataDir: string): Promise<MachineFacts> {
  const text = (path: string): Promise<string> =>
    readFile(path, "utf8").then(
      (all) => all.trim(),
      () => "",
    );
  const disk = await statfs(dataDir);
  const osRelease = await text("/etc/os-release");
  return {
    cpuMillis: cpus().length * 1000,
    memoryBytes: totalmem(),
    storageBytes: disk.blocks * disk.bsize,
    architecture: arch() === "x64" ? "amd64" : arch(),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1] ?? "Linux",
    machineId: await text("/etc/machine-id"),
    bootId: await text("/proc/sys/kernel/random/boot_id"),
  };
}

export interface NodeStatusInput {
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly port: number;
  readonly maxPods: number;
  readonly facts: MachineFacts;
  /** `docker://20.10.24`; undefined when the runtime does not answer. */
  readonly runtimeVersion: string | undefined;
  readonly podCidr: string | undefined;
  readonly nowMs: number;
  readonly previous: NodeStatus | undefined;
}

export function nodeLabels(nodeName: string, facts: MachineFacts): Readonly<Record<string, string>> {
  return {
    "beta.kubernetes.io/arch": facts.architecture,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": facts.architecture,
    "kubernetes.io/hostname": nodeName,
    "kubernetes.io/os": "linux",
  };
}

export function nodeStatus(input: NodeStatusInput): NodeStatus {
  const { facts } = input;
  const capacity = {
    cpu: `${facts.cpuMillis / 1000}`,
    memory: `${Math.floor(facts.memoryBytes / 1024)}Ki`,
    "ephemeral-storage": `${Math.floor(facts.storageBytes / 1024)}Ki`,
    pods: String(input.maxPods),
  };
  return {
    addresses: [
      { type: "InternalIP", address: input.nodeIp },
      { type: "Hostname", address: input.nodeName },
    ],
    capacity,
    allocatable: capacity,
    conditions: conditions(input),
    daemonEndpoints: { kubeletEndpoint: { Port: input.port } },
    nodeInfo: {
      architecture: facts.architecture,
      bootID: facts.bootId,
      containerRuntimeVersion: input.runtimeVersion ?? input.previous?.nodeInfo?.containerRuntimeVersion ?? "",
      kernelVersion: facts.kernelVersion,
      kubeProxyVersion: "",
      kubeletVersion: kubernetesVersion.gitVersion,
      machineID: facts.machineId,
      operatingSystem: "linux",
      osImage: facts.osImage,
      systemUUID: facts.machineId,
    },
  };
}

function conditions(input: NodeStatusInput): readonly NodeCondition[] {
  const time = timeText(input.nowMs);
  const condition = (type: string, status: "True" | "False", reason: string, message: string): NodeCondition => {
    const known = input.previous?.conditions?.find((one) => one.type === type);
    const lastTransitionTime = known?.status === status ? (known.lastTransitionTime ?? time) : time;
    return { type, status, reason, message, lastHeartbeatTime: time, lastTransitionTime };
  };
  const problems = [
    ...(input.runtimeVersion === undefined ? ["container runtime does not answer"] : []),
    ...(input.podCidr === undefined ? ["node has no podCIDR yet"] : []),
  ];
  return [
    condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    problems.length === 0
      ? condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")
      : condition("Ready", "False", "KubeletNotReady", problems.join("; ")),
  ];
}

/** The object that is created when there is none. */
export function newNode(input: NodeStatusInput): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: input.nodeName, labels: nodeLabels(input.nodeName, input.facts) },
    status: nodeStatus(input),
  };
}
