// One Raft member in a process of its own: the production driver, log and peer connections around a state machine that
// only counts. Proposers run inside this process, so nothing but consensus is measured.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { getHeapStatistics } from "node:v8";
import { seededRng } from "@triarch/base";
import type { Entry } from "@triarch/raft";
import { startRaftNode } from "@triarch/raft-node";
import type { LogPosition, OutgoingSnapshot, RaftNode, SnapshotMeta, StateMachine } from "@triarch/raft-node";
import { machineClockMs } from "./protocol.ts";
import type { LoadResult, Probe, RaftMemberConfig, RaftOrder, RaftReport } from "./protocol.ts";

const probeEveryMs = 1;
const probesInFlightMax = 256;
/** The counter says that it is on disk up to the last multiple of this; keeps the log short. */
const durableEvery = 5_000;

/** Entries begin with member, stream and number, so that each proposer knows its own. */
const headerBytes = 24;

class Counter implements StateMachine {
  applied: LogPosition = { index: 0, term: 0 };
  onOwn: (stream: number, number: number) => void = () => undefined;
  readonly #member: number;
  readonly #file: string;
  #durable: LogPosition;

  constructor(member: number, file: string) {
    this.#member = member;
    this.#file = file;
    this.#durable = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as LogPosition) : { index: 0, term: 0 };
    this.applied = this.#durable;
  }

  apply(entries: readonly Entry[], position: LogPosition): void {
    for (const { data } of entries) {
      const view = new DataView(data.buffer, data.byteOffset, headerBytes);
      if (view.getFloat64(0) === this.#member) this.onOwn(view.getFloat64(8), view.getFloat64(16));
    }
    this.#moved(position);
  }

  confChanged(_confState: unknown, entry: Entry): void {
    this.#moved(entry);
  }

  durableIndex(): number {
    return this.#durable.index;
  }

  snapshotStream(): OutgoingSnapshot {
    return { ...this.#durable, chunks: nothing() };
  }

  async installSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) void chunk;
    this.#flushed(meta);
    this.applied = this.#durable;
  }

  #moved({ index, term }: LogPosition): void {
    this.applied = { index, term };
    if (index - this.#durable.index >= durableEvery) this.#flushed(this.applied);
  }

  /** Not synced: these members lose their processes, never their machine. */
  #flushed({ index, term }: LogPosition): void {
    this.#durable = { index, term };
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.#durable));
    renameSync(`${this.#file}.new`, this.#file);
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

const config = JSON.parse(process.argv[2] ?? "") as RaftMemberConfig;
const counter = new Counter(config.id, `${config.dir}.durable`);
const node: RaftNode = await startRaftNode({
  id: BigInt(config.id),
  clusterId: 0xbe7cn,
  dir: config.dir,
  initialMembers: Object.entries(config.peerUrls).map(([id, peerUrl]) => ({ id: BigInt(id), peerUrl })),
  listen: { host: config.host, port: config.port },
  tls: config.tls,
  stateMachine: counter,
  rng: seededRng(config.id * 7919 + process.pid),
  onFatal: (error) => {
    throw error;
  },
});

function entry(stream: number, number: number, bytes: number): Uint8Array {
  const data = new Uint8Array(Math.max(bytes, headerBytes));
  const view = new DataView(data.buffer);
  view.setFloat64(0, config.id);
  view.setFloat64(8, stream);
  view.setFloat64(16, number);
  return data;
}

async function load(proposers: number, entryBytes: number, durationMs: number): Promise<LoadResult> {
  const latencies: number[] = [];
  const sentMs = new Float64Array(proposers);
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  const allocated = getHeapStatistics().total_allocated_bytes;
  let open = proposers;
  const done = Promise.withResolvers<void>();
  const propose = (stream: number, number: number): void => {
    sentMs[stream] = performance.now();
    const outcome = node.propose(entry(stream, number, entryBytes));
    if (outcome !== "accepted") done.reject(new Error(`proposal ${outcome}`));
  };
  counter.onOwn = (stream, number) => {
    const now = performance.now();
    latencies.push(now - (sentMs[stream] ?? now));
    if (now - startedMs < durationMs) propose(stream, number + 1);
    else if (--open === 0) done.resolve();
  };
  // What another leader does not know of would be waited for in vain.
  const stopLooking = node.onLeaderChange(() => done.reject(new Error("leadership was lost under the load")));
  for (let stream = 0; stream < proposers; stream++) propose(stream, 0);
  await done.promise.finally(stopLooking);
  const seconds = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const count = latencies.length;
  const heapBytes = getHeapStatistics().total_allocated_bytes - allocated;
  latencies.sort((left, right) => left - right);
  const at = (share: number): number => latencies[Math.min(count - 1, Math.floor(count * share))] ?? 0;
  return {
    perSecond: count / seconds,
    ...{ p50Ms: at(0.5), p99Ms: at(0.99) },
    ...{ cpuMicrosPerEntry: (user + system) / count, heapBytesPerEntry: heapBytes / count },
  };
}

let probing: NodeJS.Timeout | undefined;
let probes: Probe[] = [];

function probe(): void {
  const open = new Map<number, number>();
  const stream = machineClockMs();
  let next = 0;
  probes = [];
  counter.onOwn = (of, number) => {
    const proposedMs = open.get(number);
    if (of !== stream || proposedMs === undefined) return;
    open.delete(number);
    probes.push({ proposedMs, acceptedMs: machineClockMs() });
  };
  probing = setInterval(() => {
    // Those that a dead leader took with it will not come back.
    if (open.size >= probesInFlightMax) open.clear();
    const number = next++;
    if (node.propose(entry(stream, number, 64)) === "accepted") open.set(number, machineClockMs());
  }, probeEveryMs);
}

const report = (message: RaftReport): void => void process.send?.(message);
const state = (): RaftReport => ({
  ...{ kind: "state", leader: Number(node.leader), term: node.term, applied: counter.applied.index },
});

async function obey(order: RaftOrder): Promise<void> {
  switch (order.kind) {
    case "load":
      return report({ kind: "figures", figures: await load(order.proposers, order.entryBytes, order.durationMs) });
    case "probe":
      return probe();
    case "probed":
      clearInterval(probing);
      return report({ kind: "probes", probes });
    case "transfer":
      return node.transferLeadership(BigInt(order.to));
  }
}

node.onLeaderChange(() => report(state()));
setInterval(() => report(state()), 20);
process.on("message", (order: RaftOrder) => {
  obey(order).catch((error: unknown) => report({ kind: "failed", text: String(error) }));
});
process.on("disconnect", () => process.exit());
