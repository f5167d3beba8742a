// What benchmarks run against: three masters of ours (processes, no workers), and three real etcd members as a peer.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connectEtcd } from "@triarch/etcd-grpc";
import { hasCommand, runCommand } from "@triarch/machine";

const program = new URL("../../apps/triarch/bin/triarch.js", import.meta.url).pathname;

export interface BenchCluster {
  readonly dataDir: string;
  readonly kubeconfig: string;
  readonly etcdPorts: readonly number[];
  close(): Promise<void>;
}

export async function startMasters(basePort: number): Promise<BenchCluster> {
  const dataDir = join(await mkdtemp(join(tmpdir(), "triarch-bench-")), "cluster");
  const shape = ["--runtime", "hollow", "--workers", "0", "--no-example", "--log-level", "warn"];
  await runCommand(
    process.execPath,
    [program, "up", "--data-dir", dataDir, "--base-port", String(basePort), "--detach", ...shape],
    {
      timeoutMs: 120_000,
    },
  );
  return {
    dataDir,
    kubeconfig: join(dataDir, "kubeconfig"),
    etcdPorts: [10, 11, 12].map((offset) => basePort + offset),
    async close() {
      await runCommand(process.execPath, [program, "down", "--data-dir", dataDir, "--delete-data"], {
        timeoutMs: 90_000,
      });
    },
  };
}

export interface BenchEtcd {
  readonly urls: readonly string[];
  close(): Promise<void>;
}

/** @returns undefined where etcd is not installed */
export async function startEtcd(basePort: number): Promise<BenchEtcd | undefined> {
  if (!(await hasCommand("etcd"))) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "etcd-bench-"));
  const members = [0, 1, 2].map((i) => ({
    name: `e${i}`,
    client: `http://127.0.0.1:${basePort + i}`,
    peer: `http://127.0.0.1:${basePort + 10 + i}`,
  }));
  const cluster = members.map((one) => `${one.name}=${one.peer}`).join(",");
  const processes: ChildProcess[] = members.map((one) =>
    spawn(
      "etcd",
      [
        ...["--name", one.name, "--data-dir", join(folder, one.name), "--initial-cluster", cluster],
        ...["--listen-client-urls", one.client, "--advertise-client-urls", one.client],
        ...["--listen-peer-urls", one.peer, "--initial-advertise-peer-urls", one.peer],
      ],
      { stdio: "ignore" },
    ),
  );
  for (const one of members) {
    for (let tries = 0; ; tries++) {
      const client = connectEtcd({ url: one.client, timeoutMs: 1_000 });
      try {
        if ((await client.status()).leader !== 0n) break;
      } catch (error) {
        if (tries > 100) throw error;
      } finally {
        await client.close();
      }
      await delay(100);
    }
  }
  return {
    urls: members.map((one) => one.client),
    async close() {
      for (const one of processes) one.kill("SIGTERM");
      await Promise.all(processes.map((one) => new Promise((resolve) => one.once("exit", resolve))));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
