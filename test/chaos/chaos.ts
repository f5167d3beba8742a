// One run: clients and watchers against three members, faults meanwhile, then everything healed, read and judged.
import { seededRng, utf8 } from "@triarch/base";
import { checkKeys, checkRevisions, overlapOf, watchGuarantees } from "@triarch/linearizability";
import type { KeyInput, KeyOperation, KeyOutput, KeysVerdict, Operation, SeenEvent } from "@triarch/linearizability";
import { rpcs } from "../support/etcd/rpc.ts";
import { until } from "../support/until.ts";
import { ChaosClient, clientCount, keys } from "./clients.ts";
import { ChaosCluster } from "./cluster.ts";
import { faultMakers, type Fault } from "./faults.ts";
import { makeNetwork, needsNamespaces } from "./network.ts";
import { ChaosWatcher, readHistory } from "./watchers.ts";

export interface ChaosOptions {
  readonly durationMs: number;
  readonly seed: number;
  /** Program of a member; another one for planted bugs. */
  readonly program?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (line: string) => void;
}

export interface ChaosReport {
  readonly seed: number;
  readonly seconds: number;
  readonly operations: number;
  /** Share of operations that were under way together with another one. */
  readonly overlap: number;
  /** Share of operations of which nobody knows what came of them. */
  readonly unknown: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly watchEvents: number;
  readonly watchConnections: number;
  readonly linearizability: KeysVerdict["kind"];
  /** Whatever breaks a promise, a line for each; empty: none. */
  readonly breaches: readonly string[];
  /** Why some kinds of faults were left out. */
  readonly leftOut: string | undefined;
}

/** Less overlap tests too little. */
export const overlapMin = 0.5;
/** A run goes on past its time until it has seen so many: on a busy machine faults take long. */
const faultsMin = 4;
const faultMs = { min: 600, spread: 1_800 };
const restMs = { min: 800, spread: 1_200 };
const convergeTimeoutMs = 60_000;
const breachesMax = 40;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const leftOut = await needsNamespaces();
  const isolated = leftOut === false;
  const network = isolated ? await makeNetwork(3) : undefined;
  try {
    const { program } = options;
    const cluster = await ChaosCluster.start({
      ...{ network, smallDisks: isolated },
      ...(program === undefined ? {} : { program }),
    });
    try {
      const run = new ChaosRun(options, cluster);
      const context = { cluster, network, smallDisks: isolated, rng: seededRng(options.seed) };
      const faults = await run.disturb(faultMakers(context));
      return { ...(await run.judge()), faults, leftOut: leftOut === false ? undefined : leftOut };
    } finally {
      await cluster.close();
    }
  } finally {
    await network?.close();
  }
}

class ChaosRun {
  readonly #options: ChaosOptions;
  readonly #cluster: ChaosCluster;
  readonly #clients: readonly ChaosClient[];
  readonly #watchers: readonly ChaosWatcher[];
  readonly #startedAt = performance.now();
  /** Set when the members did not come together again: then only what the clients saw is judged. */
  #stuck: string | undefined;

