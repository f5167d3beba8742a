// `npm test`: prepares the machine, then type check, lint, unit tests of all packages, and the test files under test/
// one at a time; ends with the line `N passed, N failed, N skipped`. `npm run test:long` (--long) runs test/**/*.long.ts
// instead. Usage: main.ts [--long] [--only PART] [--no-system-packages]
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setUpMachine } from "./machine-setup.ts";
import { unitStep, workspaceStep } from "./nx-steps.ts";
import { runTestFile } from "./run-test-file.ts";
import { sumOf, type Outcome, type Step } from "./step.ts";
import { takeDownLeftOvers } from "./test-clusters.ts";

const top = join(import.meta.dirname, "..", "..");
const fileTimeoutMs = 540_000;
const longFileTimeoutMs = 5_400_000;

interface Options {
  readonly long: boolean;
  /** Part of a step's name; undefined runs all. */
  readonly only: string | undefined;
  readonly systemPackages: boolean;
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        long: { type: "boolean", default: false },
        only: { type: "string" },
        "no-system-packages": { type: "boolean", default: false },
      },
    });
    return { long: values.long, only: values.only, systemPackages: !values["no-system-packages"] };
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    console.error("usage: npm test -- [--only PART] [--no-system-packages]");
    process.exit(2);
  }
}

function plan(options: Options): readonly Step[] {
  const matches = (step: Step): boolean => options.only === undefined || step.name.includes(options.only);
  const files = readdirSync(join(top, "test"), { recursive: true, encoding: "utf8" }).sort();
  const ofKind = (ending: string, timeoutMs: number): Step[] =>
    files.filter((name) => name.endsWith(ending)).map((name) => fileStep(join("test", name), timeoutMs));
  if (options.long) return ofKind(".long.ts", longFileTimeoutMs).filter(matches);
  const unit = unitStep(top, options.only);
  return [
    ...[workspaceStep(top, "typecheck"), workspaceStep(top, "lint")].filter(matches),
    ...(unit === undefined ? [] : [unit]),
    ...ofKind(".test.ts", fileTimeoutMs).filter(matches),
  ];
}

function fileStep(file: string, timeoutMs: number): Step {
  return {
    name: file,
    run: (note, signal) =>
      runTestFile(file, {
        cwd: top,
        timeoutMs,
        signal,
        onTest: (name, ok) => note(`${ok ? "ok  " : "FAIL"} ${name}`),
      }),
  };
}

async function runSteps(steps: readonly Step[], signal: AbortSignal): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  for (const [i, step] of steps.entries()) {
    if (signal.aborted) break;
    const startedAt = performance.now();
    console.log(`[${i + 1}/${steps.length}] ${step.name}`);
    const outcome = await step.run((line) => console.log(`      ${line}`), signal);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const counts = `${outcome.passed} passed, ${outcome.failed} failed, ${outcome.skipped.length} skipped`;
    if (outcome.failed > 0) console.log(outcome.output);
    console.log(`      ${outcome.failed > 0 ? "FAILED" : "ok"}: ${counts}, ${seconds} s`);
    outcomes.push(outcome);
  }
  return sumOf(outcomes);
}

async function main(): Promise<void> {
  const options = readOptions();
  const steps = plan(options);
  if (steps.length === 0) {
    console.error(`error: no step has "${options.only ?? ""}" in its name`);
    process.exitCode = 2;
    return;
  }
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt).on("SIGHUP", interrupt);
  const say = (line: string): void => console.log(`[set-up] ${line}`);
  for (const line of await takeDownLeftOvers(top)) say(line);
  const machine = await setUpMachine(top, { ...options, say });
  let outcome: Outcome;
  let leftOver: readonly string[];
  try {
    outcome = await runSteps(steps, stop.signal);
  } finally {
    leftOver = await takeDownLeftOvers(top);
    await machine.undo();
  }
  for (const line of leftOver) console.log(`[clean-up] ${line}`);
  for (const { name, reason } of outcome.skipped) console.log(`skipped: ${name}${reason === "" ? "" : ` (${reason})`}`);
  if (stop.signal.aborted) console.log("interrupted: the remaining steps were not run");
  console.log(`${outcome.passed} passed, ${outcome.failed} failed, ${outcome.skipped.length} skipped`);
  process.exitCode = outcome.failed > 0 || stop.signal.aborted ? 1 : 0;
}

await main();
