// A runtime that runs nothing: sandboxes get addresses out of the node's pod network, containers "run" from start to stop
// and log one line that says what they are. For scale tests and for machines without Docker. State lives in memory only.
import { Readable } from "node:stream";
import type { Clock } from "@triarch/base";
import type {
  ContainerConfig,
  ContainerRecord,
  ContainerRuntime,
  LogOptions,
  PodIdentity,
  PodRecord,
  Sandbox,
  SandboxConfig,
} from "./container-runtime.ts";

export interface HollowRuntimeOptions {
  readonly clock: Clock;
  readonly nodeName: string;
}

/** Reported as containerRuntimeVersion `hollow://0.1.0`. */
const hollowVersion = "0.1.0";

export function createHollowRuntime(options: HollowRuntimeOptions): ContainerRuntime {
  return new HollowRuntime(options);
}

class HollowRuntime implements ContainerRuntime {
  readonly scheme = "hollow";
  readonly #options: HollowRuntimeOptions;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #containers = new Map<string, ContainerRecord>();
  readonly #watchers = new Set<(podUid: string) => void>();
  #addresses: AddressPool | undefined;
  #nextId = 1;

  constructor(options: HollowRuntimeOptions) {
    this.#options = options;
  }

  version(): Promise<string> {
    return Promise.resolve(hollowVersion);
  }

  setPodCidr(podCidr: string): void {
    if (this.#addresses?.podCidr !== podCidr) this.#addresses = new AddressPool(podCidr);
  }

  async createSandbox(config: SandboxConfig): Promise<Sandbox> {
    if (this.#addresses === undefined)
      throw new Error(`sandbox of pod ${config.pod.name}: the node has no podCIDR yet`);
    const sandbox: Sandbox = {
      id: this.#id(),
      pod: config.pod,
      attempt: config.attempt,
      createdAtMs: this.#options.clock.nowMs(),
      ready: true,
      ...(config.hostNetwork ? {} : { ip: this.#addresses.take() }),
    };
    this.#sandboxes.set(sandbox.id, sandbox);
    this.#tell(sandbox.pod);
    return sandbox;
  }

  async removeSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) return;
    this.#sandboxes.delete(id);
    if (sandbox.ip !== undefined) this.#addresses?.release(sandbox.ip);
    this.#tell(sandbox.pod);
  }

  async createContainer(sandbox: Sandbox, config: ContainerConfig): Promise<string> {
    const id = this.#id();
    this.#containers.set(id, {
      id,
      pod: sandbox.pod,
      sandboxId: sandbox.id,
      name: config.name,
      attempt: config.attempt,
      image: config.image,
      imageId: `hollow-image:${config.image}`,
      createdAtMs: this.#options.clock.nowMs(),
      state: { kind: "created" },
    });
    return id;
  }

  async startContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (container === undefined) throw new Error(`container ${id} does not exist`);
    this.#containers.set(id, { ...container, state: { kind: "running", startedAtMs: this.#options.clock.nowMs() } });
    this.#tell(container.pod);
  }

  async stopContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (container?.state.kind !== "running") return;
    const { startedAtMs } = container.state;
    const finishedAtMs = this.#options.clock.nowMs();
    const state = { kind: "exited", startedAtMs, finishedAtMs, exitCode: 0, reason: "Completed" } as const;
    this.#containers.set(id, { ...container, state });
    this.#tell(container.pod);
  }

  async removeContainer(id: string): Promise<void> {
    this.#containers.delete(id);
  }

  async getPod(uid: string): Promise<PodRecord | undefined> {
    const sandboxes = [...this.#sandboxes.values()].filter((one) => one.pod.uid === uid).reverse();
    const containers = [...this.#containers.values()].filter((one) => one.pod.uid === uid).reverse();
    const pod = sandboxes[0]?.pod ?? containers[0]?.pod;
    return pod === undefined ? undefined : { pod, sandboxes, containers };
  }

  async listPods(): Promise<readonly { readonly pod: PodIdentity; readonly fingerprint: string }[]> {
    const found = new Map<string, { pod: PodIdentity; parts: string[] }>();
    const add = (pod: PodIdentity, part: string): void => {
      const entry = found.get(pod.uid) ?? { pod, parts: [] };
      entry.parts.push(part);
      found.set(pod.uid, entry);
    };
    for (const one of this.#sandboxes.values()) add(one.pod, one.id);
    for (const one of this.#containers.values()) add(one.pod, `${one.id}=${one.state.kind}`);
    return [...found.values()].map(({ pod, parts }) => ({ pod, fingerprint: parts.sort().join(" ") }));
  }

  subscribe(changed: (podUid: string) => void, signal: AbortSignal): void {
    this.#watchers.add(changed);
    signal.addEventListener("abort", () => this.#watchers.delete(changed));
  }

  async logs(id: string, options: LogOptions): Promise<Readable> {
    const container = this.#containers.get(id);
    if (container === undefined) throw new Error(`container ${id} does not exist`);
    const time = options.timestamps ? `${new Date(container.createdAtMs).toISOString()} ` : "";
    const line = `${time}hollow container ${container.name} on node ${this.#options.nodeName}: nothing runs here\n`;
    return Readable.from(options.tailLines === 0 ? [] : [Buffer.from(line)]);
  }

  async exec(): Promise<never> {
    throw new Error("hollow containers run nothing, so nothing can be executed in them");
  }

  async runCommand(): Promise<never> {
    return this.exec();
  }

  async attach(): Promise<never> {
    throw new Error("hollow containers run nothing, so there is nothing to attach to");
  }

  async connect(): Promise<never> {
    throw new Error("hollow containers run nothing, so nobody listens in them");
  }

  async imageId(image: string): Promise<string> {
    return `hollow-image:${image}`;
  }

  pullImage(image: string): Promise<string> {
    return this.imageId(image);
  }

  async close(): Promise<void> {
    this.#watchers.clear();
  }

  #id(): string {
    return (this.#nextId++).toString(16).padStart(64, "0");
  }

  #tell(pod: PodIdentity): void {
    for (const changed of this.#watchers) changed(pod.uid);
  }
}

/** Addresses of an IPv4 network, the first (network), second (gateway) and last (broadcast) left out. */
class AddressPool {
  readonly podCidr: string;
  readonly #base: number;
  readonly #size: number;
  readonly #taken = new Set<number>();
  #last = 1;

  /** @throws Error on text that is no IPv4 CIDR of /30 or wider */
  constructor(podCidr: string) {
    this.podCidr = podCidr;
    const parts = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(podCidr)?.slice(1).map(Number);
    const prefix = parts?.[4] ?? 32;
    if (parts === undefined || prefix > 30 || parts.slice(0, 4).some((part) => part > 255)) {
      throw new Error(`podCIDR "${podCidr}" is no IPv4 network of /30 or wider`);
    }
    this.#size = 2 ** (32 - prefix);
    const address = parts.slice(0, 4).reduce((sum, part) => sum * 256 + part, 0);
    this.#base = address - (address % this.#size);
  }

  /** The next free one after the last handed out, so that addresses are reused late. @throws Error when none is free */
  take(): string {
    for (let tried = 0; tried < this.#size; tried++) {
      this.#last = this.#last + 1 >= this.#size - 1 ? 2 : this.#last + 1;
      if (this.#taken.has(this.#last)) continue;
      this.#taken.add(this.#last);
      return this.#text(this.#last);
    }
    throw new Error(`no address of ${this.podCidr} is free`);
  }

  release(address: string): void {
    const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    this.#taken.delete(number - this.#base);
  }

  #text(offset: number): string {
    const number = this.#base + offset;
    return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
  }
}