  constructor(options: ChaosOptions, cluster: ChaosCluster) {
    this.#options = options;
    this.#cluster = cluster;
    this.#clients = Array.from(
      { length: clientCount },
      (_, client) => new ChaosClient(client, cluster, seededRng(options.seed + 1 + client)),
    );
    this.#watchers = cluster.all.map((member) => new ChaosWatcher(`watcher ${member + 1}`, cluster, member, 2));
  }

  /** @returns how often each kind of fault came */
  async disturb(makers: readonly (() => Promise<Fault>)[]): Promise<Readonly<Record<string, number>>> {
    const stop = new AbortController();
    const rng = seededRng(this.#options.seed);
    const counts: Record<string, number> = {};
    const working = this.#clients.map((client) => client.run(stop.signal));
    const watching = this.#watchers.map((watcher) => watcher.run(stop.signal));
    // Every kind in turn, in an order of the seed's.
    const order = makers.map((maker) => ({ maker, at: rng.next() })).sort((left, right) => left.at - right.at);
    try {
      for (let i = 0; !this.#isOver(i); i++) {
        const fault = await order[i % order.length]?.maker();
        if (fault === undefined) break;
        counts[fault.kind] = (counts[fault.kind] ?? 0) + 1;
        this.#tell(fault.kind);
        await fault.start();
        await this.#wait(faultMs.min + rng.int(faultMs.spread));
        await fault.heal();
        this.#tell("healed");
        await this.#wait(restMs.min + rng.int(restMs.spread));
        for (const member of this.#cluster.all) await this.#cluster.startMember(member);
      }
      await this.#cluster.leader();
      const revision = await this.#converge();
      for (const watcher of this.#watchers) await watcher.finish(revision);
    } catch (error) {
      this.#stuck = `not well again after everything was healed: ${String(error)}`;
    } finally {
      stop.abort();
      await Promise.all([...working, ...watching]);
    }
    return counts;
  }

  async judge(): Promise<Omit<ChaosReport, "faults" | "leftOut">> {
    const stored = this.#stuck === undefined ? await this.#storedLines() : [this.#stuck];
    const history = this.#clients.flatMap((client) => client.history);
    const verdict = checkKeys(history);
    const traces = this.#watchers.flatMap((watcher) => watcher.traces);
    const breaches = [...this.#cluster.unexpected, ...verdictLines(verdict), ...checkRevisions(history), ...stored];
    for (const one of [...this.#clients, ...this.#watchers]) one.close();
    return {
      seed: this.#options.seed,
      seconds: Math.round((performance.now() - this.#startedAt) / 1000),
      operations: history.length,
      overlap: overlapOf(history),
      unknown: history.filter((operation) => operation.output === undefined).length / Math.max(1, history.length),
      watchEvents: traces.reduce((sum, { answers }) => sum + eventCount(answers), 0),
      watchConnections: traces.length,
      linearizability: verdict.kind,
      breaches: breaches.slice(0, breachesMax),
    };
  }

  /** What clients and watchers were told, held against what the store has in the end. */
  async #storedLines(): Promise<readonly string[]> {
    for (const client of this.#clients) for (const key of keys) await client.operate(key, "get");
    const connection = this.#cluster.connect(0);
    try {
      const { header } = await connection.unary(rpcs.range, { key: utf8("c/1") });
      const revision = header?.revision ?? 0;
      const happened = await readHistory(connection, revision);
      const traces = this.#watchers.flatMap((watcher) => watcher.traces);
      return [
        ...acknowledgedLines(
          this.#clients.flatMap((client) => client.history),
          happened,
        ),
        ...traces.flatMap((trace) =>
          Object.entries(watchGuarantees).flatMap(([name, check]) =>
            check(trace, happened).map((line) => `watch not ${name}: ${line}`),
          ),
        ),
        ...(await this.#hashLines(revision)),
      ];
    } finally {
      connection.close();
    }
  }

  /** Waits until all members answer, and are where the others are. @returns their revision */
  async #converge(): Promise<number> {
    const revisions = await Promise.all(
      this.#cluster.all.map(async (member) => {
        const connection = this.#cluster.connect(member);
        try {
          return await until(`m${member + 1} to answer`, convergeTimeoutMs, async () => {
            const { header } = await connection.unary(rpcs.range, { key: utf8("c/1") }, { timeoutMs: 5_000 });
            return header?.revision;
          });
        } finally {
          connection.close();
        }
      }),
    );
    return Math.max(...revisions);
  }

  /** All members hold the same rows. */
  async #hashLines(revision: number): Promise<readonly string[]> {
    const hashes = await Promise.all(
      this.#cluster.all.map(async (member) => {
        const connection = this.#cluster.connect(member);
        await connection.unary(rpcs.range, { key: utf8("c/1") });
        const { hash } = await connection.unary(rpcs.hashKv, { revision });
        connection.close();
        return hash;
      }),
    );
    return new Set(hashes).size === 1 ? [] : [`hashes at revision ${revision} differ: ${hashes.join(", ")}`];
  }

  #isOver(faults: number): boolean {
    const { durationMs, signal } = this.#options;
    if (signal?.aborted === true) return true;
    return faults >= faultsMin && performance.now() - this.#startedAt >= durationMs;
  }

  async #wait(ms: number): Promise<void> {
    if (this.#options.signal?.aborted !== true) await new Promise((resolve) => setTimeout(resolve, ms));
  }

  #tell(what: string): void {
    const operations = this.#clients.reduce((sum, client) => sum + client.history.length, 0);
    const seconds = Math.round((performance.now() - this.#startedAt) / 1000);
    this.#options.onProgress?.(`${seconds} s, ${operations} operations, ${what}`);
  }
}

function verdictLines({ keys: verdicts }: KeysVerdict): readonly string[] {
  return [...verdicts].flatMap(([key, verdict]) => {
    if (verdict.kind === "linearizable") return [];
    if (verdict.kind === "undecided") return [`${key}: undecided after ${verdict.configurations} configurations`];
    const last = verdict.done.slice(-3).map(operationText).join("; ");
    const stuck = verdict.stuck.map(operationText).join("; ");
    return [
      `${key}: not linearizable after ${verdict.done.length} operations. Last: ${last}. None of these can come next: ${stuck}`,
    ];
  });
}

function operationText({ client, input, output, calledAt, returnedAt }: Operation<KeyInput, KeyOutput>): string {
  const times = `${calledAt.toFixed(1)}-${output === undefined ? "" : returnedAt.toFixed(1)} ms`;
  return `client ${client} ${JSON.stringify(input)} -> ${JSON.stringify(output) ?? "unknown"} at ${times}`;
}

/** What was acknowledged is in the store's history, at the revision that was told; no value is there twice. */
function acknowledgedLines(history: readonly KeyOperation[], happened: readonly SeenEvent[]): readonly string[] {
  const text = (kind: string, key: string, revision: number, value: string): string =>
    `${kind} ${key}=${value}@${revision}`;
  const there = new Set(happened.map((event) => text(event.kind, event.key, event.modRevision, event.value)));
  const values = happened.filter((event) => event.kind === "put").map((event) => event.value);
  const twice = values.filter((value, i) => values.indexOf(value) !== i);
  return [
    ...history.flatMap(({ key, input, output }) => {
      if (output?.kind !== "written") return [];
      const value = "value" in input ? input.value : "";
      const wanted = text(input.kind === "delete" ? "delete" : "put", key, output.revision, value);
      return there.has(wanted) ? [] : [`acknowledged and not in the store's history: ${wanted}`];
    }),
    ...twice.map((value) => `the write of ${value} took effect twice`),
  ];
}

function eventCount(answers: ChaosWatcher["traces"][number]["answers"]): number {
  return answers.reduce((sum, answer) => sum + (answer.kind === "events" ? answer.events.length : 0), 0);
}
