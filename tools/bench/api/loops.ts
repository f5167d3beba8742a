// Closed loops: creates and gets, one connection or 64, spread over the masters.
import { median, progress, short } from "../figures.ts";
import type { BenchBed, CpuUse } from "./bed.ts";
import type { Aim, Figure } from "./figure.ts";
import { configMap, podManifest } from "./manifests.ts";
import { numberMark, type LoopOrder, type LoopResult, type RequestShape } from "./protocol.ts";

export interface LoopCase {
  readonly what: string;
  readonly connections: number;
  /** What the aim is about, and so what the figure says first. */
  readonly of: "perSecond" | "p50Ms";
  readonly aim: Aim;
  readonly request: RequestShape;
  /** Answered alike by every master: creates take new numbers, gets those of so many objects again and again. */
  readonly held?: number;
  readonly namespace: string;
  /** The objects that it leaves. */
  readonly collection: string;
}

const configMaps = "/api/v1/namespaces/bench-maps/configmaps";
const pods = "/api/v1/namespaces/bench-pods/pods";
const heldMaps = 1_000;
const warmUpMs = 1_500;
/** More than a loop sends; numbers stay below what the mark has digits for. */
const numbersPerLoop = 200_000;

const mapsOf = { namespace: "bench-maps", collection: configMaps };
const createMap: RequestShape = { method: "POST", path: configMaps, body: configMap(`map-${numberMark}`, 1_000) };
const createPod: RequestShape = { method: "POST", path: pods, body: podManifest() };
const getMap: RequestShape = { method: "GET", path: `${configMaps}/map-${numberMark}` };
const atLeast = (value: number): Aim => ({ bound: "at least", value });
const atMost = (value: number): Aim => ({ bound: "at most", value });

export const loopCases: readonly LoopCase[] = [
  {
    ...{ what: "create ConfigMap 1 kB, 64 connections", connections: 64, of: "perSecond", aim: atLeast(3_000) },
    ...{ request: createMap, ...mapsOf },
  },
  {
    ...{ what: "create ConfigMap 1 kB, 1 connection", connections: 1, of: "p50Ms", aim: atMost(1.5) },
    ...{ request: createMap, ...mapsOf },
  },
  {
    ...{ what: "create Pod 2.5 kB, 64 connections", connections: 64, of: "perSecond", aim: atLeast(2_000) },
    ...{ request: createPod, namespace: "bench-pods", collection: pods },
  },
  {
    ...{ what: "get ConfigMap 1 kB, 64 connections", connections: 64, of: "perSecond", aim: atLeast(12_000) },
    ...{ request: getMap, held: heldMaps, ...mapsOf },
  },
  {
    ...{ what: "get ConfigMap 1 kB, 1 connection", connections: 1, of: "p50Ms", aim: atMost(0.4) },
    ...{ request: getMap, held: heldMaps, ...mapsOf },
  },
];

interface LoopOptions {
  readonly rounds: number;
  readonly seconds: number;
}

export async function measureLoops(bed: BenchBed, loops: readonly LoopCase[], options: LoopOptions): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const loop of loops) figures.push(await measureLoop(bed, loop, options));
  return figures;
}

async function measureLoop(bed: BenchBed, loop: LoopCase, { rounds, seconds }: LoopOptions): Promise<Figure> {
  await bed.makeNamespace(loop.namespace);
  try {
    if (loop.held !== undefined) await fill(bed, createMap, loop.held);
    await bed.load.run(orderOf(bed, loop, { round: 0, durationMs: warmUpMs }));
    const done: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      const before = await bed.cpuUse();
      const result = await bed.load.run(orderOf(bed, loop, { round, durationMs: seconds * 1_000 }));
      done.push({ result, cpu: difference(before, await bed.cpuUse()) });
      progress(`${loop.what}, round ${round + 1}/${rounds}: ${short(ratePerSecond(result))}/s`);
    }
    return figureOf(loop, done);
  } finally {
    await bed.ask("DELETE", loop.collection);
    await bed.removeNamespace(loop.namespace);
  }
}

interface Round {
  readonly result: LoopResult;
  readonly cpu: CpuUse;
}

/** Objects with the numbers from 0, or those from `firstNumber`. */
export function fill(bed: BenchBed, request: RequestShape, requests: number, firstNumber = 0): Promise<LoopResult> {
  const common = { kind: "loop", connections: 64, firstMaster: 0, expectedStatus: 201 } as const;
  return bed.load.run({ ...common, request, requests, firstNumber });
}

/** A single connection goes to another master each round: one of them leads, two ask it. */
function orderOf(
  bed: BenchBed,
  { request, connections, held }: LoopCase,
  { round, durationMs }: { readonly round: number; readonly durationMs: number },
): LoopOrder {
  const common = { kind: "loop", request, connections, durationMs, firstMaster: round } as const;
  return held === undefined
    ? { ...common, firstNumber: bed.claimNumbers(numbersPerLoop), expectedStatus: 201 }
    : { ...common, firstNumber: 0, numbers: held, expectedStatus: 200 };
}

function figureOf({ what, of, aim }: LoopCase, done: readonly Round[]): Figure {
  const at = (pick: (round: Round) => number): number => median(done.map(pick));
  const microsOf = (part: keyof CpuUse): number => at(({ cpu, result }) => (cpu[part] * 1_000) / result.count);
  const rate = at(({ result }) => ratePerSecond(result));
  const p50Ms = at(({ result }) => result.p50Ms);
  return {
    ...{ what, aim, ...(of === "perSecond" ? { value: rate, unit: "/s" } : { value: p50Ms, unit: " ms" }) },
    beside: {
      ...(of === "perSecond" ? { "p50 ms": p50Ms } : { "per s": rate }),
      "p99 ms": at(({ result }) => result.p99Ms),
      "CPU us a request: load": at(({ result }) => (result.cpuMs * 1_000) / result.count),
      ...{ api: microsOf("api"), store: microsOf("store"), rest: microsOf("rest") },
      components: microsOf("components"),
    },
  };
}

const ratePerSecond = ({ count, elapsedMs }: LoopResult): number => (count * 1_000) / elapsedMs;

const difference = (before: CpuUse, after: CpuUse): CpuUse => ({
  api: after.api - before.api,
  store: after.store - before.store,
  rest: after.rest - before.rest,
  components: after.components - before.components,
});
