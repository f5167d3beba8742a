// The store beside real etcd: three members of each, same client, same TLS, alternating rounds in one run.
import { PutRequest } from "@triarch/etcd-proto";
import { utf8 } from "@triarch/base";
import { median, progress, short, table } from "../figures.ts";
import { closedLoop } from "../load.ts";
import { checkPerf, checkPerfName, checkPerfTable } from "./check-perf.ts";
import { BenchCluster, withFolder } from "./clusters.ts";
import type { LoadConnection } from "./grpc-load.ts";
import { loads, type Load } from "./loads.ts";
import { watchLatencyMs } from "./watch-latency.ts";

const basePort = 23_600;
const connectionCount = 16;
const heldKeys = 100_000;

export interface EtcdBenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly json: boolean;
  /** Only loads whose name holds this. */
  readonly only: string | undefined;
}

interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** All three members together, per request. */
  readonly cpuMicros: number;
}

interface Row {
  readonly what: string;
  readonly clients: number;
  /** By cluster. */
  readonly rounds: Readonly<Record<string, readonly Round[]>>;
}

interface Single {
  readonly what: string;
  readonly unit: string;
  readonly byCluster: Readonly<Record<string, number>>;
}

export async function benchEtcd(options: EtcdBenchOptions): Promise<string> {
  return withFolder(async (dir) => {
    const clusters = [await BenchCluster.ours(dir, basePort)];
    try {
      const peer = await BenchCluster.etcd(dir, basePort + 100);
      if (peer === undefined) progress("etcd is not installed: no peer in this run");
      else clusters.push(peer);
      if (options.only === checkPerfName) {
        const results = await checkPerf(clusters, dir);
        return options.json ? JSON.stringify(results, undefined, 2) : checkPerfTable(results);
      }
      const rows: Row[] = [];
      for (const load of loads.filter(({ name }) => name.includes(options.only ?? ""))) {
        for (const clients of load.clients) rows.push(await measure(clusters, load, clients, options));
      }
      const singles = options.only === undefined ? await measureSingles(clusters, options.rounds) : [];
      if (options.json) return JSON.stringify({ rows, singles }, undefined, 2);
      return [rowTable(rows), ...(singles.length === 0 ? [] : [singleTable(singles)])].join("\n\n");
    } finally {
      await Promise.all(clusters.map((cluster) => cluster.stop()));
    }
  });
}

async function measure(
  clusters: readonly BenchCluster[],
  load: Load,
  clients: number,
  { rounds, seconds }: EtcdBenchOptions,
): Promise<Row> {
  const parts = await Promise.all(
    clusters.map(async (cluster) => {
      const connections: readonly LoadConnection[] = await cluster.connections(connectionCount);
      return { cluster, connections, one: await load.prepare(connections), done: [] as Round[] };
    }),
  );
  for (const { one } of parts) await closedLoop(clients, 700, one); // warm up
  for (let round = 0; round < rounds; round++) {
    for (const { cluster, one, done } of parts) {
      const before = await cluster.cpuMs();
      let count = 0;
      const figures = await closedLoop(clients, seconds * 1_000, (n) => {
        count += 1;
        return one(n);
      });
      done.push({ ...figures, cpuMicros: (((await cluster.cpuMs()) - before) * 1_000) / count });
    }
    const rates = parts.map(({ cluster, done }) => `${cluster.name} ${short(done.at(-1)?.perSecond ?? 0)}/s`);
    progress(`${load.name}, ${clients} clients, round ${round + 1}/${rounds}: ${rates.join(", ")}`);
  }
  await Promise.all(parts.flatMap(({ connections }) => connections.map((connection) => connection.close())));
  return {
    ...{ what: load.name, clients },
    rounds: Object.fromEntries(parts.map(({ cluster, done }) => [cluster.name, done])),
  };
}

async function measureSingles(clusters: readonly BenchCluster[], rounds: number): Promise<Single[]> {
  const latency: Record<string, number> = {};
  const resident: Record<string, number> = {};
  const start: Record<string, number> = {};
  for (const cluster of clusters) {
    latency[cluster.name] = await watchLatencyMs(cluster, rounds);
    await fill(cluster);
    await cluster.stop();
    start[cluster.name] = await cluster.start();
    resident[cluster.name] = median(await cluster.residentBytes()) / 1024 ** 2;
    progress(`${cluster.name}: ${heldKeys} keys, started in ${short(start[cluster.name] ?? 0)} ms`);
  }
  return [
    { what: "put to 1,000 watchers' events", unit: "ms", byCluster: latency },
    { what: `start with ${heldKeys.toLocaleString("en-US")} keys of 1 kB`, unit: "ms", byCluster: start },
    { what: "resident memory of a member then", unit: "MiB", byCluster: resident },
  ];
}

async function fill(cluster: BenchCluster): Promise<void> {
  const connections = await cluster.connections(connectionCount);
  let next = 0;
  const value = new Uint8Array(1_000).fill(122);
  const work = async (): Promise<void> => {
    for (let n = next++; n < heldKeys; n = next++) {
      const request = PutRequest.encode({ key: utf8(`held/${String(n).padStart(8, "0")}`), value });
      await connections[n % connectionCount]?.unary("/etcdserverpb.KV/Put", request);
    }
  };
  await Promise.all(Array.from({ length: 256 }, work));
  await Promise.all(connections.map((connection) => connection.close()));
}

function rowTable(rows: readonly Row[]): string {
  const head = ["", "triarch/s", "etcd/s", "ratio", "p50 ms", "etcd p50", "ratio", "CPU us", "etcd CPU us"];
  const body = rows.map(({ what, clients, rounds }) => {
    const of = (cluster: string, pick: (round: Round) => number): number => median((rounds[cluster] ?? []).map(pick));
    const both = (pick: (round: Round) => number): readonly [number, number] => [of("triarch", pick), of("etcd", pick)];
    const [rate, etcdRate] = both((round) => round.perSecond);
    const [p50, etcdP50] = both((round) => round.p50Ms);
    const [cpu, etcdCpu] = both((round) => round.cpuMicros);
    return [
      `${what}, ${clients} ${clients === 1 ? "client" : "clients"}`,
      ...[short(rate), short(etcdRate), short(rate / etcdRate), short(p50), short(etcdP50), short(p50 / etcdP50)],
      ...[short(cpu), short(etcdCpu)],
    ];
  });
  return table(head, body);
}

function singleTable(singles: readonly Single[]): string {
  const body = singles.map(({ what, unit, byCluster }) => {
    const [ours = 0, theirs = 0] = [byCluster["triarch"], byCluster["etcd"]];
    return [`${what}, ${unit}`, short(ours), short(theirs), short(ours / theirs)];
  });
  return table(["", "triarch", "etcd", "ratio"], body);
}
