// Three masters of ours as `triarch up` starts them, and everything that is promised of the API's speed.
import { progress } from "../figures.ts";
import { loadAverage } from "../processes.ts";
import { BenchBed } from "./bed.ts";
import { figureTable, type Figure } from "./figure.ts";
import { loopCases, measureLoop } from "./loops.ts";

const basePort = 23_000;

export interface ApiBenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly json: boolean;
  /** Only what has this in its name. */
  readonly only: string | undefined;
}

/** One part of the table: several figures that are measured together. */
interface Part {
  readonly what: string;
  measure(bed: BenchBed): Promise<readonly Figure[]>;
}

export async function benchApi(options: ApiBenchOptions): Promise<string> {
  const parts: readonly Part[] = [
    ...loopCases.map((loop) => ({
      ...{ what: loop.what, measure: async (bed: BenchBed) => [await measureLoop(bed, loop, options)] },
    })),
  ];
  const before = await loadAverage();
  const figures: Figure[] = [];
  const bed = await BenchBed.start(basePort);
  try {
    for (const part of parts.filter(({ what }) => what.includes(options.only ?? ""))) {
      progress(part.what);
      figures.push(...(await part.measure(bed)));
    }
  } finally {
    await bed.close();
  }
  if (options.json) return JSON.stringify({ loadAverage: before, figures }, undefined, 2);
  return `load average before: ${before}\n\n${figureTable(figures)}`;
}
