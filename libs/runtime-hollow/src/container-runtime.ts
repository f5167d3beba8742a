// What a kubelet asks of the software that runs containers, in the terms of Kubernetes' CRI: a sandbox per pod (its network
// and IPC namespaces), containers inside it, images, logs. Volumes and environment are resolved before they come here.
//
// A runtime only ever sees and touches what carries its own cluster and node labels. All its state survives a restart of
// the kubelet: `listPods` is the truth.
import type { Duplex, Readable } from "node:stream";
import type { CommandEnd, ContainerStreams } from "./container-streams.ts";

export interface PodIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly hostIp?: string;
}

export interface SandboxConfig {
  readonly pod: PodIdentity;
  /** Counts the pod's sandboxes from 0. */
  readonly attempt: number;
  readonly hostname: string;
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly portMappings: readonly PortMapping[];
  readonly sysctls: Readonly<Record<string, string>>;
}

export interface Sandbox {
  readonly id: string;
  readonly pod: PodIdentity;
  readonly attempt: number;
  readonly createdAtMs: number;
  /** True: it runs and its network is set up. */
  readonly ready: boolean;
  /** Absent with the host's network, and until the network is set up. */
  readonly ip?: string;
}

export interface Mount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
  readonly propagation?: "rprivate" | "rslave" | "rshared";
}

export interface ContainerResources {
  readonly cpuShares?: number;
  /** CPU time per 100 ms, in microseconds. */
  readonly cpuQuotaMicros?: number;
  readonly memoryLimitBytes?: number;
}

export interface ContainerSecurity {
  readonly privileged: boolean;
  readonly readOnlyRootFilesystem: boolean;
  /** `uid` or `uid:gid`. */
  readonly user?: string;
  readonly supplementalGroups: readonly number[];
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly noNewPrivileges: boolean;
}

export interface ContainerConfig {
  readonly name: string;
  /** Counts this container's starts from 0; the pod's restartCount. */
  readonly attempt: number;
  /** As the pod's spec has it. */
  readonly image: string;
  /** Replaces the image's entry point. */
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly resources: ContainerResources;
  readonly security: ContainerSecurity;
  readonly stdin: boolean;
  readonly tty: boolean;
}

export type ContainerRunState =
  | { readonly kind: "created" }
  | { readonly kind: "running"; readonly startedAtMs: number }
  | {
      readonly kind: "exited";
      readonly startedAtMs: number;
      readonly finishedAtMs: number;
      readonly exitCode: number;
      /** Completed, Error, OOMKilled or ContainerCannotRun. */
      readonly reason: string;
      readonly message?: string;
    };

export interface ContainerRecord {
  readonly id: string;
  readonly pod: PodIdentity;
  readonly sandboxId: string;
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  readonly imageId: string;
  readonly createdAtMs: number;
  readonly state: ContainerRunState;
}

export interface PodRecord {
  readonly pod: PodIdentity;
  /** Newest first. */
  readonly sandboxes: readonly Sandbox[];
  /** Newest first. */
  readonly containers: readonly ContainerRecord[];
}

export interface LogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceMs?: number;
  readonly stream?: "all" | "stdout" | "stderr";
  readonly signal?: AbortSignal;
}

export interface ExecResult {
  readonly exitCode: number;
  /** Both streams, cut at 10 KiB. */
  readonly output: string;
}

/** Every method rejects with an Error that names the sandbox, container or image. Removing what is gone is no error. */
export interface ContainerRuntime {
  /** `docker` or `hollow`: the scheme of container ids in status, and of containerRuntimeVersion. */
  readonly scheme: string;
  /** @throws Error when the runtime does not answer */
  version(): Promise<string>;
  /** The node's pod network; sandboxes can't be made before. Repeating it is free. */
  setPodCidr(podCidr: string): void;

  /** Resolves once the sandbox runs and has its address. What failed half way is removed again. */
  createSandbox(config: SandboxConfig): Promise<Sandbox>;
  /** Takes the network down, then stops and removes the sandbox. */
  removeSandbox(id: string): Promise<void>;

  /** @returns the container's id */
  createContainer(sandbox: Sandbox, config: ContainerConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** SIGTERM (or the image's signal), after the grace SIGKILL; resolves when it has ended. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;

  /** What exists of one pod. */
  getPod(uid: string): Promise<PodRecord | undefined>;
  /** What exists of all pods of this node; one cheap call, container states are coarse (no times, no exit code). */
  listPods(): Promise<readonly { readonly pod: PodIdentity; readonly fingerprint: string }[]>;
  /** Calls `changed(pod uid)` on every change until the signal aborts; may miss some, so callers also list. */
  subscribe(changed: (podUid: string) => void, signal: AbortSignal): void;

  /** @returns plain text of the container's output */
  logs(id: string, options: LogOptions): Promise<Readable>;
  exec(id: string, command: readonly string[], timeoutMs: number): Promise<ExecResult>;

  /** A command with its streams, for people; it is killed when the signal aborts. Resolves when its output was written. */
  runCommand(
    id: string,
    command: { readonly command: readonly string[]; readonly tty: boolean },
    streams: ContainerStreams,
  ): Promise<CommandEnd>;
  /** The container's own process; it goes on when the signal aborts. Resolves when it ends or the signal came. */
  attach(id: string, streams: ContainerStreams): Promise<CommandEnd>;
  /** A connection to a port of the pod's own loopback address. @throws Error when nobody listens there */
  connect(sandboxId: string, port: number, signal: AbortSignal): Promise<Duplex>;

  /** The id of an image that is present. */
  imageId(image: string): Promise<string | undefined>;
  pullImage(image: string): Promise<string>;
  close(): Promise<void>;
}
