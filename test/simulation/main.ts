// `npm run simulate -- [--seeds N] [--from N] [--jobs N] [--json]` runs many seeds, on all cores; `--seed N [--trace]`
// runs one and shows what happens. Exit code 1: a promise was broken, or a fault never happened; 2: wrong usage.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { runSeeds } from "./runner.ts";
import type { SeedsResult } from "./runner.ts";
import { simulate } from "./simulation.ts";

/** With so many seeds every fault must have happened. */
const seedsForCoverage = 200;

interface Options {
  readonly seed: number | undefined;
  readonly seeds: number;
  readonly from: number;
  readonly jobs: number;
  readonly json: boolean;
  readonly trace: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      seeds: { type: "string", default: "200" },
      from: { type: "string", default: "1" },
      jobs: { type: "string", default: String(availableParallelism()) },
      json: { type: "boolean", default: false },
      trace: { type: "boolean", default: false },
    },
  });
  const count = (name: "seed" | "seeds" | "from" | "jobs"): number => {
    const value = Number(values[name]);
    if (Number.isSafeInteger(value) && value > 0) return value;
    throw new Error(`--${name} is no whole number above 0: ${values[name]}`);
  };
  const { json, trace } = values;
  const seed = values.seed === undefined ? undefined : count("seed");
  return { seed, seeds: count("seeds"), from: count("from"), jobs: count("jobs"), json, trace };
}

async function runOne(seed: number, { trace, json }: Options): Promise<void> {
  const result = await simulate(seed, trace ? (line) => console.log(line) : undefined);
  const { violation, digest, events, simulatedMs, coverage } = result;
  if (json) console.log(JSON.stringify({ ...result, violation: violation && { ...violation, seed } }));
  else {
    for (const [name, times] of Object.entries(coverage)) if (times > 0) console.log(row(name, times));
    const seconds = (simulatedMs / 1000).toFixed(1);
    console.log(`seed ${seed}: ${events} events, ${seconds} s simulated, digest ${digest}, ${verdict(violation)}`);
  }
  if (violation !== undefined) process.exitCode = 1;
}

function verdict(violation: { readonly checker: string; readonly text: string } | undefined): string {
  return violation === undefined ? "no violation" : `VIOLATION of ${violation.checker}: ${violation.text}`;
}

async function runMany(options: Options): Promise<void> {
  const { seeds, from, jobs, json } = options;
  const result = await runSeeds({ from, seeds, jobs, onProgress: json ? () => undefined : showProgress });
  const missing = seeds >= seedsForCoverage && result.violation === undefined ? result.missing : [];
  if (json) console.log(JSON.stringify({ ...result, missing }));
  else show(result, missing, options);
  if (result.violation !== undefined || missing.length > 0) process.exitCode = 1;
}

function showProgress(done: number, total: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${done}/${total} seeds`);
  else if (done % 50 === 0) console.error(`${done}/${total} seeds`);
}

function show(
  { coverage, violation, seedsRun, events }: SeedsResult,
  missing: readonly string[],
  { from }: Options,
): void {
  if (process.stderr.isTTY) process.stderr.write("\n");
  for (const [name, times] of Object.entries(coverage)) console.log(row(name, times));
  for (const name of missing) console.log(`NEVER HAPPENED: ${name}`);
  if (violation !== undefined) {
    console.log(`seed ${violation.seed} at ${violation.atMs.toFixed(3)} ms: ${verdict(violation)}`);
    console.log(`replay: npm run simulate -- --seed ${violation.seed} --trace`);
  }
  const outcome = violation !== undefined ? "FAILED" : missing.length > 0 ? "INCOMPLETE" : "ok";
  console.log(`${outcome}: ${seedsRun} seeds from ${from}, ${events} events`);
}

function row(name: string, times: number): string {
  return `${name.padEnd(28)} ${String(times).padStart(10)}`;
}

try {
  const options = readOptions();
  await (options.seed === undefined ? runMany(options) : runOne(options.seed, options));
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  console.error("usage: npm run simulate -- [--seeds N] [--from N] [--jobs N] [--json] | --seed N [--trace] [--json]");
  process.exitCode = 2;
}
