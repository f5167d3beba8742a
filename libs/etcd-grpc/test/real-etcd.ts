import { spawn, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { homedir } from "node:os";
import { join } from "node:path";

/** One real etcd on loopback, in plain text. */
export interface RealEtcd {
  readonly url: string;
  close(): Promise<void>;
}

/** Options of a test that needs the program. */
export const needsEtcd = {
  skip: spawnSync("etcd", ["--version"]).status === 0 ? false : "etcd is not installed",
};

/**
 * Later lines of a program than the system's package has: files named `etcd-3.6.5`, `etcdctl-3.5.21` and the like in the
 * folder that `TRIARCH_ETCD_PROGRAMS` names, else in `~/.cache/triarch/etcd`. None are needed.
 */
export function laterPrograms(
  name: "etcd" | "etcdctl",
): readonly { readonly version: string; readonly file: string }[] {
  const folder = process.env["TRIARCH_ETCD_PROGRAMS"] ?? join(homedir(), ".cache", "triarch", "etcd");
  try {
    return readdirSync(folder)
      .filter((file) => file.startsWith(`${name}-`))
      .sort()
      .map((file) => ({ version: file.slice(name.length + 1), file: join(folder, file) }));
  } catch {
    return []; // no such folder
  }
}

/** @throws Error with what etcd said when it ends instead of serving */
export async function startRealEtcd(
  dataDir: string,
  flags: readonly string[] = [],
  program = "etcd",
): Promise<RealEtcd> {
  const [clientPort, peerPort] = await freePorts(2);
  const url = `http://127.0.0.1:${clientPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const args = [
    `--data-dir=${dataDir}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    ...flags,
  ];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], env: { PATH: process.env["PATH"] } });
  const exited = once(child, "exit");
  let log = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.on("data", (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-20_000);
      if (/ready to serve client requests|serving insecure client requests/.test(log)) resolve();
    });
    exited.then(() => reject(new Error(`etcd ended: ${log}`)), reject);
  });
  return {
    url,
    close: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    ports.push(typeof address === "object" && address !== null ? address.port : 0);
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}
