import { createServer, type AddressInfo } from "node:net";
import { MessageChannel, Worker } from "node:worker_threads";
import { connectStore, type InitialMember, type StoreClient, type StoreStatus } from "../src/index.ts";
import type { StoreWorkerData } from "./store-worker.ts";

interface RunningMember {
  readonly worker: Worker;
  readonly store: StoreClient;
}

/** Members in threads of their own, over loopback, each with a client here. Killing one ends its thread in mid-step. */
export class WorkerCluster {
  readonly #dataDir: string;
  readonly #members: readonly InitialMember[];
  readonly #running = new Map<string, RunningMember>();

  static async start(dataDir: string, size: number): Promise<WorkerCluster> {
    const ports = await freePorts(size);
    const members = ports.map((port, i) => ({ name: `m${i + 1}`, peerUrls: [`http://127.0.0.1:${port}`] }));
    const cluster = new WorkerCluster(dataDir, members);
    await Promise.all(members.map(({ name }) => cluster.startMember(name)));
    return cluster;
  }

  private constructor(dataDir: string, members: readonly InitialMember[]) {
    this.#dataDir = dataDir;
    this.#members = members;
  }

  get names(): readonly string[] {
    return [...this.#running.keys()].sort();
  }

  store(name: string): StoreClient {
    const member = this.#running.get(name);
    if (member === undefined) throw new Error(`${name} is not running`);
    return member.store;
  }

  async startMember(name: string): Promise<StoreClient> {
    const url = new URL(this.#members.find((member) => member.name === name)?.peerUrls[0] ?? "");
    const { port1, port2 } = new MessageChannel();
    const workerData: StoreWorkerData = {
      options: {
        name,
        dataDir: `${this.#dataDir}/${name}`,
        clusterToken: "test",
        initialMembers: this.#members,
        listenPeer: { host: "127.0.0.1", port: Number(url.port) },
      },
      port: port1,
      logLevel: process.env["STORE_LOG"] ?? "silent",
    };
    const worker = new Worker(new URL("store-worker.ts", import.meta.url), { workerData, transferList: [port1] });
    await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    const store = connectStore(port2);
    this.#running.set(name, { worker, store });
    return store;
  }

  /** The member that leads, once there is one that says so of itself. */
  async leader(): Promise<string> {
    for (;;) {
      for (const name of this.names) {
        const status = await this.status(name);
        if (status?.role === "leader") return name;
      }
    }
  }

  /** Undefined when the member is just ending. */
  async status(name: string): Promise<StoreStatus | undefined> {
    return this.#running
      .get(name)
      ?.store.status()
      .catch(() => undefined);
  }

  async kill(name: string): Promise<void> {
    const { worker, store } = this.#take(name);
    await worker.terminate();
    await store.close();
  }

  async stop(name: string): Promise<void> {
    const { worker, store } = this.#take(name);
    const closed = new Promise((resolve) => worker.once("message", resolve));
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    worker.postMessage("close");
    await closed;
    await store.close();
    await ended;
  }

  async close(): Promise<void> {
    await Promise.all(this.names.map((name) => this.stop(name)));
  }

  #take(name: string): RunningMember {
    const member = this.#running.get(name);
    if (member === undefined) throw new Error(`${name} is not running`);
    this.#running.delete(name);
    return member;
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
