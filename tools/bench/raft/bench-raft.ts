// Consensus alone: three members of ours as processes; failover beside three real etcd members on the same hosts.
import { median, progress, short, table, worst } from "../figures.ts";
import { medianSyncMs } from "./disk-sync.ts";
import { EtcdCluster, type EtcdMember } from "./etcd-members.ts";
import { benchBusy, busyTable } from "./busy.ts";
import { failovers, type Fault } from "./failover.ts";
import { openHosts, type BenchHosts } from "./hosts.ts";
import type { LoadResult } from "./protocol.ts";
import { RaftCluster, type RaftMember } from "./raft-cluster.ts";

const basePort = 23_400;
const entryBytes = 256;
const attemptsMax = 3;

/** Rounds of each fault; a kill is the case that matters most. */
const faultRounds: Readonly<Record<Fault, number>> = { kill: 50, stop: 9, partition: 9, handOver: 15 };
const faultNames: Readonly<Record<Fault, string>> = {
  kill: "leader SIGKILL to next accepted proposal",
  stop: "leader SIGSTOP to next accepted proposal",
  partition: "leader cut off to next accepted proposal",
  handOver: "hand-over, longest gap",
};

interface LoadRow {
  readonly proposers: number;
  readonly runs: readonly LoadResult[];
}

interface FaultRow {
  readonly fault: Fault;
  readonly ours: readonly number[];
  readonly etcd: readonly number[] | undefined;
}

export interface RaftBenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Scales the rounds of each fault: 1 is 50 kills. 0 leaves failover out. */
  readonly faults: number;
  /** Only faults whose name holds this. */
  readonly only: string | undefined;
  /** Seconds under each heavy load; 0 leaves them out. */
  readonly busy: number;
  readonly json: boolean;
}

export async function benchRaft(options: RaftBenchOptions): Promise<string> {
  const hosts = await openHosts("trb", "10.203.77");
  try {
    const syncMs = await medianSyncMs();
    const load = options.rounds === 0 ? [] : await loadRows(hosts, options);
    const syncAfterMs = await medianSyncMs();
    const faults = options.faults === 0 ? [] : await faultRows(hosts, options.faults, options.only);
    const busy = options.busy === 0 ? [] : await benchBusy(options.busy);
    if (options.json) return JSON.stringify({ syncMs, syncAfterMs, load, faults, busy }, undefined, 2);
    return [
      ...(load.length === 0 ? [] : [loadTable(load, syncMs, syncAfterMs)]),
      ...(faults.length === 0 ? [] : [faultTable(faults)]),
      ...(busy.length === 0 ? [] : [busyTable(busy)]),
    ].join("\n\n");
  } finally {
    await hosts.close();
  }
}

async function loadRows(hosts: BenchHosts, { rounds, seconds }: RaftBenchOptions): Promise<LoadRow[]> {
  const cluster = await RaftCluster.start(hosts, basePort);
  try {
    await (await cluster.settled()).load(64, entryBytes, 1_500); // warm up
    const rows: LoadRow[] = [];
    for (const proposers of [1, 64, 256]) {
      const runs: LoadResult[] = [];
      for (let round = 0; round < rounds; round++) {
        const run = await undisturbed(cluster, proposers, seconds * 1_000);
        runs.push(run);
        progress(`${proposers} proposers, round ${round + 1}/${rounds}: ${short(run.perSecond)}/s`);
      }
      rows.push({ proposers, runs });
    }
    return rows;
  } finally {
    await cluster.close();
  }
}

/** A machine that is too busy brings an election about: such a round says nothing, and is told and run again. */
async function undisturbed(cluster: RaftCluster, proposers: number, durationMs: number): Promise<LoadResult> {
  for (let attempt = 1; ; attempt++) {
    const leader = await cluster.settled();
    try {
      return await leader.load(proposers, entryBytes, durationMs);
    } catch (error) {
      if (attempt === attemptsMax) throw error;
      progress(`${proposers} proposers: ${String(error)}; again`);
    }
  }
}

