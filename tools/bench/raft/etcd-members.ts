// The peer for failover: three members of Debian's etcd on the same hosts, probed by puts through its own gRPC port.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { utf8 } from "@triarch/base";
import { connectEtcd, type EtcdClient } from "@triarch/etcd-grpc";
import { hasCommand } from "@triarch/machine";
import type { BenchHosts } from "./hosts.ts";
import { machineClockMs, type Probe } from "./protocol.ts";

const probeEveryMs = 2;
// Those that a dead leader took with it hang for seconds; new ones must go out all the same.
const probesInFlightMax = 4_096;

export class EtcdMember {
  readonly id: number;
  readonly #command: readonly string[];
  readonly #url: string;
  #child: ChildProcess | undefined;
  #client: EtcdClient;
  #probing: NodeJS.Timeout | undefined;
  #probes: Probe[] = [];

  constructor(id: number, url: string, command: readonly string[]) {
    this.id = id;
    this.#url = url;
    this.#command = command;
    this.#client = connectEtcd({ url, timeoutMs: 10_000 });
  }

  start(): void {
    const [file = "", ...args] = this.#command;
    this.#child = spawn(file, args, { stdio: "ignore" });
  }

  /** @returns member id, leader id, raft index; undefined while it does not answer */
  async status(): Promise<{ readonly self: bigint; readonly leader: bigint; readonly index: number } | undefined> {
    const client = connectEtcd({ url: this.#url, timeoutMs: 500 });
    try {
      const { header, leader, raftIndex } = await client.status();
      return { self: header?.memberId ?? 0n, leader, index: raftIndex };
    } catch {
      return undefined;
    } finally {
      await client.close();
    }
  }

  async moveLeader(to: bigint): Promise<void> {
    await this.#client.moveLeader(to);
  }

  probe(): void {
    this.#client = connectEtcd({ url: this.#url, timeoutMs: 10_000 });
    const client = this.#client;
    const probes: Probe[] = (this.#probes = []);
    let inFlight = 0;
    this.#probing = setInterval(() => {
      if (inFlight >= probesInFlightMax) return;
      inFlight += 1;
      const proposedMs = machineClockMs();
      client
        .put({ key: utf8(`probe/${this.id}`), value: utf8(String(proposedMs)) })
        .then(
          () => void probes.push({ proposedMs, acceptedMs: machineClockMs() }),
          () => undefined,
        )
        .finally(() => (inFlight -= 1));
    }, probeEveryMs);
  }

  async probed(): Promise<readonly Probe[]> {
    clearInterval(this.#probing);
    await this.#client.close();
    return this.#probes;
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

export class EtcdCluster {
  readonly members: readonly EtcdMember[];
  readonly #dir: string;

  private constructor(members: readonly EtcdMember[], dir: string) {
    this.members = members;
    this.#dir = dir;
  }

  /** @returns undefined where etcd is not installed */
  static async start(hosts: BenchHosts, basePort: number): Promise<EtcdCluster | undefined> {
    if (!(await hasCommand("etcd"))) return undefined;
    const dir = await mkdtemp(join(tmpdir(), "etcd-bench-"));
    const places = [1, 2, 3].map((id) => ({
      id,
      client: `http://${hosts.addresses[id - 1] ?? ""}:${basePort + id}`,
      peer: `http://${hosts.addresses[id - 1] ?? ""}:${basePort + 10 + id}`,
    }));
    const initial = places.map(({ id, peer }) => `e${id}=${peer}`).join(",");
    const members = places.map(({ id, client, peer }) => {
      const command = [
        ...["etcd", "--name", `e${id}`, "--data-dir", join(dir, String(id)), "--initial-cluster", initial],
        ...["--listen-client-urls", client, "--advertise-client-urls", client],
        ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ];
      return new EtcdMember(id, client, hosts.onHost(id - 1, command));
    });
    const cluster = new EtcdCluster(members, dir);
    for (const member of members) member.start();
    await cluster.settled();
    return cluster;
  }

  async settled(): Promise<EtcdMember> {
    const giveUpMs = performance.now() + 60_000;
    for (;;) {
      const all = await Promise.all(this.members.map((member) => member.status()));
      const leader = all[0]?.leader ?? 0n;
      const indexes = all.map((one) => one?.index ?? 0);
      const agreed = leader !== 0n && all.every((one) => one?.leader === leader);
      const at = all.findIndex((one) => one?.self === leader);
      const found = this.members[at];
      if (agreed && found !== undefined && Math.max(...indexes) - Math.min(...indexes) <= 64) return found;
      if (performance.now() > giveUpMs) throw new Error("the etcd members do not settle");
      await delay(50);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map(async (member) => member.probed().then(() => member.kill())));
    await rm(this.#dir, { recursive: true, force: true });
  }
}
