/** Tries a copy of the sources in one of the ways that a mutant may name. */
import { join } from "node:path";
import { runProgram } from "../support/command.ts";
import { catcherName, type Catcher } from "./mutant.ts";

/** Of one try. What takes longer has failed. */
const timeoutMs = 580_000;

export type Finding =
  | { readonly kind: "nothing" }
  /** @param seed that shows it, where there is one */
  | { readonly kind: "found"; readonly checker: string; readonly seed: number | undefined; readonly text: string }
  /** This machine cannot run it. */
  | { readonly kind: "unable"; readonly text: string };

/** @throws Error when the try itself failed */
export async function tryCopy(folder: string, catcher: Catcher): Promise<Finding> {
  const run = await runProgram(process.execPath, argsOf(catcher), {
    cwd: folder,
    timeoutMs,
    env: { TAP: "1", TAP_TIMEOUT: String(timeoutMs / 1000), TRIARCH_WAL_SEED: "1", TRIARCH_FRAME_SEED: "1" },
  });
  if (catcher.kind === "power" && run.exitCode === 2) return { kind: "unable", text: run.stderr.trim() };
  if (catcher.kind === "test") return findingOfTest(run);
  const last = run.stdout.trimEnd().split("\n").at(-1) ?? "";
  if (!last.startsWith("{")) {
    const output = `${run.stdout}${run.stderr}`.slice(-2_000);
    throw new Error(`${catcherName(catcher)} in ${folder} ended with code ${run.exitCode}: ${output}`);
  }
  return findingOfSummary(JSON.parse(last) as Summary);
}

function argsOf(catcher: Catcher): readonly string[] {
  switch (catcher.kind) {
    case "simulation":
      return [join("test", "simulation", "main.ts"), "--seeds", String(catcher.seeds), "--jobs", "1", "--json"];
    case "core":
      return [join("test", "mutants", "core-simulation.ts"), String(catcher.seeds)];
    case "power":
      return [
        join("test", "power-loss", "run.ts"),
        "power",
        "--rounds",
        String(catcher.rounds),
        "--seed",
        "1",
        "--json",
      ];
    case "test":
      return [catcher.file];
  }
}

interface Violation {
  readonly checker?: string;
  readonly seed?: number;
  readonly text?: string;
}

/** The core's violation is the summary itself. */
interface Summary extends Violation {
  readonly violation?: Violation;
}

function findingOfSummary(summary: Summary): Finding {
  const { checker, text = "", seed } = { seed: summary.seed, ...(summary.violation ?? summary) };
  return checker === undefined ? { kind: "nothing" } : { kind: "found", checker, seed, text };
}

/** By the first test at the top that is not ok. */
function findingOfTest({ exitCode, stdout, stderr }: { exitCode: number; stdout: string; stderr: string }): Finding {
  const failed = /^not ok \d+ - (.*?)(?: # time=.*)?$/m.exec(stdout);
  if (failed?.[1] !== undefined) return { kind: "found", checker: failed[1], seed: undefined, text: "" };
  if (exitCode === 0) return { kind: "nothing" };
  throw new Error(`the test ended with code ${exitCode}: ${stdout.slice(-1_000)}${stderr.slice(-1_000)}`);
}
