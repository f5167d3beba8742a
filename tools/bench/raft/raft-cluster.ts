// Three of our Raft members as processes, each on a host of its own, over mutual TLS, with logs on the real disk.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createCa, issueCertificate } from "@triarch/pki";
import type { PeerTls } from "@triarch/raft-node";
import type { BenchHosts } from "./hosts.ts";
import type { LoadResult, Probe, RaftMemberConfig, RaftOrder, RaftReport } from "./protocol.ts";

const program = join(import.meta.dirname, "raft-member.ts");

export class RaftMember {
  readonly id: number;
  readonly #command: readonly string[];
  readonly #waiting = new Set<(report: RaftReport) => void>();
  #child: ChildProcess | undefined;
  state: Extract<RaftReport, { kind: "state" }> | undefined;

  constructor(id: number, command: readonly string[]) {
    this.id = id;
    this.#command = command;
  }

  start(): void {
    const [file = "", ...args] = this.#command;
    this.state = undefined;
    const child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    child.on("message", (report: RaftReport) => {
      if (report.kind === "state") this.state = report;
      for (const one of this.#waiting) one(report);
    });
    this.#child = child;
  }

  order(order: RaftOrder): void {
    this.#child?.send(order);
  }

  async #answer<T>(pick: (report: RaftReport) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const listen = (report: RaftReport): void => {
        const picked = pick(report);
        if (report.kind !== "failed" && picked === undefined) return;
        this.#waiting.delete(listen);
        if (report.kind === "failed") reject(new Error(`member ${this.id}: ${report.text}`));
        else resolve(picked as T);
      };
      this.#waiting.add(listen);
    });
  }

  load(proposers: number, entryBytes: number, durationMs: number): Promise<LoadResult> {
    this.order({ kind: "load", proposers, entryBytes, durationMs });
    return this.#answer((report) => (report.kind === "figures" ? report.figures : undefined));
  }

  probe(): void {
    this.order({ kind: "probe" });
  }

  probed(): Promise<readonly Probe[]> {
    this.order({ kind: "probed" });
    return this.#answer((report) => (report.kind === "probes" ? report.probes : undefined));
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** The moment the signal was sent is the caller's to note; resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

export class RaftCluster {
  readonly members: readonly RaftMember[];
  readonly #dir: string;

  private constructor(members: readonly RaftMember[], dir: string) {
    this.members = members;
    this.#dir = dir;
  }

  static async start(hosts: BenchHosts, basePort: number): Promise<RaftCluster> {
    const dir = await mkdtemp(join(tmpdir(), "raft-bench-"));
    const tls = await peerTls(hosts.addresses);
    const ids = [1, 2, 3];
    const host = (id: number): string => hosts.addresses[id - 1] ?? "";
    const peerUrls = Object.fromEntries(ids.map((id) => [id, `https://${host(id)}:${basePort + id}`]));
    const members = ids.map((id) => {
      const config: RaftMemberConfig = {
        ...{ id, dir: join(dir, String(id)), host: host(id), port: basePort + id, peerUrls, tls },
      };
      return new RaftMember(id, hosts.onHost(id - 1, [process.execPath, program, JSON.stringify(config)]));
    });
    const cluster = new RaftCluster(members, dir);
    for (const member of members) member.start();
    await cluster.settled();
    return cluster;
  }

  /** Waits until all follow one leader and have applied the same. @returns the leader */
  async settled(): Promise<RaftMember> {
    const giveUpMs = performance.now() + 30_000;
    for (;;) {
      const states = this.members.map((member) => member.state);
      const [first] = states;
      const agreed = states.every(
        (state) => state !== undefined && state.leader === first?.leader && state.term === first.term,
      );
      const applied = states.map((state) => state?.applied ?? 0);
      const leader = this.members.find(({ id }) => id === first?.leader);
      if (agreed && leader !== undefined && Math.max(...applied) - Math.min(...applied) <= 64) return leader;
      if (performance.now() > giveUpMs) throw new Error(`the members do not settle: ${JSON.stringify(states)}`);
      await delay(10);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    await rm(this.#dir, { recursive: true, force: true });
  }
}

async function peerTls(addresses: readonly string[]): Promise<PeerTls> {
  const nowMs = Date.now();
  const ca = await createCa({ commonName: "bench peers", nowMs, validityDays: 1 });
  const ipAddresses = [...new Set(addresses)];
  const { certificatePem, keyPem } = await issueCertificate(ca, {
    ...{ commonName: "peer", ipAddresses, usages: ["client", "server"] as const, nowMs, validityDays: 1 },
  });
  return { ca: ca.certificatePem, cert: certificatePem, key: keyPem };
}
