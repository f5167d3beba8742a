/**
 * A lone member that carries out a fixed list of requests and is killed at a given point between its log, its memory and
 * its database. Every request makes one revision, so the next life goes on where the revision stands. At the end of the
 * list it writes its hash. What is acknowledged is written to standard output at once, as a line.
 */
import { writeSync } from "node:fs";
import { ClassicLevel } from "classic-level";
import { seededRng, utf8 } from "@triarch/base";
import { startStore, type EtcdServer } from "@triarch/etcd-server";
import { startRaftNode, type RaftNode, type RaftNodeOptions } from "@triarch/raft-node";
import { silentLogger } from "@triarch/telemetry";
import { nodeWalDisk, type WalDisk, type WalFile } from "@triarch/wal";

export const crashPoints = [
  "before the log is written",
  "before the log is synced",
  "after the log is synced",
  "before applying",
  "after applying",
  "before the database is written",
  "after the database is written",
] as const;
export type CrashPoint = (typeof crashPoints)[number];

export interface RestartConfig {
  readonly dataDir: string;
  readonly requests: number;
  /** Undefined: goes to the end. */
  readonly crash: { readonly point: CrashPoint; readonly occurrence: number } | undefined;
}

export type RestartLine = { readonly revision: number } | { readonly hash: number; readonly revision: number };

const requestsTogether = 4;
const keyCount = 12;
/** History that stays, and how often the rest is compacted away. */
const keptRevisions = 30;
const compactEvery = 40;

/** Only when this file is a program, not when the test takes its types. */
if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2] ?? "") as RestartConfig);

async function main({ dataDir, requests, crash }: RestartConfig): Promise<void> {
  let left = crash?.occurrence ?? 0;
  const reach = (point: CrashPoint): void => {
    if (point !== crash?.point) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, "SIGKILL");
  };
  reachDatabase(reach);
  const store = await startStore({
    ...{
      name: "m1",
      dataDir,
      clusterToken: "restart",
      initialMembers: [{ name: "m1", peerUrls: ["http://127.0.0.1:1"] }],
    },
    listenPeer: { host: "127.0.0.1", port: 0 },
    timing: { tickMs: 10 },
    requestTimeoutMs: 60_000,
    autoCompaction: { mode: "off" },
    startRaft: (options) => startWatched(options, reach),
    logger: silentLogger,
    onFatal: (error) => {
      throw error;
    },
  });
  const { server } = store;
  for (let done = (await server.readBarrier()) - 1; done < requests; done += requestsTogether) {
    const group = Array.from({ length: Math.min(requestsTogether, requests - done) }, (_, i) => done + i);
    const revisions = await Promise.all(group.map((index) => carryOut(server, index)));
    for (const revision of revisions) tell({ revision });
    if (done % compactEvery < requestsTogether) await compact(server, Math.max(...revisions) - keptRevisions);
  }
  await compact(server, requests + 1 - keptRevisions);
  const { hash } = await server.hashKv({ revision: 0 });
  tell({ hash, revision: await server.readBarrier() });
  await store.close();
}

/** Has left this process when it returns: what is told counts as acknowledged. */
function tell(line: RestartLine): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      // The pipe is full: its reader is another process, and goes on.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}

/** Request `index` is the same in every life and makes exactly one revision. */
async function carryOut(server: EtcdServer, index: number): Promise<number> {
  const rng = seededRng(index);
  const key = utf8(`k${rng.int(keyCount)}`);
  const value = utf8(`${index} ${"x".repeat(rng.int(200))}`);
  const kind = rng.int(3);
  if (kind === 0) return (await server.put({ key, value })).header?.revision ?? 0;
  const other = utf8(`t${rng.int(keyCount)}`);
  const success = [{ requestDeleteRange: { key } }, { requestPut: { key: other, value } }];
  return (await server.txn({ success, failure: [] })).header?.revision ?? 0;
}

async function compact(server: EtcdServer, revision: number): Promise<void> {
  // Done already, by an earlier life, or nothing to do.
  if (revision > 1) await server.compact({ revision, physical: true }).catch(() => undefined);
}

function startWatched(options: RaftNodeOptions, reach: (point: CrashPoint) => void): Promise<RaftNode> {
  const { stateMachine } = options;
  return startRaftNode({
    ...options,
    walDisk: watchedDisk(nodeWalDisk(`${options.dir}/wal`), reach),
    stateMachine: {
      apply: (entries, position) => {
        if (entries.length > 0) reach("before applying");
        stateMachine.apply(entries, position);
        if (entries.length > 0) reach("after applying");
      },
      confChanged: (...args) => stateMachine.confChanged(...args),
      durableIndex: () => stateMachine.durableIndex(),
      snapshotStream: () => stateMachine.snapshotStream(),
      installSnapshot: (...args) => stateMachine.installSnapshot(...args),
    },
  });
}

function watchedDisk(disk: WalDisk, reach: (point: CrashPoint) => void): WalDisk {
  const watched = (file: WalFile): WalFile => ({
    ...file,
    write: async (bytes, position) => {
      reach("before the log is written");
      await file.write(bytes, position);
      reach("before the log is synced");
    },
    fdatasync: async () => {
      await file.fdatasync();
      reach("after the log is synced");
    },
  });
  return { ...disk, open: async (...args) => watched(await disk.open(...args)) };
}

/** The database's batches, whoever writes them. */
function reachDatabase(reach: (point: CrashPoint) => void): void {
  const original = Reflect.get(ClassicLevel.prototype, "_batch") as (...args: unknown[]) => Promise<void>;
  Reflect.set(ClassicLevel.prototype, "_batch", async function (this: unknown, ...args: unknown[]): Promise<void> {
    reach("before the database is written");
    await original.apply(this, args);
    reach("after the database is written");
  });
}