async function faultRows(hosts: BenchHosts, share: number, only: string | undefined): Promise<FaultRow[]> {
  const faults = (Object.keys(faultRounds) as Fault[])
    .filter((fault) => fault !== "partition" || hosts.cut !== undefined)
    .filter((fault) => only === undefined || fault.includes(only));
  if (hosts.cut === undefined) progress("no partitions: they need root and network namespaces");
  const rounds = (fault: Fault): number => Math.max(1, Math.round(faultRounds[fault] * share));
  const told = (who: string, fault: Fault) => (done: number, gapMs: number) =>
    progress(`${who}: ${fault} ${done}/${rounds(fault)}: ${short(gapMs)} ms`);
  const hostCut = hosts.cut;
  const cut = hostCut && (({ id }: { readonly id: number }, on: boolean) => hostCut(id - 1, on));

  const ours = new Map<Fault, number[]>();
  const cluster = await RaftCluster.start(hosts, basePort);
  try {
    const handOver = async (from: RaftMember, to: RaftMember): Promise<void> =>
      from.order({ kind: "transfer", to: to.id });
    for (const fault of faults) {
      ours.set(
        fault,
        await failovers<RaftMember>(cluster, { handOver, cut }, fault, rounds(fault), told("triarch", fault)),
      );
    }
  } finally {
    await cluster.close();
  }

  const theirs = new Map<Fault, number[]>();
  const peer = await EtcdCluster.start(hosts, basePort + 100);
  try {
    if (peer === undefined) progress("etcd is not installed: no peer in this run");
    else {
      const handOver = async (
        from: (typeof peer.members)[number],
        to: (typeof peer.members)[number],
      ): Promise<void> => {
        const target = await to.status();
        if (target !== undefined) await from.moveLeader(target.self);
      };
      for (const fault of faults) {
        // A second and more each time: a fifth of the rounds tells enough.
        const few = fault === "kill" ? Math.max(1, Math.round(rounds(fault) / 5)) : rounds(fault);
        theirs.set(fault, await failovers<EtcdMember>(peer, { handOver, cut }, fault, few, told("etcd", fault)));
      }
    }
  } finally {
    await peer?.close();
  }
  return faults.map((fault) => ({ fault, ours: ours.get(fault) ?? [], etcd: theirs.get(fault) }));
}

function loadTable(rows: readonly LoadRow[], syncMs: number, syncAfterMs: number): string {
  const head = ["256-byte entries", "per s", "p50 ms", "p99 ms", "leader CPU us", "leader heap B"];
  const body = rows.map(({ proposers, runs }) => {
    const of = (pick: (run: LoadResult) => number): string => short(median(runs.map(pick)));
    return [
      `${proposers} ${proposers === 1 ? "proposer" : "proposers"}`,
      ...[of((run) => run.perSecond), of((run) => run.p50Ms), of((run) => run.p99Ms)],
      ...[of((run) => run.cpuMicrosPerEntry), of((run) => run.heapBytesPerEntry)],
    ];
  });
  const one = median(rows[0]?.runs.map((run) => run.p50Ms) ?? []);
  const sync = (syncMs + syncAfterMs) / 2;
  const note = `fdatasync of 4 KiB: median ${short(syncMs)} ms before, ${short(syncAfterMs)} ms after; one proposer's commit is ${short(one - sync)} ms above it`;
  return `${table(head, body)}\n\n${note}`;
}

function faultTable(rows: readonly FaultRow[]): string {
  const head = ["milliseconds", "rounds", "median", "worst", "etcd median", "etcd worst", "ratio of medians"];
  const body = rows.map(({ fault, ours, etcd }) => [
    ...[faultNames[fault], String(ours.length), short(median(ours)), short(worst(ours))],
    ...(etcd === undefined
      ? ["-", "-", "-"]
      : [short(median(etcd)), short(worst(etcd)), short(median(ours) / median(etcd))]),
  ]);
  return table(head, body);
}
