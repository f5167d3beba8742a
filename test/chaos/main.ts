// `npm run chaos -- [--minutes N] [--seed N] [--report FILE.json]`
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { overlapMin, runChaos, type ChaosReport } from "./chaos.ts";

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "5" },
      seed: { type: "string", default: "20261121" },
      report: { type: "string" },
      program: { type: "string" },
    },
  });
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
    console.error("usage: npm run chaos -- [--minutes N] [--seed N] [--report FILE.json]");
    return 2;
  }
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort()).once("SIGTERM", () => stop.abort());
  const live = process.stdout.isTTY;
  const report = await runChaos({
    ...{ durationMs: minutes * 60_000, seed, signal: stop.signal },
    ...(values.program === undefined ? {} : { program: values.program }),
    onProgress: (line) => {
      if (live) process.stdout.write(`\r\x1b[K${line}`);
      else console.log(line);
    },
  });
  if (live) process.stdout.write("\r\x1b[K");
  print(report);
  if (values.report !== undefined) await writeFile(values.report, `${JSON.stringify(report, null, 2)}\n`);
  return report.breaches.length === 0 && report.overlap >= overlapMin ? 0 : 1;
}

function print(report: ChaosReport): void {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  console.log(`seed              ${report.seed}, ${report.seconds} s`);
  console.log(`operations        ${report.operations}`);
  console.log(
    `overlapping       ${percent(report.overlap)}${report.overlap < overlapMin ? " (too little: FAILED)" : ""}`,
  );
  console.log(`unknown outcome   ${percent(report.unknown)}`);
  console.log(`watch events      ${report.watchEvents} over ${report.watchConnections} connections`);
  for (const [kind, count] of Object.entries(report.faults)) console.log(`fault             ${count} x ${kind}`);
  if (report.leftOut !== undefined) console.log(`left out          partitions and full disks: ${report.leftOut}`);
  console.log(`histories         ${report.linearizability}`);
  console.log(`verdict           ${report.breaches.length === 0 ? "every promise was kept" : "BROKEN"}`);
  for (const line of report.breaches) console.log(`  ${line}`);
}

process.exitCode = await main();
