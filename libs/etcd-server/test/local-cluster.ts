import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { silentLogger } from "@triarch/telemetry";
import { startStore, type EtcdServer, type InitialMember, type RunningStore, type StoreOptions } from "../src/index.ts";

interface Teardown {
  testdir(content: Readonly<Record<string, never>>): string;
  teardown(run: () => void | Promise<void>): void;
}

interface Member {
  readonly store: RunningStore;
  readonly failed: Promise<string>;
}

/** Members in this process, over loopback, with all of `EtcdServer` at hand. */
export class LocalCluster {
  readonly #root: string;
  readonly #members: readonly InitialMember[];
  readonly #options: Partial<StoreOptions>;
  readonly #running = new Map<string, Member>();
  readonly #ids = new Map<string, bigint>();

  static async start(t: Teardown, size: number, options: Partial<StoreOptions> = {}): Promise<LocalCluster> {
    const ports = await freePorts(size);
    const members = ports.map((port, i) => ({ name: `m${i + 1}`, peerUrls: [`http://127.0.0.1:${port}`] }));
    const cluster = new LocalCluster(t.testdir({}), members, options);
    t.teardown(() => cluster.close());
    await Promise.all(members.map(({ name }) => cluster.startMember(name)));
    return cluster;
  }

  private constructor(root: string, members: readonly InitialMember[], options: Partial<StoreOptions>) {
    this.#root = root;
    this.#members = members;
    this.#options = options;
  }

  get running(): readonly RunningStore[] {
    return [...this.#running.values()].map(({ store }) => store);
  }

  dir(name: string): string {
    return join(this.#root, name);
  }

  idOf(name: string): bigint {
    return this.#ids.get(name) ?? 0n;
  }

  member(name: string): RunningStore {
    const member = this.#running.get(name);
    if (member === undefined) throw new Error(`${name} is not running`);
    return member.store;
  }

  /** @param more for one that joins: other initial members */
  async startMember(name: string, more: Partial<StoreOptions> = {}): Promise<RunningStore> {
    const url = new URL(
      (more.initialMembers ?? this.#members).find((member) => member.name === name)?.peerUrls[0] ?? "",
    );
    const failed = Promise.withResolvers<string>();
    const store = await startStore({
      name,
      dataDir: this.dir(name),
      clusterToken: "test",
      initialMembers: this.#members,
      listenPeer: { host: "127.0.0.1", port: Number(url.port) },
      hashCheckIntervalMs: 0,
      logger: silentLogger,
      ...this.#options,
      ...more,
      onFatal: (error) => failed.resolve(error.message),
    });
    this.#ids.set(name, store.memberId);
    this.#running.set(name, { store, failed: failed.promise });
    return store;
  }

  /** The member that leads, once there is one that says so of itself and can be read from. */
  async leader(): Promise<{ readonly name: string; readonly server: EtcdServer }> {
    for (;;) {
      for (const [name, { store }] of this.#running) {
        if (store.server.leaderId() !== store.memberId) continue;
        await store.server.readBarrier();
        return { name, server: store.server };
      }
      await nextLook();
    }
  }

  async followers(): Promise<readonly string[]> {
    const { name } = await this.leader();
    return [...this.#running.keys()].filter((one) => one !== name);
  }

  /** Waits until the member has ended by itself. @returns what it said */
  async died(name: string): Promise<string> {
    const member = this.#running.get(name);
    if (member === undefined) throw new Error(`${name} is not running`);
    const text = await member.failed;
    await this.stop(name);
    return text;
  }

  async stop(name: string): Promise<void> {
    const member = this.#running.get(name);
    this.#running.delete(name);
    await member?.store.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.stop(name)));
  }
}

/** Looks again and again until it holds. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await nextLook();
}

/** Between two looks at what others are doing: their work is to go on meanwhile. */
export async function nextLook(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 10));
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
