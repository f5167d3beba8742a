// exec, attach and port-forward of this node's pods: finds what is meant and hands the streams to the runtime.
import type { Duplex } from "node:stream";
import type { Pod } from "@triarch/api";
import type { Lister } from "@triarch/informer";
import type { ContainerRuntime, PodRecord } from "@triarch/runtime-hollow";
import {
  type CommandRequest,
  type CommandStreams,
  type PortRequest,
  StreamRefused,
  type StreamingTarget,
} from "@triarch/streaming";

interface PodName {
  readonly namespace: string;
  readonly pod: string;
}

export class PodStreams implements StreamingTarget {
  readonly #pods: Lister<Pod>;
  readonly #runtime: ContainerRuntime;

  constructor(parts: { readonly pods: Lister<Pod>; readonly runtime: ContainerRuntime }) {
    this.#pods = parts.pods;
    this.#runtime = parts.runtime;
  }

  async checkCommand(request: CommandRequest): Promise<void> {
    await this.#container(request);
  }

  async checkPod(name: PodName): Promise<void> {
    await this.#sandbox(name);
  }

  async run(request: CommandRequest, streams: CommandStreams): Promise<{ readonly exitCode: number }> {
    const id = await this.#container(request);
    return request.kind === "exec" ? this.#runtime.runCommand(id, request, streams) : this.#runtime.attach(id, streams);
  }

  async connect(request: PortRequest, signal: AbortSignal): Promise<Duplex> {
    return this.#runtime.connect(await this.#sandbox(request), request.port, signal);
  }

  /** @returns the id of the container that runs. @throws StreamRefused */
  async #container({ container, ...name }: CommandRequest): Promise<string> {
    const record = await this.#record(name);
    const found = record?.containers.find((one) => one.name === container && one.state.kind === "running");
    if (found === undefined) throw new StreamRefused(404, `container not found ("${container}")`);
    return found.id;
  }

  /** @throws StreamRefused */
  async #sandbox(name: PodName): Promise<string> {
    const ready = (await this.#record(name))?.sandboxes.find((sandbox) => sandbox.ready);
    if (ready === undefined) throw new StreamRefused(400, `unable to forward port because pod is not running`);
    return ready.id;
  }

  async #record({ namespace, pod }: PodName): Promise<PodRecord | undefined> {
    const found = this.#pods.get(`${namespace}/${pod}`);
    if (found === undefined) throw new StreamRefused(404, "pod does not exist");
    return this.#runtime.getPod(found.metadata?.uid ?? "");
  }
}
