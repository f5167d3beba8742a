/** A real etcd of one member on loopback, spoken to through its JSON gateway. */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export const etcdPath = "/usr/bin/etcd";
const etcdctlPath = "/usr/bin/etcdctl";
export const hasEtcd = existsSync(etcdPath) && existsSync(etcdctlPath);

export interface EtcdProcess {
  /** @returns the answer, or the error's text when etcd refuses */
  call(path: string, body: object): Promise<Record<string, unknown>>;
  /** The gateway of 3.4 has no HashKV: etcdctl has. */
  hashKv(): Promise<{ readonly hash: number; readonly compactRevision: number }>;
  close(): Promise<void>;
}

export async function startEtcd(): Promise<EtcdProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), "triarch-etcd-"));
  const [client, peer] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  const child = spawn(
    etcdPath,
    [
      ...["--data-dir", dataDir, "--unsafe-no-fsync", "--logger", "zap", "--log-level", "error"],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `default=${peer}`],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let errors = "";
  child.stderr.on("data", (text: Buffer) => (errors += text.toString()));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const call = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${client}/v3/${path}`, { method: "POST", body: JSON.stringify(body) });
    return (await response.json()) as Record<string, unknown>;
  };
  const hashKv = async (): Promise<{ hash: number; compactRevision: number }> => {
    const { stdout } = await promisify(execFile)(etcdctlPath, ["endpoint", "hashkv", "-w", "json"], {
      env: { ETCDCTL_API: "3", ETCDCTL_ENDPOINTS: client },
    });
    const [answer] = JSON.parse(stdout) as { HashKV: { hash: number; compact_revision?: number } }[];
    return { hash: answer?.HashKV.hash ?? 0, compactRevision: answer?.HashKV.compact_revision ?? 0 };
  };
  const close = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
    await rm(dataDir, { recursive: true, force: true });
  };
  for (let attempt = 0; ; attempt++) {
    const answer = await call("maintenance/status", {}).catch(() => undefined);
    if (answer?.["leader"] !== undefined) return { call, hashKv, close };
    if (attempt > 200 || child.exitCode !== null) {
      await close();
      throw new Error(`etcd did not start: ${errors}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
