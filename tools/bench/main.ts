// Benchmarks. Usage: npm run bench -- NAME [--rounds N] [--seconds S] [--json]
//   store   puts of 256 B and reads through the etcd port; a real etcd of three members in the same run
//   api     ConfigMap creates of 1 kB and gets through the API servers
// Each figure is the round with the median rate. Machines are shared and noisy: compare only within one run.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ConfigMap } from "@triarch/api";
import { seededRng, systemClock, utf8 } from "@triarch/base";
import { kubeClientFromFile, resourceRefs } from "@triarch/client";
import { connectEtcd, type EtcdClient } from "@triarch/etcd-grpc";
import { startEtcd, startMasters } from "./clusters.ts";
import { closedLoop, medianRun, type LoadFigures } from "./load.ts";

interface Row extends LoadFigures {
  readonly what: string;
  readonly clients: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const durationMs = Number(values.seconds) * 1_000;
const basePort = 23_000;

async function measure(what: string, clients: number, one: (n: number) => Promise<unknown>): Promise<Row> {
  await closedLoop(clients, 500, one); // warm up
  const runs: LoadFigures[] = [];
  for (let i = 0; i < rounds; i++) runs.push(await closedLoop(clients, durationMs, one));
  const row = { what, clients, ...medianRun(runs) };
  process.stderr.write(`${what}, ${clients} clients: ${row.perSecond.toFixed(0)}/s\n`);
  return row;
}

async function storeRows(name: string, connections: readonly EtcdClient[]): Promise<Row[]> {
  const value = new Uint8Array(256).fill(120);
  const client = (n: number): EtcdClient => connections[n % connections.length] as EtcdClient;
  const put = (n: number): Promise<unknown> => client(n).put({ key: utf8(`bench/${n % 10_000}`), value });
  const read = (n: number): Promise<unknown> => client(n).range({ key: utf8(`bench/${n % 10_000}`) });
  return [
    await measure(`${name}: put 256 B`, 1, put),
    await measure(`${name}: put 256 B`, 64, put),
    await measure(`${name}: linearizable read`, 64, read),
  ];
}

async function benchStore(): Promise<Row[]> {
  const rows: Row[] = [];
  const ours = await startMasters(basePort);
  try {
    const pki = (file: string): Promise<string> => readFile(join(ours.dataDir, "pki", file), "utf8");
    const tls = {
      caPem: await pki("etcd-ca.crt"),
      certificatePem: await pki("etcd-client.crt"),
      keyPem: await pki("etcd-client.key"),
    };
    const connections = Array.from({ length: 15 }, (_, i) =>
      connectEtcd({ url: `https://127.0.0.1:${ours.etcdPorts[i % 3] ?? 0}`, tls, timeoutMs: 20_000 }),
    );
    rows.push(...(await storeRows("triarch (mutual TLS)", connections)));
    await Promise.all(connections.map((one) => one.close()));
  } finally {
    await ours.close();
  }
  const peer = await startEtcd(basePort + 200);
  if (peer === undefined) {
    process.stderr.write("etcd is not installed: no peer in this run\n");
    return rows;
  }
  try {
    const connections = Array.from({ length: 15 }, (_, i) =>
      connectEtcd({ url: peer.urls[i % 3] ?? "", timeoutMs: 20_000 }),
    );
    rows.push(...(await storeRows("etcd (plain)", connections)));
    await Promise.all(connections.map((one) => one.close()));
  } finally {
    await peer.close();
  }
  return rows;
}

async function benchApi(): Promise<Row[]> {
  const cluster = await startMasters(basePort);
  const client = await kubeClientFromFile(cluster.kubeconfig, {
    clock: systemClock,
    rng: seededRng(1),
    userAgent: "bench",
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
    return [
      await measure("create ConfigMap 1 kB", 1, create),
      await measure("create ConfigMap 1 kB", 64, create),
      await measure("get ConfigMap", 1, get),
      await measure("get ConfigMap", 64, get),
    ];
  } finally {
    await client.close();
    await cluster.close();
  }
}

const benchmarks: Readonly<Record<string, () => Promise<Row[]>>> = { store: benchStore, api: benchApi };

const [name = ""] = positionals;
const benchmark = benchmarks[name];
if (benchmark === undefined) {
  process.stderr.write(`which benchmark? one of: ${Object.keys(benchmarks).join(", ")}\n`);
  process.exitCode = 2;
} else {
  const rows = await benchmark();
  if (values.json) console.log(JSON.stringify(rows, undefined, 2));
  else
    console.table(
      Object.fromEntries(
        rows.map((row) => [
          `${row.what}, ${row.clients} clients`,
          {
            "per s": Math.round(row.perSecond),
            "p50 ms": Number(row.p50Ms.toFixed(2)),
            "p99 ms": Number(row.p99Ms.toFixed(2)),
          },
        ]),
      ),
    );
}
