// Pods as Docker containers: a pause container without Docker networking is the sandbox, CNI gives it its network, the
// pod's containers join its network and IPC namespaces. Everything is found again by labels; nothing is kept in memory.
import type Docker from "dockerode";
import { type Duplex, Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { PodNetwork } from "@triarch/cni";
import { dockerClient } from "@triarch/machine";
import type {
  CommandEnd,
  ContainerConfig,
  ContainerRuntime,
  ContainerStreams,
  ExecResult,
  LogOptions,
  PodIdentity,
  PodRecord,
  Sandbox,
  SandboxConfig,
} from "@triarch/runtime-hollow";
import { containerOptions, sandboxOptions, type PauseImage } from "./create-options.ts";
import { LogFrames } from "./log-stream.ts";
import { attachTo, runCommand } from "./commands.ts";
import { connectInPod } from "./pod-connections.ts";
import { containerRecord } from "./inspect.ts";
import { labelNames, nodeFilter, podOf, type NodeLabels } from "./labels.ts";

export interface DockerRuntimeOptions extends NodeLabels {
  /** Holds the pod network's state; one per node. */
  readonly stateDir: string;
  readonly pause: PauseImage;
  readonly docker?: Docker;
  readonly cniPluginDir?: string;
}

/** Wait before the event stream is opened again. */
const eventsRetryMs = 1_000;
const execOutputBytesMax = 10 * 1024;

export function createDockerRuntime(options: DockerRuntimeOptions): ContainerRuntime {
  return new DockerRuntime(options);
}

class DockerRuntime implements ContainerRuntime {
  readonly scheme = "docker";
  readonly #options: DockerRuntimeOptions;
  readonly #docker: Docker;
  readonly #network: PodNetwork;
  #podCidr: string | undefined;

  constructor(options: DockerRuntimeOptions) {
    this.#options = options;
    this.#docker = options.docker ?? dockerClient();
    this.#network = new PodNetwork({
      stateDir: options.stateDir,
      ...(options.cniPluginDir === undefined ? {} : { pluginDir: options.cniPluginDir }),
    });
  }

  async version(): Promise<string> {
    return (await this.#docker.version()).Version;
  }

  setPodCidr(podCidr: string): void {
    this.#podCidr = podCidr;
  }

  async createSandbox(config: SandboxConfig): Promise<Sandbox> {
    if (config.hostNetwork) {
      throw new Error(
        `pod ${config.pod.namespace}/${config.pod.name}: hostNetwork is not supported, nodes are namespaces`,
      );
    }
    const podCidr = this.#podCidr;
    if (podCidr === undefined) throw new Error(`sandbox of pod ${config.pod.name}: the node has no podCIDR yet`);
    const { id } = await this.#create(sandboxOptions(this.#options, this.#options.pause, config));
    try {
      await this.#docker.getContainer(id).start();
      const { State: state } = await this.#docker.getContainer(id).inspect();
      const ip = await this.#network.add(podCidr, {
        containerId: id,
        netns: `/proc/${state.Pid}/ns/net`,
        podNamespace: config.pod.namespace,
        podName: config.pod.name,
        portMappings: config.portMappings,
      });
      return { id, pod: config.pod, attempt: config.attempt, createdAtMs: Date.now(), ready: true, ip };
    } catch (error) {
      await this.removeSandbox(id).catch(() => undefined);
      throw error;
    }
  }

  async removeSandbox(id: string): Promise<void> {
    await this.#network.remove(id);
    await this.removeContainer(id);
  }

  async createContainer(sandbox: Sandbox, config: ContainerConfig): Promise<string> {
    const { HostConfig: host } = await this.#docker.getContainer(sandbox.id).inspect();
    const { id } = await this.#create(containerOptions(this.#options, sandbox, config, host.PidMode === "host"));
    return id;
  }

  async startContainer(id: string): Promise<void> {
    await this.#docker.getContainer(id).start();
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    await unlessGone(this.#docker.getContainer(id).stop({ t: graceSeconds }));
  }

  async removeContainer(id: string): Promise<void> {
    await unlessGone(this.#docker.getContainer(id).remove({ force: true, v: true }));
  }

  async getPod(uid: string): Promise<PodRecord | undefined> {
    const found = await this.#docker.listContainers({
      all: true,
      filters: { label: [...nodeFilter(this.#options), `${labelNames.podUid}=${uid}`] },
    });
    const [first] = found;
    if (first === undefined) return undefined;
    const infos = (
      await Promise.all(found.map((one) => orUndefined(this.#docker.getContainer(one.Id).inspect())))
    ).filter((one) => one !== undefined);
    const isSandbox = (info: Docker.ContainerInspectInfo): boolean => info.Config.Labels[labelNames.kind] === "sandbox";
    const sandboxes = await Promise.all(infos.filter(isSandbox).map((info) => this.#sandbox(info)));
    const containers = infos.filter((info) => !isSandbox(info)).map(containerRecord);
    return {
      pod: podOf(first.Labels),
      sandboxes: sandboxes.sort((left, right) => right.attempt - left.attempt),
      containers: containers.sort(
        (left, right) => right.attempt - left.attempt || right.createdAtMs - left.createdAtMs,
      ),
    };
  }

  async listPods(): Promise<readonly { readonly pod: PodIdentity; readonly fingerprint: string }[]> {
    const found = await this.#docker.listContainers({ all: true, filters: { label: nodeFilter(this.#options) } });
    const pods = Map.groupBy(found, (one) => one.Labels[labelNames.podUid] ?? "");
    return [...pods.values()].map((containers) => ({
      pod: podOf(containers[0]?.Labels ?? {}),
      fingerprint: containers
        .map((one) => `${one.Id}=${one.State}`)
        .sort()
        .join(" "),
    }));
  }

  subscribe(changed: (podUid: string) => void, signal: AbortSignal): void {
    void this.#followEvents(changed, signal);
  }

  async logs(id: string, options: LogOptions): Promise<Readable> {
    const container = this.#docker.getContainer(id);
    const { Config: config } = await container.inspect();
    const selected = options.stream ?? "all";
    const query = {
      stdout: selected !== "stderr",
      stderr: selected !== "stdout",
      timestamps: options.timestamps,
      ...(options.tailLines === undefined ? {} : { tail: options.tailLines }),
      ...(options.sinceMs === undefined ? {} : { since: options.sinceMs / 1000 }),
    };
    // Without "follow" the answer comes as a whole; log rotation bounds it.
    const source = options.follow
      ? ((await container.logs({ ...query, follow: true })) as Readable)
      : Readable.from([await container.logs({ ...query, follow: false })]);
    const output = config.Tty ? source : source.pipe(new LogFrames());
    // Destroying the output, or the signal, closes the connection to Docker.
    source.on("error", (error) => output.destroy(error));
    output.on("close", () => source.destroy());
    options.signal?.addEventListener("abort", () => output.destroy(), { once: true });
    return output;
  }

  async exec(id: string, command: readonly string[], timeoutMs: number): Promise<ExecResult> {
    const exec = await this.#docker
      .getContainer(id)
      .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: false });
    const source = await exec.start({ hijack: false, stdin: false });
    const output = source.pipe(new LogFrames());
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      source.destroy();
      output.destroy();
    }, timeoutMs);
    try {
      for await (const chunk of output as AsyncIterable<Buffer>) {
        if (sizeBytes < execOutputBytesMax) chunks.push(chunk);
        sizeBytes += chunk.length;
      }
    } catch (error) {
      if (!late) throw error;
    } finally {
      clearTimeout(timer);
    }
    // What runs longer goes on in the container: Docker has no call to end it.
    if (late) throw new Error(`command "${command.join(" ")}" did not end in ${timeoutMs / 1000} s`);
    const { ExitCode: exitCode } = await exec.inspect();
    return { exitCode: exitCode ?? -1, output: Buffer.concat(chunks).subarray(0, execOutputBytesMax).toString("utf8") };
  }

  async runCommand(
    id: string,
    command: { readonly command: readonly string[]; readonly tty: boolean },
    streams: ContainerStreams,
  ): Promise<CommandEnd> {
    return runCommand(this.#docker.getContainer(id), command, streams);
  }

  async attach(id: string, streams: ContainerStreams): Promise<CommandEnd> {
    return attachTo(this.#docker.getContainer(id), streams);
  }

  async connect(sandboxId: string, port: number, signal: AbortSignal): Promise<Duplex> {
    const { State: state } = await this.#docker.getContainer(sandboxId).inspect();
    if (!state.Running) throw new Error("the pod does not run");
    return connectInPod(state.Pid, port, signal);
  }

  async imageId(image: string): Promise<string | undefined> {
    return (await orUndefined(this.#docker.getImage(image).inspect()))?.Id;
  }

  async pullImage(image: string): Promise<string> {
    const stream: NodeJS.ReadableStream = await this.#docker.pull(withTag(image));
    await new Promise<void>((resolve, reject) => {
      this.#docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)));
    });
    const id = await this.imageId(image);
    if (id === undefined) throw new Error(`image ${image} is not there after it was pulled`);
    return id;
  }

  async close(): Promise<void> {
    // Every request has its own connection; event streams end with the signal given to `subscribe`.
  }

  async #sandbox(info: Docker.ContainerInspectInfo): Promise<Sandbox> {
    const ip = await this.#network.address(info.Id);
    return {
      id: info.Id,
      pod: podOf(info.Config.Labels),
      attempt: Number(info.Config.Labels[labelNames.attempt] ?? 0),
      createdAtMs: Date.parse(info.Created),
      ready: info.State.Running && ip !== undefined,
      ...(ip === undefined ? {} : { ip }),
    };
  }

  /** A container of the same name is what a kubelet left that ended between two steps. */
  async #create(options: Docker.ContainerCreateOptions): Promise<Docker.Container> {
    try {
      return await this.#docker.createContainer(options);
    } catch (error) {
      if (statusCode(error) !== 409) throw error;
      await unlessGone(this.#docker.getContainer(options.name ?? "").remove({ force: true, v: true }));
      return this.#docker.createContainer(options);
    }
  }

  async #followEvents(changed: (podUid: string) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const stream = (await this.#docker.getEvents({
          filters: { type: ["container"], label: nodeFilter(this.#options), event: ["start", "die", "destroy", "oom"] },
          abortSignal: signal,
        })) as Readable;
        let text = "";
        for await (const chunk of stream as AsyncIterable<Buffer>) {
          const lines = (text + chunk.toString("utf8")).split("\n");
          text = lines.pop() ?? "";
          for (const line of lines) {
            const uid = podUidOfEvent(line);
            if (uid !== undefined) changed(uid);
          }
        }
      } catch {
        // Docker restarts, or the signal came: the loop knows which.
      }
      await delay(eventsRetryMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

function podUidOfEvent(line: string): string | undefined {
  if (line.trim() === "") return undefined;
  const event = JSON.parse(line) as { readonly Actor?: { readonly Attributes?: Readonly<Record<string, string>> } };
  return event.Actor?.Attributes?.[labelNames.podUid];
}

/** Docker pulls every tag of a name that has none. */
function withTag(image: string): string {
  const last = image.slice(image.lastIndexOf("/") + 1);
  return last.includes(":") || last.includes("@") ? image : `${image}:latest`;
}

function statusCode(error: unknown): number | undefined {
  return (error as { readonly statusCode?: number }).statusCode;
}

/** 304: stopped already; 404: not there; 409 "removal in progress". */
async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    const gone = statusCode(error) === 404 || statusCode(error) === 304;
    if (!gone && !String(error).includes("is already in progress")) throw error;
  }
}

async function orUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (statusCode(error) === 404) return undefined;
    throw error;
  }
}
