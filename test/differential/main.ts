// `npm run differential -- [--requests N] [--seed N]`: runs and prints what was reached and what differs.
import { parseArgs } from "node:util";
import { allowedDifferences } from "./allowed.ts";
import { runDifferential, type DifferentialReport } from "./differential.ts";
import { stepText } from "./steps.ts";
import { skipWithoutEtcd } from "./targets.ts";
import { unreachableErrors } from "./wanted.ts";

const requestsDefault = 20_000;
const stepsShownMax = 60;
const seedDefault = 20_261_121;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { requests: { type: "string" }, seed: { type: "string" } } });
  const requests = Number(values.requests ?? requestsDefault);
  const seed = Number(values.seed ?? seedDefault);
  if (!Number.isSafeInteger(requests) || !Number.isSafeInteger(seed)) {
    console.error("error: --requests and --seed are whole numbers");
    return 2;
  }
  if (skipWithoutEtcd !== false) {
    console.error(`error: ${skipWithoutEtcd}`);
    return 2;
  }
  console.log(`seed ${seed}`);
  const onProgress = (done: number): void => {
    if (process.stdout.isTTY) process.stdout.write(`\r${done} requests`);
  };
  const report = await runDifferential({ requests, seed, onProgress });
  if (process.stdout.isTTY) process.stdout.write("\r");
  print(report);
  return report.failure === undefined && report.coverage.missing().length === 0 ? 0 : 1;
}

function print({ requests, programs, allowed, coverage, failure }: DifferentialReport): void {
  console.log(`${requests} requests in ${programs} programs`);
  console.log("\nreached:");
  for (const [name, count] of coverage.table()) console.log(`${String(count).padStart(8)}  ${name}`);
  console.log("\nnot reached, and why:");
  for (const { text, reason } of unreachableErrors) console.log(`  ${text}: ${reason}`);
  console.log("\nallowed differences:");
  for (const { name, reason } of allowedDifferences) {
    console.log(`${String(allowed.get(name) ?? 0).padStart(8)}  ${name}: ${reason}`);
  }
  for (const name of coverage.missing()) console.log(`MISSING: ${name}`);
  for (const name of coverage.wrongly()) console.log(`reached, though it is called unreachable: ${name}`);
  if (failure === undefined) return;
  console.log(`\nDIFFERS: ${failure.program}, etcd and ${failure.target}\n${failure.difference}\nshortest program:`);
  for (const step of failure.shrunk.slice(0, stepsShownMax)) console.log(`  ${stepText(step)}`);
  if (failure.shrunk.length > stepsShownMax) console.log(`  and ${failure.shrunk.length - stepsShownMax} more`);
}

process.exitCode = await main();
