// Three members of the real store, each a process, with TLS to clients and peers; and what can be done to them.
import { mkdir, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createCa, issueCertificate } from "@triarch/pki";
import { runCommand, tryCommand } from "@triarch/machine";
import { freePorts, spawnUntilReady, temporaryFolder, type Served } from "../support/etcd/child.ts";
import type { MemberConfig } from "../support/etcd/member-process.ts";
import { EtcdConnection, rpcs, type ConnectionOptions } from "../support/etcd/rpc.ts";
import type { ChaosNetwork } from "./network.ts";

export const memberCount = 3;
const statusTimeoutMs = 1_000;
const leaderTimeoutMs = 60_000;
/** Room for a log segment or two, and for what a run writes. */
const diskMegabytes = 400;
/** Ends of a member that a fault is expected to bring about. */
const expectedExits = new Set(["SIGKILL", "SIGTERM", "code 3"]);

export interface ChaosClusterOptions {
  /** Undefined: all on loopback. */
  readonly network: ChaosNetwork | undefined;
  /** Each member on a small disk of its own that can be filled; needs root. */
  readonly smallDisks: boolean;
  /** Program of a member; another one for planted bugs. */
  readonly program?: string;
}

interface Member {
  readonly config: MemberConfig;
  readonly url: string;
  readonly folder: string;
  served: Served | undefined;
}

export class ChaosCluster {
  readonly #options: ChaosClusterOptions;
  readonly #folder: string;
  readonly #tls: NonNullable<ConnectionOptions["tls"]>;
  readonly #members: Member[] = [];
  readonly #probes: EtcdConnection[] = [];
  /** What ended without having been told to. */
  readonly unexpected: string[] = [];

