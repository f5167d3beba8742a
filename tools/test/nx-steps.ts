// The steps that nx runs: type check and lint of the workspace (one test each), and the unit tests of every package,
// whose counts come from the .test-results/results.json that each package's run leaves.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runGroup } from "./process-group.ts";
import { sumOf, type Outcome, type Step } from "./step.ts";

const workspaceTimeoutMs = 300_000;
const unitTimeoutMs = 600_000;
const unitParallel = 2;
const nxEnv = { NX_DAEMON: "false", NX_TUI: "false", FORCE_COLOR: "0" };

/** A target of the whole workspace: one test. */
export function workspaceStep(top: string, target: "typecheck" | "lint"): Step {
  return {
    name: target,
    run: async (_note, signal) => {
      const args = ["run", `triarch-workspace:${target}`, "--output-style=static"];
      const ended = await runNx(top, args, { signal, timeoutMs: workspaceTimeoutMs });
      const ok = ended.exitCode === 0;
      return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: [], output: ended.output };
    },
  };
}

/** The test target of every package whose name contains `only`; undefined when there is none. */
export function unitStep(top: string, only: string | undefined): Step | undefined {
  const packages = testedPackages(top).filter((one) => only === undefined || `unit ${one.name}`.includes(only));
  if (packages.length === 0) return undefined;
  return {
    name: `unit tests of ${packages.length} packages`,
    run: async (note, signal) => {
      for (const one of packages) rmSync(resultsFile(one.folder), { force: true });
      const names = packages.map((one) => one.name).join(",");
      let line = "";
      const args = ["run-many", "-t", "test", "-p", names, `--parallel=${unitParallel}`, "--output-style=static"];
      const ended = await runNx(top, args, {
        signal,
        timeoutMs: unitTimeoutMs,
        onStdout: (text) => {
          const lines = `${line}${text}`.split("\n");
          line = lines.pop() ?? "";
          for (const each of lines) if (/^(ok {2}|FAIL) test\//.test(each)) note(each);
        },
      });
      const outcome = sumOf(packages.map((one) => outcomeOf(one)));
      if (ended.exitCode !== 0 && outcome.failed === 0) return { ...outcome, failed: 1, output: ended.output };
      return { ...outcome, output: [outcome.output, failedParts(ended.output)].join("\n") };
    },
  };
}

function runNx(
  top: string,
  args: readonly string[],
  options: { signal: AbortSignal; timeoutMs: number; onStdout?: (text: string) => void },
) {
  const nx = join(top, "node_modules", ".bin", "nx");
  return runGroup(process.execPath, [nx, ...args], { cwd: top, env: nxEnv, ...options });
}

interface TestedPackage {
  readonly name: string;
  readonly folder: string;
}

function testedPackages(top: string): TestedPackage[] {
  return ["libs", "apps"]
    .flatMap((part) =>
      existsSync(join(top, part)) ? readdirSync(join(top, part)).map((one) => join(top, part, one)) : [],
    )
    .filter((folder) => existsSync(join(folder, "package.json")))
    .flatMap((folder) => {
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
        name: string;
        nx?: { targets?: { test?: object } };
      };
      return manifest.nx?.targets?.test === undefined ? [] : [{ name: manifest.name, folder }];
    });
}

function resultsFile(folder: string): string {
  return join(folder, ".test-results", "results.json");
}

/** A package whose run left no counts failed. */
function outcomeOf(one: TestedPackage): Outcome {
  try {
    const counts = JSON.parse(readFileSync(resultsFile(one.folder), "utf8")) as Omit<Outcome, "output">;
    const skipped = counts.skipped.map(({ name, reason }) => ({ name: `${one.name}: ${name}`, reason }));
    return { passed: counts.passed, failed: counts.failed, skipped, output: "" };
  } catch {
    return { passed: 0, failed: 1, skipped: [], output: `${one.name}: its tests left no results` };
  }
}

/** nx prints each package's output behind a line `> nx run NAME:test`; those that hold a failure are kept. */
function failedParts(output: string): string {
  return output
    .split(/\n(?=> nx run )/)
    .filter((part) => /^FAIL /m.test(part) || /Error/.test(part))
    .join("\n");
}
