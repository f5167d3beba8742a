// Three members of ours and three of Debian's etcd, alike: processes on loopback, mutual TLS between members and towards
// clients, data on the real disk.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { StatusRequest, StatusResponse } from "@triarch/etcd-proto";
import { hasCommand } from "@triarch/machine";
import { createCa, issueCertificate } from "@triarch/pki";
import { LoadConnection, type LoadTls } from "./grpc-load.ts";

export interface MemberConfig {
  readonly name: string;
  readonly dataDir: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly members: readonly { readonly name: string; readonly peerPort: number }[];
  readonly tls: LoadTls;
}

const statusPath = "/etcdserverpb.Maintenance/Status";
const settleTimeoutMs = 60_000;
/** The young generation is as large as that of a master's store thread. */
const flags = ["--max-semi-space-size=8"];
const storeProgram = join(import.meta.dirname, "store-member.ts");

/** One cluster under measurement. */
export class BenchCluster {
  readonly name: string;
  readonly tls: LoadTls;
  readonly #configs: readonly MemberConfig[];
  readonly #commandOf: (config: MemberConfig) => readonly string[];
  #processes: ChildProcess[] = [];

  private constructor(
    name: string,
    tls: LoadTls,
    configs: readonly MemberConfig[],
    commandOf: (config: MemberConfig) => readonly string[],
  ) {
    this.name = name;
    this.tls = tls;
    this.#configs = configs;
    this.#commandOf = commandOf;
  }

  static async ours(dir: string, basePort: number): Promise<BenchCluster> {
    const { tls } = await credentials(dir);
    const configs = memberConfigs(join(dir, "triarch"), basePort, tls);
    const command = (config: MemberConfig): string[] => [
      process.execPath,
      ...flags,
      storeProgram,
      JSON.stringify(config),
    ];
    const cluster = new BenchCluster("triarch", tls, configs, command);
    await cluster.start();
    return cluster;
  }

  /** @returns undefined where etcd is not installed */
  static async etcd(dir: string, basePort: number): Promise<BenchCluster | undefined> {
    if (!(await hasCommand("etcd"))) return undefined;
    const { tls, files } = await credentials(dir);
    const configs = memberConfigs(join(dir, "etcd"), basePort, tls);
    const cluster = new BenchCluster("etcd", tls, configs, (config) => etcdCommand(config, files));
    await cluster.start();
    return cluster;
  }

  /** @returns milliseconds until all members answer and know a leader */
  async start(): Promise<number> {
    const startedMs = performance.now();
    this.#processes = this.#configs.map((config) => {
      const [file = "", ...args] = this.#commandOf(config);
      return spawn(file, args, { stdio: ["ignore", "ignore", this.name === "triarch" ? "inherit" : "ignore"] });
    });
    try {
      await Promise.all(this.urls.map((url) => this.#ready(url)));
    } catch (error) {
      await this.stop();
      throw error;
    }
    return performance.now() - startedMs;
  }

  get urls(): readonly string[] {
    return this.#configs.map(({ clientPort }) => `https://127.0.0.1:${clientPort}`);
  }

  connections(count: number): Promise<LoadConnection[]> {
    return Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const connection = new LoadConnection(this.urls[i % this.urls.length] ?? "", this.tls);
        await connection.ready();
        return connection;
      }),
    );
  }

  /** User and system time of all members so far. */
  async cpuMs(): Promise<number> {
    const ticks = await Promise.all(this.#processes.map(async ({ pid }) => cpuTicks(pid ?? 0)));
    return ticks.reduce((sum, one) => sum + one, 0) * 10;
  }

  /** Resident memory of each member. */
  async residentBytes(): Promise<number[]> {
    return Promise.all(
      this.#processes.map(async ({ pid }) => {
        const status = await readFile(`/proc/${pid ?? 0}/status`, "utf8");
        return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
      }),
    );
  }

  async stop(): Promise<void> {
    const running = this.#processes.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const ends = running.map((child) => once(child, "exit"));
    for (const child of this.#processes) child.kill("SIGTERM");
    const force = setTimeout(() => this.#processes.forEach((child) => child.kill("SIGKILL")), 15_000);
    await Promise.all(ends);
    clearTimeout(force);
  }

  async #ready(url: string): Promise<void> {
    const giveUpMs = performance.now() + settleTimeoutMs;
    for (;;) {
      const connection = new LoadConnection(url, this.tls);
      try {
        await connection.ready();
        const { leader } = StatusResponse.decode(await connection.unary(statusPath, StatusRequest.encode({})));
        if (leader !== 0n) return;
      } catch (error) {
        if (performance.now() > giveUpMs) throw error;
      } finally {
        await connection.close();
      }
      await delay(20);
    }
  }
}

function memberConfigs(dir: string, basePort: number, tls: LoadTls): MemberConfig[] {
  const members = [1, 2, 3].map((n) => ({ name: `m${n}`, peerPort: basePort + 10 + n }));
  return members.map(({ name, peerPort }, i) => ({
    ...{ name, peerPort, members, tls, dataDir: join(dir, name), clientPort: basePort + i + 1 },
  }));
}

function etcdCommand(config: MemberConfig, files: CredentialFiles): string[] {
  const peer = `https://127.0.0.1:${config.peerPort}`;
  const client = `https://127.0.0.1:${config.clientPort}`;
  const initial = config.members.map(({ name, peerPort }) => `${name}=https://127.0.0.1:${peerPort}`).join(",");
  return [
    ...["etcd", "--name", config.name, "--data-dir", config.dataDir, "--initial-cluster", initial],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
    ...["--cert-file", files.cert, "--key-file", files.key, "--trusted-ca-file", files.ca, "--client-cert-auth"],
    ...["--peer-cert-file", files.cert, "--peer-key-file", files.key, "--peer-trusted-ca-file", files.ca],
    ...["--peer-client-cert-auth", "--quota-backend-bytes", String(8 * 1024 ** 3)],
  ];
}

interface CredentialFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

async function credentials(dir: string): Promise<{ readonly tls: LoadTls; readonly files: CredentialFiles }> {
  const nowMs = Date.now();
  const ca = await createCa({ commonName: "bench CA", nowMs, validityDays: 1 });
  const { certificatePem, keyPem } = await issueCertificate(ca, {
    ...{ commonName: "bench", ipAddresses: ["127.0.0.1"], usages: ["client", "server"], nowMs, validityDays: 1 },
  });
  const write = async (name: string, pem: string): Promise<string> => {
    const file = join(dir, name);
    await writeFile(file, pem, { mode: 0o600 });
    return file;
  };
  const folder = await mkdtemp(join(dir, "tls-"));
  return {
    tls: { ca: ca.certificatePem, cert: certificatePem, key: keyPem },
    files: {
      ca: await write(`${folder.slice(dir.length + 1)}/ca.crt`, ca.certificatePem),
      cert: await write(`${folder.slice(dir.length + 1)}/tls.crt`, certificatePem),
      key: await write(`${folder.slice(dir.length + 1)}/tls.key`, keyPem),
    },
  };
}

async function cpuTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Runs `body` with a folder that is gone afterwards. */
export async function withFolder<T>(body: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), "etcd-bench-"));
  try {
    return await body(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
