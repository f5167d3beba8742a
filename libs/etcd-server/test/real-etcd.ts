import { execFileSync, spawn, spawnSync } from "node:child_process";
import { freePorts } from "./local-cluster.ts";

/** Options of a test that needs the real programs. */
export const needsEtcd = {
  skip:
    spawnSync("etcd", ["--version"]).status === 0 && spawnSync("etcdctl", ["version"]).status === 0
      ? false
      : "etcd and etcdctl are not installed",
};

const env = { ...process.env, ETCDCTL_API: "3" };

/** @returns what etcdctl printed @throws Error when it failed */
export function etcdctl(args: readonly string[], input?: string): string {
  return execFileSync("etcdctl", args, { env, input, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] });
}

export interface RealEtcd {
  readonly ctl: (args: readonly string[], input?: string) => string;
  readonly hashKv: () => { readonly hash: number; readonly compactRevision: number };
  stop(): Promise<void>;
}

/** One real etcd on a data directory, which it makes if there is none. */
export async function startRealEtcd(
  t: { teardown(run: () => Promise<void>): void },
  dataDir: string,
): Promise<RealEtcd> {
  const [clientPort, peerPort] = await freePorts(2);
  const url = `http://127.0.0.1:${clientPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const child = spawn(
    "etcd",
    [
      ...["--data-dir", dataDir, "--listen-client-urls", url, "--advertise-client-urls", url],
      ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
      ...["--initial-cluster", `default=${peerUrl}`],
    ],
    { stdio: "ignore" },
  );
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  t.teardown(stop);
  const ctl = (args: readonly string[], input?: string): string =>
    etcdctl([`--endpoints=${url}`, "--dial-timeout=5s", "--command-timeout=10s", ...args], input);
  for (let tries = 0; ; tries++) {
    try {
      ctl(["endpoint", "health"]);
      break;
    } catch (error) {
      if (tries > 10) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return {
    ctl,
    hashKv: () => {
      const [answer] = JSON.parse(ctl(["endpoint", "hashkv", "-w", "json"])) as [
        { readonly HashKV: { readonly hash: number; readonly compact_revision: number } },
      ];
      return { hash: answer.HashKV.hash, compactRevision: answer.HashKV.compact_revision };
    },
    stop,
  };
}
