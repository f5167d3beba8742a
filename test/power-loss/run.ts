/**
 * `node test/power-loss/run.ts power|kill --rounds N --seed N [--json]`: the power-loss or the kill -9 test by itself;
 * rounds of `kill` are kills. The last line is a summary, with `--json` an object:
 * `{"kind", "seed", "rounds", "acknowledged", "violation"?: {"checker", "text"}}`.
 * Exit codes: 0, 1 after a violation, 2 when it cannot run.
 *
 * The work is done by a child, for power loss in a mount namespace of its own; this process owns the scratch folder and
 * removes it however the child ends.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Disks, needsLoopDisks } from "./disks.ts";
import { killAgainAndAgain } from "./kills.ts";
import { losePower, type RoundReport } from "./power-loss.ts";
import { Violation } from "./violation.ts";

/** Set for the child that does the work: where. */
const folderVariable = "TRIARCH_POWER_LOSS_FOLDER";

interface Options {
  readonly kind: "power" | "kill";
  readonly rounds: number;
  readonly seed: number;
  readonly json: boolean;
}

function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "3" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
    },
  });
  const [kind] = positionals;
  if (kind !== "power" && kind !== "kill") throw new Error("the first argument is power or kill");
  const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(rounds) || rounds < 1) throw new Error("numbers are whole");
  return { kind, rounds, seed, json: values.json };
}

async function work({ kind, rounds, seed, json }: Options, folder: string): Promise<number> {
  let last: RoundReport = { round: 0, acknowledged: 0, revision: 0 };
  const onRound = (report: RoundReport): void => {
    last = report;
    if (!json) console.log(`${kind} ${report.round}: ${report.acknowledged} acknowledged, revision ${report.revision}`);
  };
  let violation: Violation | undefined;
  try {
    if (kind === "kill") await killAgainAndAgain({ folder, kills: rounds, seed, onRound });
    else await onDisks(folder, (disks) => losePower({ disks, rounds, seed, onRound }));
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error;
  }
  const { round, acknowledged } = last;
  if (json) {
    const found = violation === undefined ? {} : { violation: { checker: violation.checker, text: violation.message } };
    console.log(JSON.stringify({ kind, seed, rounds: round, acknowledged, ...found }));
  } else {
    console.log(`seed ${seed}, ${round} rounds: ${violation === undefined ? "nothing lost" : violation.message}`);
  }
  return violation === undefined ? 0 : 1;
}

async function onDisks(folder: string, run: (disks: Disks) => Promise<void>): Promise<void> {
  const disks = await Disks.create(folder, 3);
  try {
    await run(disks);
  } finally {
    await disks.close();
  }
}

async function superviseChild(kind: Options["kind"]): Promise<number> {
  // In memory where there is some: what is tried is what the disk holds, not how slow it is.
  const folder = await mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "triarch-power-loss-"));
  const own = [process.execPath, ...process.argv.slice(1)];
  const [file = "", ...args] = kind === "kill" ? own : ["unshare", "--mount", "--propagation", "private", "--", ...own];
  // Members start often; most of that time would go into compiling them.
  const env = { ...process.env, [folderVariable]: folder, NODE_COMPILE_CACHE: join(folder, "compiled") };
  const child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], env });
  const pass = (name: NodeJS.Signals): void => void child.kill(name);
  process.on("SIGINT", pass).on("SIGTERM", pass).on("SIGHUP", pass);
  const exitCode = await new Promise<number>((resolve) => {
    child.once("error", () => resolve(2));
    child.once("close", (code) => resolve(code ?? 2));
  });
  await rm(folder, { recursive: true, force: true });
  return exitCode;
}

/** Ends at once when the supervising process does. */
async function workAsChild(options: Options, folder: string): Promise<number> {
  const orphaned = (): void => process.exit(2);
  process.on("disconnect", orphaned);
  try {
    return await work(options, folder);
  } finally {
    process.off("disconnect", orphaned);
    process.disconnect?.();
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  const folder = process.env[folderVariable];
  if (folder !== undefined) return workAsChild(options, folder);
  const missing = options.kind === "kill" ? false : await needsLoopDisks();
  if (missing === false) return superviseChild(options.kind);
  console.error(`power loss cannot be tried here: ${missing}`);
  return 2;
}

process.exitCode = await main();
