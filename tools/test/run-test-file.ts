import { join } from "node:path";
import { Parser, type Result } from "tap-parser";
import { runGroup } from "./process-group.ts";

/** Each file is a Node of its own that reads most of the project: its sources are compiled once. */
const compileCache = join(import.meta.dirname, "../../node_modules/.cache/triarch");

export interface TestFileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** What the file printed, for showing when it failed. */
  readonly output: string;
  readonly durationMs: number;
}

export interface TestFileOptions {
  readonly cwd: string;
  readonly timeoutMs: number;
  /** Ends the file early; the caller aborts it when it is interrupted itself, for the file is in a group of its own. */
  readonly signal: AbortSignal;
  /** Told of each top-level test as it ends. */
  readonly onTest?: (name: string, ok: boolean) => void;
}

/**
 * Runs one tap test file in a Node of its own, without a runner between: the file's own TAP is what counts.
 * A file that dies, is killed at `timeoutMs`, or runs no test counts as one failure.
 */
export async function runTestFile(file: string, options: TestFileOptions): Promise<TestFileResult> {
  const startedAt = performance.now();
  const tops: Result[] = [];
  const parser = new Parser();
  parser.on("assert", (result: Result) => {
    tops.push(result);
    if (!result.skip) options.onTest?.(result.name, result.ok);
  });
  const args = ["--enable-source-maps", "--disable-warning=ExperimentalWarning", file];
  const ended = await runGroup(process.execPath, args, {
    cwd: options.cwd,
    env: { NODE_COMPILE_CACHE: compileCache, TAP: "1", TAP_TIMEOUT: String(Math.ceil(options.timeoutMs / 1000)) },
    timeoutMs: options.timeoutMs,
    signal: options.signal,
    onStdout: (text) => void parser.write(text),
  });
  parser.end();

  let passed = 0;
  let failed = 0;
  const skipped: { name: string; reason: string }[] = [];
  for (const top of tops) {
    if (top.skip) skipped.push({ name: top.name, reason: typeof top.skip === "string" ? top.skip : "" });
    else if (top.ok) passed += 1;
    else failed += 1;
  }
  if (failed === 0 && (ended.exitCode !== 0 || ended.timedOut || passed + skipped.length === 0)) failed = 1;
  const note = ended.timedOut ? `\n# killed: ran longer than ${options.timeoutMs / 1000} s\n` : "";
  return { file, passed, failed, skipped, output: `${ended.output}${note}`, durationMs: performance.now() - startedAt };
}
