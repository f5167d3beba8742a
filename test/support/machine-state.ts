// What a cluster must not leave on the machine.
import { readdir, readFile } from "node:fs/promises";
import { runCommand } from "@triarch/machine";
import { containersOf } from "./containers.ts";

/** @returns a line for everything that is still there of the cluster; empty when all is gone */
export async function remainsOf(cluster: {
  readonly clusterId: string;
  readonly dataDir: string;
  readonly containers: boolean;
}): Promise<readonly string[]> {
  const remains: string[] = [];
  for (const pid of await processesNaming(cluster.dataDir)) remains.push(`process ${pid}`);
  if (!cluster.containers) return remains;
  for (const one of await containersOf(cluster.clusterId)) remains.push(`container ${one.namespace}/${one.pod}`);
  const name = `tri${cluster.clusterId}`;
  const listings = [["ip", "netns", "list"], ["ip", "-o", "link", "show"], ["iptables-save"]] as const;
  for (const [file, ...args] of listings) {
    for (const line of (await runCommand(file, args)).split("\n")) {
      const ours = line.includes(name) || line.includes(`triarch ${cluster.clusterId}`) || line.includes("KUBE-");
      if (ours) remains.push(`${file}: ${line.trim()}`);
    }
  }
  return remains;
}

/** Processes, other than this one, whose command line holds `text`. */
export async function processesNaming(text: string): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const lines = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return line.includes(text) ? `${pid} ${line.replaceAll("\0", " ")}` : "";
    }),
  );
  return lines.filter((line) => line !== "");
}
