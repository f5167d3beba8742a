// Watches: how soon 1,000 of them see an update, and what 10,000 cost that see nothing.
import { setTimeout as delay } from "node:timers/promises";
import { median, progress, short, worst } from "../figures.ts";
import type { BenchBed } from "./bed.ts";
import type { Aim, Figure } from "./figure.ts";
import { configMap } from "./manifests.ts";
import { numberMark, type WatchOrder } from "./protocol.ts";

const namespace = "bench-watches";
const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
const mebibyte = 1024 ** 2;
const updatesPerRound = 10;
/** What opening left behind has gone by then. */
const settleMs = 3_000;

type Protocol = WatchOrder["over"];

export interface WatchCase {
  readonly what: string;
  readonly watches: number;
  readonly over: Protocol;
  readonly of: "latency" | "memory";
  readonly aim: Aim;
}

const protocols: readonly Protocol[] = ["http/1.1", "h2"];

export const watchCases: readonly WatchCase[] = protocols.flatMap((over): WatchCase[] => [
  {
    ...{ what: `an update to 1,000 watchers, ${over}`, watches: 1_000, over, of: "latency" },
    aim: { bound: "at most", value: 60 },
  },
  {
    ...{ what: `10,000 idle watches, ${over}, memory of three masters`, watches: 10_000, over, of: "memory" },
    aim: { bound: "at most", value: 400 },
  },
]);

export async function measureWatches(bed: BenchBed, watch: WatchCase, rounds: number): Promise<Figure> {
  await bed.makeNamespace(namespace);
  try {
    await bed.ask("POST", configMaps, configMap("watched", 1_000));
    const { metadata } = (await bed.ask("GET", configMaps)) as {
      readonly metadata: { readonly resourceVersion: string };
    };
    const path = `${configMaps}?watch=true&resourceVersion=${metadata.resourceVersion}`;
    const order: WatchOrder = { kind: "watch", path, watches: watch.watches, over: watch.over };
    return watch.of === "latency" ? await updatesSeen(bed, watch, order, rounds) : await memoryTaken(bed, watch, order);
  } finally {
    await bed.load.run({ kind: "unwatch" });
    await bed.removeNamespace(namespace);
  }
}

async function updatesSeen(
  bed: BenchBed,
  { what, aim }: WatchCase,
  order: WatchOrder,
  rounds: number,
): Promise<Figure> {
  await bed.load.run(order);
  const update = (value: string): string =>
    JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "watched" }, data: { value } });
  const body = update(`${numberMark}${"x".repeat(1_000)}`);
  const request = { method: "PUT", path: `${configMaps}/watched`, body } as const;
  const times: number[] = [];
  const loadMs: number[] = [];
  const apiMs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = await bed.cpuUse();
    const firstNumber = bed.claimNumbers(updatesPerRound);
    const { seenMs, cpuMs } = await bed.load.run({ kind: "updates", request, updates: updatesPerRound, firstNumber });
    if (round === 0) continue; // warm up
    times.push(...seenMs);
    loadMs.push(cpuMs / updatesPerRound);
    apiMs.push(((await bed.cpuUse()).api - before.api) / updatesPerRound);
    progress(`${what}, round ${round}/${rounds}: ${short(median(seenMs))} ms`);
  }
  const beside = { "worst ms": worst(times), "CPU ms: load": median(loadMs), "api (three masters)": median(apiMs) };
  return { what, value: median(times), unit: " ms", aim, beside };
}

async function memoryTaken(bed: BenchBed, { what, aim, watches }: WatchCase, order: WatchOrder): Promise<Figure> {
  const before = await bed.mastersBytes();
  const startedMs = performance.now();
  await bed.load.run(order);
  const openedMs = performance.now() - startedMs;
  const atOnce = await bed.mastersBytes();
  await delay(settleMs);
  const taken = (await bed.mastersBytes()) - before;
  return {
    ...{ what, value: taken / mebibyte, unit: " MiB", aim },
    beside: {
      "kB each": taken / watches / 1_000,
      "MiB right after opening": (atOnce - before) / mebibyte,
      "opened in s": openedMs / 1_000,
    },
  };
}
