// Three masters of ours as `triarch up` starts them, asked through the balanced client.
import type { ConfigMap } from "@triarch/api";
import { seededRng, systemClock } from "@triarch/base";
import { kubeClientFromFile, resourceRefs } from "@triarch/client";
import { startMasters } from "./masters.ts";
import { progress, short, table } from "./figures.ts";
import { closedLoop, medianRun, type LoadFigures } from "./load.ts";

const basePort = 23_000;

interface Row extends LoadFigures {
  readonly what: string;
  readonly clients: number;
}

export interface ApiBenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly json: boolean;
}

export async function benchApi({ rounds, seconds, json }: ApiBenchOptions): Promise<string> {
  const measure = async (what: string, clients: number, one: (n: number) => Promise<unknown>): Promise<Row> => {
    await closedLoop(clients, 500, one); // warm up
    const runs: LoadFigures[] = [];
    for (let i = 0; i < rounds; i++) runs.push(await closedLoop(clients, seconds * 1_000, one));
    const row = { what, clients, ...medianRun(runs) };
    progress(`${what}, ${clients} clients: ${short(row.perSecond)}/s`);
    return row;
  };

  const cluster = await startMasters(basePort);
  const client = await kubeClientFromFile(cluster.kubeconfig, {
    ...{ clock: systemClock, rng: seededRng(1), userAgent: "bench" },
  });
  const data = { value: "x".repeat(1_000) };
  const run = process.pid;
  let made = 0;
  const create = (): Promise<unknown> => {
    const metadata = { name: `bench-${run}-${made++}`, namespace: "default" };
    return client.create<ConfigMap>(resourceRefs.configMaps, { metadata, data });
  };
  const get = (n: number): Promise<unknown> =>
    client.get(resourceRefs.configMaps, { namespace: "default", name: `bench-${run}-${n % made}` });
  try {
    const rows = [
      await measure("create ConfigMap 1 kB", 1, create),
      await measure("create ConfigMap 1 kB", 64, create),
      await measure("get ConfigMap", 1, get),
      await measure("get ConfigMap", 64, get),
    ];
    if (json) return JSON.stringify(rows, undefined, 2);
    const body = rows.map((row) => [
      `${row.what}, ${row.clients} ${row.clients === 1 ? "client" : "clients"}`,
      ...[short(row.perSecond), short(row.p50Ms), short(row.p99Ms)],
    ]);
    return table(["", "per s", "p50 ms", "p99 ms"], body);
  } finally {
    await client.close();
    await cluster.close();
  }
}
