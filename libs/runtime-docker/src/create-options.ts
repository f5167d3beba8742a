// From our terms to Docker's request bodies (Engine API 1.41). Pure.
import type { ContainerCreateOptions, MountSettings } from "dockerode";
import type { ContainerConfig, Mount, Sandbox, SandboxConfig } from "@triarch/runtime-hollow";
import { containerLabels, sandboxLabels, type NodeLabels } from "./labels.ts";

/** Longest that a sleep of busybox takes: 68 years. */
const pauseCommand = ["sleep", "2147483647"];
const cpuPeriodMicros = 100_000;
/** Rotation of Docker's json-file log: 10 MiB, one older file. */
const logConfig = { Type: "json-file", Config: { "max-size": "10m", "max-file": "2" } };

export interface PauseImage {
  readonly image: string;
  /** Default: a long sleep, for an image that has one. */
  readonly command?: readonly string[];
}

export function sandboxOptions(node: NodeLabels, pause: PauseImage, config: SandboxConfig): ContainerCreateOptions {
  const { pod } = config;
  return {
    name: containerName("POD", pod, config.attempt),
    Image: pause.image,
    Entrypoint: [],
    Cmd: [...(pause.command ?? pauseCommand)],
    Hostname: config.hostname,
    Labels: { ...sandboxLabels(node, config) },
    HostConfig: {
      NetworkMode: config.hostNetwork ? "host" : "none",
      IpcMode: "shareable",
      ...(config.hostPid ? { PidMode: "host" } : {}),
      CpuShares: 2,
      Sysctls: { ...config.sysctls },
      LogConfig: { Type: "none", Config: {} },
      SecurityOpt: ["no-new-privileges"],
    },
  };
}

export function containerOptions(
  node: NodeLabels,
  sandbox: Sandbox,
  config: ContainerConfig,
  hostPid: boolean,
): ContainerCreateOptions {
  const { resources, security } = config;
  return {
    name: containerName(config.name, sandbox.pod, config.attempt),
    Image: config.image,
    ...(config.command === undefined ? {} : { Entrypoint: [...config.command] }),
    // Naming a command drops the image's own arguments.
    ...(config.args === undefined && config.command === undefined ? {} : { Cmd: [...(config.args ?? [])] }),
    ...(config.workingDir === undefined ? {} : { WorkingDir: config.workingDir }),
    ...(security.user === undefined ? {} : { User: security.user }),
    Env: config.env.map(({ name, value }) => `${name}=${value}`),
    Labels: { ...containerLabels(node, sandbox, config) },
    OpenStdin: config.stdin,
    Tty: config.tty,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      NetworkMode: `container:${sandbox.id}`,
      IpcMode: `container:${sandbox.id}`,
      ...(hostPid ? { PidMode: "host" } : {}),
      Mounts: config.mounts.map(mountSettings),
      ...(resources.cpuShares === undefined ? {} : { CpuShares: resources.cpuShares }),
      ...(resources.cpuQuotaMicros === undefined
        ? {}
        : { CpuPeriod: cpuPeriodMicros, CpuQuota: resources.cpuQuotaMicros }),
      // Equal to Memory: no swap.
      ...(resources.memoryLimitBytes === undefined
        ? {}
        : { Memory: resources.memoryLimitBytes, MemorySwap: resources.memoryLimitBytes }),
      Privileged: security.privileged,
      ReadonlyRootfs: security.readOnlyRootFilesystem,
      CapAdd: [...security.addCapabilities],
      CapDrop: [...security.dropCapabilities],
      GroupAdd: security.supplementalGroups.map(String),
      SecurityOpt: security.noNewPrivileges ? ["no-new-privileges"] : [],
      RestartPolicy: { Name: "no" },
      LogConfig: logConfig,
    },
  };
}

function mountSettings(mount: Mount): MountSettings {
  return {
    Type: "bind",
    Source: mount.hostPath,
    Target: mount.containerPath,
    ReadOnly: mount.readOnly,
    BindOptions: { Propagation: mount.propagation ?? "rprivate" },
  };
}

function containerName(
  container: string,
  pod: { readonly name: string; readonly namespace: string; readonly uid: string },
  attempt: number,
): string {
  return `triarch_${container}_${pod.name}_${pod.namespace}_${pod.uid}_${attempt}`;
}
