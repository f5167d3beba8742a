/** Starts `run.ts` from a test and reads its summary. */
import { join } from "node:path";
import { runProgram } from "../support/command.ts";

export interface RunSummary {
  readonly kind: "power" | "kill";
  readonly seed: number;
  readonly rounds: number;
  readonly acknowledged: number;
  readonly violation?: { readonly checker: string; readonly text: string };
}

/** @throws Error when it could not do its work, which says nothing about the store */
export async function runPowerLoss(options: {
  readonly kind: "power" | "kill";
  readonly rounds: number;
  readonly seed: number;
  readonly timeoutMs: number;
}): Promise<RunSummary> {
  const { kind, rounds, seed, timeoutMs } = options;
  const file = join(import.meta.dirname, "run.ts");
  const args = [file, kind, "--rounds", String(rounds), "--seed", String(seed), "--json"];
  const { exitCode, stdout, stderr } = await runProgram(process.execPath, args, { timeoutMs });
  const last = stdout.trimEnd().split("\n").at(-1) ?? "";
  if (exitCode > 1 || !last.startsWith("{")) throw new Error(`code ${exitCode}: ${stderr}${stdout}`);
  return JSON.parse(last) as RunSummary;
}
