// Who is asked: a real etcd, and ours with one and three members. Each in processes of its own, on loopback, plain text.
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { freePorts, spawnServed, spawnUntilReady, temporaryFolder } from "../support/etcd/child.ts";
import type { MemberConfig, MemberReady } from "../support/etcd/member-process.ts";
import { EtcdConnection, rpcs } from "../support/etcd/rpc.ts";
import { until } from "../support/until.ts";

/** `ETCD` names another one, of a later line: what is only 3.4's way then shows as what it is. */
export const etcdPath = process.env["ETCD"] ?? "/usr/bin/etcd";
export const isLaterEtcd = process.env["ETCD"] !== undefined;
export const skipWithoutEtcd = existsSync(etcdPath)
  ? false
  : `${etcdPath} is not installed (Debian package etcd-server)`;

export interface Target {
  readonly name: string;
  /** One for each member. */
  readonly connections: readonly EtcdConnection[];
  /** Undefined while all its processes run. */
  broken(): string | undefined;
  close(): Promise<void>;
}

const memberProgram = join(import.meta.dirname, "..", "support", "etcd", "member-process.ts");
const readyTimeoutMs = 90_000;

export async function startEtcd(): Promise<Target> {
  const dataDir = await temporaryFolder("etcd");
  const [client, peer] = (await freePorts(2)).map((port) => `http://127.0.0.1:${port}`) as [string, string];
  const served = spawnServed(etcdPath, [
    ...["--data-dir", dataDir, "--unsafe-no-fsync", "--logger", "zap", "--log-level", "error"],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `default=${peer}`],
  ]);
  return ready({
    name: "etcd",
    connections: [new EtcdConnection({ url: client })],
    broken: () => (served.exit() === undefined ? undefined : `etcd ended: ${served.exit() ?? ""} ${served.errors()}`),
    close: async () => {
      await served.kill();
      await rm(dataDir, { recursive: true, force: true });
    },
  });
}

export async function startOurs(members: number): Promise<Target> {
  const dataDir = await temporaryFolder("members");
  const ports = await freePorts(members);
  const initialMembers = ports.map((port, i) => ({ name: `m${i + 1}`, peerUrls: [`http://127.0.0.1:${port}`] }));
  const started = await Promise.allSettled(
    initialMembers.map(({ name }, i) => {
      const config: MemberConfig = {
        name,
        dataDir: join(dataDir, name),
        initialMembers,
        listenPeer: { host: "127.0.0.1", port: ports[i] ?? 0 },
        listenClient: { host: "127.0.0.1", port: 0 },
        // Nothing dies here: elections that a busy machine brings about would only blur the comparison.
        timing: { electionTicks: 200 },
        requestTimeoutMs: 60_000,
        logLevel: process.env["STORE_LOG"] ?? "silent",
      };
      return spawnUntilReady(process.execPath, [memberProgram, JSON.stringify(config)]);
    }),
  );
  const served = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const close = async (): Promise<void> => {
    await Promise.all(served.map((one) => one.kill()));
    await rm(dataDir, { recursive: true, force: true });
  };
  const failed = started.find((one) => one.status === "rejected");
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  return ready({
    name: members === 1 ? "one member" : `${members} members`,
    connections: served.map((one) => new EtcdConnection({ url: (JSON.parse(one.line) as MemberReady).url })),
    broken: () =>
      served
        .map((one) => (one.exit() === undefined ? undefined : `a member ended: ${one.errors()}`))
        .find((text) => text),
    close,
  });
}

async function ready(target: Target): Promise<Target> {
  const close = async (): Promise<void> => {
    for (const connection of target.connections) connection.close();
    await target.close();
  };
  try {
    for (const connection of target.connections) {
      await until(`${target.name} to have a leader`, readyTimeoutMs, async () => {
        const { leader } = await connection.unary(rpcs.status, {}, { timeoutMs: 2_000 });
        return leader === 0n ? undefined : true;
      });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { ...target, close };
}
