// Three masters of ours as `triarch up` starts them, and everything that is promised of the API's speed.
import { progress } from "../figures.ts";
import { freeBasePort } from "../masters.ts";
import { loadAverage } from "../processes.ts";
import { BenchBed } from "./bed.ts";
import { figureTable, type Figure } from "./figure.ts";
import { listCases, measureLists } from "./lists.ts";
import { loopCases, measureLoops } from "./loops.ts";
import { measureStart, startCases } from "./master-start.ts";
import { measureWatches, watchCases } from "./watches.ts";

const basePorts = [23_000, 23_100, 23_200, 23_300, 23_400];

export interface ApiBenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly json: boolean;
  /** Only what has this in its name. */
  readonly only: string | undefined;
}

export async function benchApi(options: ApiBenchOptions): Promise<string> {
  const wanted = <One extends { readonly what: string }>(all: readonly One[]): One[] =>
    all.filter(({ what }) => what.includes(options.only ?? ""));
  const before = await loadAverage();
  const figures: Figure[] = [];
  const loops = wanted(loopCases);
  if (loops.length > 0) figures.push(...(await onFreshMasters((bed) => measureLoops(bed, loops, options))));
  const lists = wanted(listCases);
  if (lists.length > 0) figures.push(...(await onFreshMasters((bed) => measureLists(bed, lists, options.rounds))));
  // Memory that one left behind would be there for the next.
  for (const watch of wanted(watchCases)) {
    progress(watch.what);
    figures.push(await onFreshMasters((bed) => measureWatches(bed, watch, options.rounds)));
  }
  for (const start of wanted(startCases)) {
    progress(start.what);
    figures.push(...(await onFreshMasters((bed) => measureStart(bed, start, options.rounds))));
  }
  if (options.json) return JSON.stringify({ loadAverage: before, figures }, undefined, 2);
  return `load average before: ${before}\n\n${figureTable(figures)}`;
}

async function onFreshMasters<T>(measure: (bed: BenchBed) => Promise<T>): Promise<T> {
  const bed = await BenchBed.start(await freeBasePort(basePorts));
  try {
    return await measure(bed);
  } finally {
    await bed.close();
  }
}
