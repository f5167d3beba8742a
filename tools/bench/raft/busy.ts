// Raft's pace while its process is busy: whole masters under heavy reading, one kind of load after the other. There must
// be no election, and a follower must hear from its leader well within the election timeout.
import { Agent, request } from "undici";
import {
  HashKvRequest,
  PutRequest,
  RangeRequest,
  SnapshotRequest,
  WatchRequest,
  WatchResponse,
} from "@triarch/etcd-proto";
import { utf8 } from "@triarch/base";
import { LoadConnection } from "../etcd/grpc-load.ts";
import { progress, short, table } from "../figures.ts";
import { closedLoop } from "../load.ts";
import { startMasters, type MasterCluster } from "../masters.ts";
import { heartbeats, quantileMs, term } from "./heartbeats.ts";

const basePort = 23_900;
const listedObjects = 10_000;
const objectBytes = 2_000;
const rangedKeys = 100_000;
const watcherCount = 10_000;
const listClients = 50;
const connectionCount = 6;
/** Default timing: ten ticks of 50 ms. */
const electionTimeoutMs = 500;

export interface BusyRow {
  readonly load: string;
  readonly perSecond: number;
  readonly elections: number;
  /** A follower's wait for its leader, beyond the heartbeat interval. */
  readonly delayP99Ms: number;
}

interface Loaded {
  readonly masters: MasterCluster;
  readonly connections: readonly LoadConnection[];
  readonly agent: Agent;
}

interface BusyLoad {
  readonly name: string;
  readonly clients: number;
  /** @returns what each client does again and again */
  prepare(loaded: Loaded): Promise<(n: number) => Promise<unknown>>;
}

const connectionOf = ({ connections }: Loaded, n: number): LoadConnection =>
  connections[n % connections.length] as LoadConnection;

const unary = (name: string, path: string, message: Uint8Array, clients: number): BusyLoad => ({
  ...{ name, clients },
  prepare: async (loaded) => (n) => connectionOf(loaded, n).unary(path, message),
});

const held = { key: utf8("held/"), rangeEnd: utf8("held0") };

const loads: readonly BusyLoad[] = [
  { name: "nothing else", clients: 1, prepare: async () => () => new Promise((resolve) => setTimeout(resolve, 100)) },
  {
    name: `lists of ${listedObjects} objects of 2 kB`,
    clients: listClients,
    prepare:
      async ({ masters, agent }) =>
      async (n) => {
        const url = `${masters.apiUrls[n % masters.apiUrls.length] ?? ""}/api/v1/namespaces/default/configmaps`;
        const { body } = await request(url, { dispatcher: agent });
        for await (const chunk of body) void chunk;
      },
  },
  unary(`Range of ${rangedKeys} keys of 1 kB`, "/etcdserverpb.KV/Range", RangeRequest.encode(held), 3),
  {
    name: "a snapshot being saved",
    clients: 3,
    prepare: async (loaded) => (n) =>
      new Promise<void>((resolve) => {
        const path = "/etcdserverpb.Maintenance/Snapshot";
        const stream = connectionOf(loaded, n).stream(path, () => undefined, resolve);
        stream.end(SnapshotRequest.encode({}));
      }),
  },
  unary("HashKV", "/etcdserverpb.Maintenance/HashKV", HashKvRequest.encode({}), 3),
  { name: `a put to ${watcherCount} watchers`, clients: 4, prepare: watchers },
];

export async function benchBusy(seconds: number): Promise<readonly BusyRow[]> {
  const masters = await startMasters(basePort);
  const connections = Array.from(
    { length: connectionCount },
    (_, i) => new LoadConnection(masters.etcdUrls[i % 3] ?? "", masters.etcdTls),
  );
  const agent = new Agent({
    connect: { ...masters.adminTls },
    connections: listClients,
    bodyTimeout: 0,
    allowH2: false,
  });
  const loaded = { masters, connections, agent };
  try {
    await Promise.all(connections.map((connection) => connection.ready()));
    progress(`filling: ${rangedKeys} keys of 1 kB, ${listedObjects} objects of ${objectBytes} B`);
    await fill(loaded);
    const rows: BusyRow[] = [];
    for (const load of loads) rows.push(await underLoad(loaded, load, seconds));
    return rows;
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
    await agent.destroy();
    await masters.close();
  }
}

async function underLoad(loaded: Loaded, load: BusyLoad, seconds: number): Promise<BusyRow> {
  const { connections, masters } = loaded;
  const one = await load.prepare(loaded);
  const termBefore = await term(connections);
  const before = await heartbeats(masters);
  const { perSecond } = await closedLoop(load.clients, seconds * 1_000, one);
  const after = await heartbeats(masters);
  const row: BusyRow = {
    ...{ load: load.name, perSecond, elections: (await term(connections)) - termBefore },
    delayP99Ms: quantileMs(before, after, 0.99),
  };
  progress(`${load.name}: ${row.elections} elections, p99 ${short(row.delayP99Ms)} ms`);
  return row;
}

async function fill(loaded: Loaded): Promise<void> {
  const value = new Uint8Array(1_000).fill(122);
  await closedUntil(rangedKeys, 256, (n) => {
    const message = PutRequest.encode({ key: utf8(`held/${String(n).padStart(8, "0")}`), value });
    return connectionOf(loaded, n).unary("/etcdserverpb.KV/Put", message);
  });
  const data = { value: "x".repeat(objectBytes - 300) };
  await closedUntil(listedObjects, listClients, async (n) => {
    const body = JSON.stringify({ metadata: { name: `listed-${n}` }, data });
    const url = `${loaded.masters.apiUrls[n % 3] ?? ""}/api/v1/namespaces/default/configmaps`;
    const headers = { "content-type": "application/json" };
    const answer = await request(url, { method: "POST", body, headers, dispatcher: loaded.agent });
    if (answer.statusCode !== 201) throw new Error(`create: ${answer.statusCode} ${await answer.body.text()}`);
    await answer.body.dump();
  });
}

async function closedUntil(count: number, clients: number, one: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) await one(n);
  };
  await Promise.all(Array.from({ length: clients }, work));
}

async function watchers(loaded: Loaded): Promise<(n: number) => Promise<unknown>> {
  let created = 0;
  const ready = Promise.withResolvers<void>();
  for (const connection of loaded.connections) {
    const stream = connection.stream("/etcdserverpb.Watch/Watch", (bytes) => {
      if (created < watcherCount && WatchResponse.decode(bytes).created && ++created === watcherCount) ready.resolve();
    });
    for (let i = loaded.connections.indexOf(connection); i < watcherCount; i += connectionCount) {
      stream.send(WatchRequest.encode({ createRequest: { key: utf8("watched/"), rangeEnd: utf8("watched0") } }));
    }
  }
  await ready.promise;
  const value = new Uint8Array(64).fill(119);
  return (n) =>
    connectionOf(loaded, n).unary("/etcdserverpb.KV/Put", PutRequest.encode({ key: utf8(`watched/${n % 10}`), value }));
}

export function busyTable(rows: readonly BusyRow[]): string {
  const head = ["while busy with", "requests/s", "elections", "heartbeat delay p99 ms"];
  const body = rows.map((row) => [row.load, short(row.perSecond), String(row.elections), short(row.delayP99Ms)]);
  return `${table(head, body)}\n\nhalf the election timeout: ${electionTimeoutMs / 2} ms`;
}
