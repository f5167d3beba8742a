// Lists of many pods: time to the last byte, and the memory and CPU time of the master that is asked.
import { threadCpuMs, residentBytes } from "../processes.ts";
import { median, progress, short } from "../figures.ts";
import type { BenchBed } from "./bed.ts";
import type { Aim, Figure } from "./figure.ts";
import { fill } from "./loops.ts";
import { podManifest } from "./manifests.ts";
import type { FetchResult, RequestShape } from "./protocol.ts";

const namespace = "bench-lists";
const pods = `/api/v1/namespaces/${namespace}/pods`;
const podCount = 10_000;
/** The label's one in a hundred, last, so that nothing stands out in the order. */
const chosenCount = podCount / 100;
const sampleEveryMs = 10;
const mebibyte = 1024 ** 2;

export interface ListCase {
  readonly what: string;
  readonly query: string;
  readonly accept?: string;
  readonly aim?: Aim;
  readonly memoryAim?: Aim;
}

export const listCases: readonly ListCase[] = [
  {
    ...{ what: "list 10,000 pods of 5 kB, JSON", query: "" },
    ...{ aim: { bound: "at most", value: 150 }, memoryAim: { bound: "at most", value: 64 } },
  },
  {
    ...{ what: "list 10,000 pods, label of 1 %", query: "?labelSelector=bench%3Dchosen" },
    aim: { bound: "at most", value: 60 },
  },
  { what: "list 10,000 pods, pages of 500", query: "?limit=500" },
  { what: "list 10,000 pods, protobuf", query: "", accept: "application/vnd.kubernetes.protobuf" },
];

export async function measureLists(bed: BenchBed, cases: readonly ListCase[], rounds: number): Promise<Figure[]> {
  await bed.makeNamespace(namespace);
  const create = (labels: Readonly<Record<string, string>>): RequestShape => ({
    ...{ method: "POST", path: pods, body: podManifest({ labels, containers: "one" }) },
  });
  try {
    await fill(bed, create({ bench: "chosen" }), chosenCount);
    await fill(bed, create({ bench: "other" }), podCount - chosenCount, chosenCount);
    progress(`${podCount} pods made`);
    const figures: Figure[] = [];
    for (const one of cases) figures.push(...(await measureList(bed, one, rounds)));
    return figures;
  } finally {
    await bed.ask("DELETE", pods);
    await bed.removeNamespace(namespace);
  }
}

interface Round {
  readonly result: FetchResult;
  readonly extraBytes: number;
  readonly apiCpuMs: number;
}

async function measureList(bed: BenchBed, list: ListCase, rounds: number): Promise<Figure[]> {
  const pids = await bed.masterPids();
  const done: Round[] = [];
  const cold: number[] = [];
  for (let round = 0; round < Math.max(rounds, pids.length) + pids.length; round++) {
    const master = round % pids.length;
    const one = await fetchList(bed, list, { master, pid: pids[master] ?? 0 });
    // A master's first one finds nothing prepared.
    if (round < pids.length) cold.push(one.result.elapsedMs);
    else done.push(one);
    progress(`${list.what}: ${short(one.result.elapsedMs)} ms, ${short(one.extraBytes / mebibyte)} MiB more`);
  }
  const at = (pick: (round: Round) => number): number => median(done.map(pick));
  const time: Figure = {
    ...{ what: list.what, value: at(({ result }) => result.elapsedMs), unit: " ms" },
    ...(list.aim === undefined ? {} : { aim: list.aim }),
    beside: {
      "a master's first ms": median(cold),
      MB: at(({ result }) => result.bodyBytes / 1e6),
      requests: at(({ result }) => result.requests),
      "CPU ms: load": at(({ result }) => result.cpuMs),
      api: at(({ apiCpuMs }) => apiCpuMs),
    },
  };
  const memory: Figure = {
    ...{ what: `  memory it took`, value: at(({ extraBytes }) => extraBytes) / mebibyte, unit: " MiB" },
    ...(list.memoryAim === undefined ? {} : { aim: list.memoryAim }),
    beside: {},
  };
  return [time, memory];
}

async function fetchList(
  bed: BenchBed,
  { query, accept }: ListCase,
  { master, pid }: { readonly master: number; readonly pid: number },
): Promise<Round> {
  const cpuBefore = await apiCpuMs(pid);
  const before = await residentBytes(pid);
  let most = before;
  const sampler = setInterval(() => {
    void residentBytes(pid).then((bytes) => (most = Math.max(most, bytes)));
  }, sampleEveryMs);
  try {
    const path = `${pods}${query}`;
    const result = await bed.load.run({
      ...{ kind: "fetch", master, paged: query.includes("limit=") },
      request: { method: "GET", path, ...(accept === undefined ? {} : { accept }) },
    });
    most = Math.max(most, await residentBytes(pid));
    return { result, extraBytes: most - before, apiCpuMs: (await apiCpuMs(pid)) - cpuBefore };
  } finally {
    clearInterval(sampler);
  }
}

async function apiCpuMs(pid: number): Promise<number> {
  return (await threadCpuMs(pid)).get("node-MainThread") ?? 0;
}