  static async start(options: ChaosClusterOptions): Promise<ChaosCluster> {
    const folder = await temporaryFolder("chaos");
    const cluster = new ChaosCluster(options, folder, await writeCredentials(folder, options.network));
    try {
      await cluster.#prepare();
      await Promise.all(cluster.all.map((member) => cluster.startMember(member)));
      await cluster.leader();
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  private constructor(options: ChaosClusterOptions, folder: string, tls: NonNullable<ConnectionOptions["tls"]>) {
    this.#options = options;
    this.#folder = folder;
    this.#tls = tls;
  }

  get all(): readonly number[] {
    return Array.from({ length: memberCount }, (_, member) => member);
  }

  /** A client's own connection. */
  connect(member: number): EtcdConnection {
    return new EtcdConnection({ url: this.#member(member).url, tls: this.#tls });
  }

  async startMember(member: number): Promise<void> {
    const one = this.#member(member);
    if (one.served !== undefined && one.served.exit() === undefined) return;
    const program = this.#options.program ?? join(import.meta.dirname, "..", "support", "etcd", "member-process.ts");
    const command = [process.execPath, program, JSON.stringify(one.config)];
    const [file = "", ...args] = [...(this.#options.network?.prefixOf(member) ?? []), ...command];
    const served = await spawnUntilReady(file, args);
    one.served = served;
    void served.exited.then(() => {
      const exit = served.exit() ?? "";
      if (!expectedExits.has(exit)) this.unexpected.push(`m${member + 1} ended (${exit}): ${served.errors()}`);
    });
  }

  isRunning(member: number): boolean {
    const { served } = this.#member(member);
    return served !== undefined && served.exit() === undefined;
  }

  async kill(member: number): Promise<void> {
    await this.#member(member).served?.kill();
  }

  pause(member: number): void {
    this.#member(member).served?.child.kill("SIGSTOP");
  }

  resume(member: number): void {
    this.#member(member).served?.child.kill("SIGCONT");
  }

  async fillDisk(member: number): Promise<void> {
    // What does not fit any more is what it is about.
    await tryCommand("dd", ["if=/dev/zero", `of=${this.#ballast(member)}`, "bs=1M"]);
  }

  async freeDisk(member: number): Promise<void> {
    await unlink(this.#ballast(member)).catch(() => undefined);
  }

  /** The member that says so of itself, in the newest term. Undefined: none does. */
  async findLeader(): Promise<number | undefined> {
    const answers = await Promise.all(
      this.all.map(async (member) => {
        const call = this.#probes[member]?.unary(rpcs.status, {}, { timeoutMs: statusTimeoutMs });
        const status = await call?.catch(() => undefined);
        const leads = status !== undefined && status.leader !== 0n && status.leader === status.header?.memberId;
        return leads ? { member, term: status.raftTerm } : undefined;
      }),
    );
    return answers.reduce((best, one) => ((one?.term ?? 0) > (best?.term ?? 0) ? one : best), undefined)?.member;
  }

  /** @throws Error when there is none in time */
  async leader(): Promise<number> {
    for (const deadline = performance.now() + leaderTimeoutMs; performance.now() < deadline;) {
      const leader = await this.findLeader();
      if (leader !== undefined) return leader;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`no leader in ${leaderTimeoutMs} ms`);
  }

  async close(): Promise<void> {
    for (const probe of this.#probes) probe.close();
    await Promise.all(this.#members.map(async ({ served }) => served?.kill()));
    if (this.#options.smallDisks) {
      for (const { folder } of this.#members) await tryCommand("umount", ["-l", folder]);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    const { network, smallDisks } = this.#options;
    const ports = await freePorts(2 * memberCount);
    const hostOf = (member: number): string => network?.addressOf(member) ?? "127.0.0.1";
    const peerPort = (member: number): number => ports[member] ?? 0;
    const initialMembers = this.all.map((member) => ({
      name: `m${member + 1}`,
      peerUrls: [`https://${hostOf(member)}:${peerPort(member)}`],
    }));
    for (const member of this.all) {
      const name = `m${member + 1}`;
      const folder = join(this.#folder, name);
      await mkdir(folder);
      if (smallDisks) await runCommand("mount", ["-t", "tmpfs", "-o", `size=${diskMegabytes}m`, "tmpfs", folder]);
      const port = ports[memberCount + member] ?? 0;
      const config: MemberConfig = {
        ...{ name, initialMembers, dataDir: join(folder, "data"), logLevel: process.env["STORE_LOG"] ?? "silent" },
        listenPeer: { host: hostOf(member), port: peerPort(member) },
        listenClient: { host: hostOf(member), port },
        tls: { ca: this.#path("ca.crt"), cert: this.#path("member.crt"), key: this.#path("member.key") },
      };
      this.#members.push({ config, folder, url: `https://${hostOf(member)}:${port}`, served: undefined });
      this.#probes.push(this.connect(member));
    }
  }

  #member(member: number): Member {
    const one = this.#members[member];
    if (one === undefined) throw new Error(`there is no member ${member}`);
    return one;
  }

  #ballast(member: number): string {
    return join(this.#member(member).folder, "ballast");
  }

  #path(file: string): string {
    return join(this.#folder, file);
  }
}

async function writeCredentials(
  folder: string,
  network: ChaosNetwork | undefined,
): Promise<NonNullable<ConnectionOptions["tls"]>> {
  const nowMs = Date.now();
  const ca = await createCa({ commonName: "chaos", nowMs, validityDays: 2 });
  const members = Array.from({ length: memberCount }, (_, member) => network?.addressOf(member));
  const ipAddresses = ["127.0.0.1", ...members.filter((address) => address !== undefined)];
  const pair = await issueCertificate(ca, {
    ...{ commonName: "member", nowMs, validityDays: 1, ipAddresses },
    usages: ["client", "server"],
  });
  await writeFile(join(folder, "ca.crt"), ca.certificatePem);
  await writeFile(join(folder, "member.crt"), pair.certificatePem);
  await writeFile(join(folder, "member.key"), pair.keyPem, { mode: 0o600 });
  return { ca: ca.certificatePem, cert: pair.certificatePem, key: pair.keyPem };
}
