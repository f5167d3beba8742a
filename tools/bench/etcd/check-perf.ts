// etcdctl's own load, `etcdctl check perf`, on each cluster in turn: a minute for each load.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tryCommand } from "@triarch/machine";
import { progress, short, table } from "../figures.ts";
import type { BenchCluster } from "./clusters.ts";

export const checkPerfName = "check perf";
const loads = ["m", "l"] as const;
const timeoutMs = 180_000;

export interface CheckPerf {
  readonly load: string;
  readonly cluster: string;
  readonly verdict: "PASS" | "FAIL";
  readonly perSecond: number;
  readonly slowestSeconds: number;
}

/** @throws Error with what etcdctl printed, when it printed no result */
export async function checkPerf(clusters: readonly BenchCluster[], dir: string): Promise<CheckPerf[]> {
  const results: CheckPerf[] = [];
  for (const load of loads) {
    for (const cluster of clusters) {
      const args = ["--endpoints", cluster.urls.join(","), ...(await tlsFlags(cluster, dir))];
      const env = { ETCDCTL_API: "3" };
      const { stdout, stderr } = await tryCommand("etcdctl", [...args, "check", "perf", "--load", load], {
        env,
        timeoutMs,
      });
      const result = { load, cluster: cluster.name, ...readResult(stdout, stderr) };
      results.push(result);
      progress(`check perf ${load}, ${cluster.name}: ${result.verdict} at ${short(result.perSecond)}/s`);
    }
  }
  return results;
}

async function tlsFlags({ name, tls }: BenchCluster, dir: string): Promise<string[]> {
  const parts = { cacert: tls.ca, cert: tls.cert, key: tls.key };
  const flags: string[] = [];
  for (const [flag, pem] of Object.entries(parts)) {
    const file = join(dir, `check-perf-${name}.${flag}`);
    await writeFile(file, pem, { mode: 0o600 });
    flags.push(`--${flag}`, file);
  }
  return flags;
}

function readResult(stdout: string, stderr: string): Pick<CheckPerf, "verdict" | "perSecond" | "slowestSeconds"> {
  const perSecond = /Throughput (?:is|too low:) (\d+) writes/.exec(stdout)?.[1];
  const slowest = /Slowest request took (?:too long: )?([\d.]+)s/.exec(stdout)?.[1];
  if (perSecond === undefined || slowest === undefined) throw new Error(`etcdctl check perf: ${stdout}${stderr}`);
  const verdict = /^FAIL$/m.test(stdout) ? "FAIL" : "PASS";
  return { verdict, perSecond: Number(perSecond), slowestSeconds: Number(slowest) };
}

export function checkPerfTable(results: readonly CheckPerf[]): string {
  const body = results.map(({ load, cluster, verdict, perSecond, slowestSeconds }) => [
    `load ${load}, ${cluster}`,
    ...[verdict, short(perSecond), short(slowestSeconds * 1_000)],
  ]);
  return table(["etcdctl check perf", "verdict", "writes/s", "slowest ms"], body);
}
