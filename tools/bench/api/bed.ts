// What is measured and what measures it: three masters with their controller managers and schedulers, one load process.
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request, type Dispatcher } from "undici";
import { startMasters, type MasterCluster } from "../masters.ts";
import { cpuMs, residentBytes, threadCpuMs } from "../processes.ts";
import { LoadProcess } from "./load-client.ts";

const settleTimeoutMs = 120_000;
/** Deleting a large collection takes a while. */
const answerTimeoutMs = 120_000;

/** Milliseconds of CPU so far. */
export interface CpuUse {
  /** The masters' threads that serve the API, those of the store, and all others. */
  readonly api: number;
  readonly store: number;
  readonly rest: number;
  /** Controller managers, schedulers and the balancer. */
  readonly components: number;
}

export class BenchBed {
  readonly cluster: MasterCluster;
  readonly load: LoadProcess;
  readonly #agent: Agent;
  #made = 0;
  #closing: Promise<void> | undefined;

  private constructor(cluster: MasterCluster) {
    this.cluster = cluster;
    this.load = new LoadProcess({ urls: cluster.apiUrls, tls: cluster.adminTls });
    this.#agent = new Agent({ connect: { ...cluster.adminTls }, headersTimeout: answerTimeoutMs });
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, this.#interrupt);
  }

  static async start(basePort: number): Promise<BenchBed> {
    return new BenchBed(await startMasters(basePort));
  }

  /** Numbers that no object has had: so many from the returned one. */
  claimNumbers(count: number): number {
    this.#made += count;
    return this.#made - count;
  }

  /** @returns the answer's JSON */
  async ask(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: string): Promise<unknown> {
    const { status, text } = await this.#exchange(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 300)}`);
    return JSON.parse(text);
  }

  async #exchange(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: string,
    master = 0,
  ): Promise<{ status: number; text: string }> {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const url = `${this.cluster.apiUrls[master] ?? ""}${path}`;
    const answer = await request(url, { dispatcher: this.#agent, method, headers, body: body ?? null });
    return { status: answer.statusCode, text: await answer.body.text() };
  }

  /** Asks again and again. @returns the first answer's JSON with this status */
  async until(path: string, status: number, master = 0): Promise<unknown> {
    const giveUpMs = performance.now() + settleTimeoutMs;
    for (;;) {
      const answer = await this.#exchange("GET", path, undefined, master);
      if (answer.status === status) return JSON.parse(answer.text);
      if (performance.now() > giveUpMs)
        throw new Error(`${path} did not answer ${status}: ${answer.text.slice(0, 300)}`);
      await delay(20);
    }
  }

  /** @returns once pods may be made in it */
  async makeNamespace(name: string): Promise<void> {
    await this.ask("POST", "/api/v1/namespaces", JSON.stringify({ metadata: { name } }));
    await this.until(`/api/v1/namespaces/${name}/serviceaccounts/default`, 200);
  }

  /** @returns once the namespace and all in it are gone */
  async removeNamespace(name: string): Promise<void> {
    await this.ask("DELETE", `/api/v1/namespaces/${name}`);
    await this.until(`/api/v1/namespaces/${name}`, 404);
  }

  async masterPids(): Promise<number[]> {
    return [...(await this.cluster.processes())].filter(([name]) => isMaster(name)).map(([, pid]) => pid);
  }

  async cpuUse(): Promise<CpuUse> {
    const use = { api: 0, store: 0, rest: 0, components: 0 };
    for (const [name, pid] of await this.cluster.processes()) {
      if (!isMaster(name)) use.components += await cpuMs(pid);
      else for (const [thread, ms] of await threadCpuMs(pid)) use[partOf(thread)] += ms;
    }
    return use;
  }

  /** Of all masters together. */
  async mastersBytes(): Promise<number> {
    const sizes = await Promise.all((await this.masterPids()).map(residentBytes));
    return sizes.reduce((sum, one) => sum + one, 0);
  }

  close(): Promise<void> {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, this.#interrupt);
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.load.close();
    await this.#agent.destroy();
    await this.cluster.close();
  }

  /** The cluster's processes would stay. */
  readonly #interrupt = (): void => {
    void this.close().finally(() => process.exit(130));
  };
}

const isMaster = (name: string): boolean => /^m\d+$/.test(name);

function partOf(thread: string): "api" | "store" | "rest" {
  if (thread === "node-MainThread") return "api";
  return thread === "store" ? "store" : "rest";
}
