import { spawn } from "node:child_process";
import { Parser, type Result } from "tap-parser";

export interface TestFileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** What the file printed, for showing when it failed. */
  readonly output: string;
  readonly durationMs: number;
}

/** Bytes of one test file's output that are kept; the middle of a longer one is cut. */
const outputBytesMax = 4 * 1024 * 1024;

/**
 * Runs one tap test file in a Node of its own, without a runner between: the file's own TAP is what counts.
 * A file that dies, is killed at `timeoutMs`, or runs no test counts as one failure.
 */
export async function runTestFile(file: string, options: { cwd: string; timeoutMs: number }): Promise<TestFileResult> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, ["--enable-source-maps", "--disable-warning=ExperimentalWarning", file], {
    cwd: options.cwd,
    env: { ...process.env, TAP: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  const tops: Result[] = [];
  const parser = new Parser();
  parser.on("assert", (result: Result) => tops.push(result));
  const keep = (chunk: Buffer): void => {
    if (size < outputBytesMax) chunks.push(chunk);
    size += chunk.length;
  };
  child.stdout.on("data", (chunk: Buffer) => {
    keep(chunk);
    parser.write(chunk.toString("utf8"));
  });
  child.stderr.on("data", keep);

  let timedOut = false;
  const killGroup = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGTERM");
    } catch {
      // The group is gone already.
    }
  };
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup();
    setTimeout(() => child.kill("SIGKILL"), 10_000).unref();
  }, options.timeoutMs);
  const interrupted = (): void => killGroup();
  process.once("SIGINT", interrupted);
  process.once("SIGTERM", interrupted);

  const exitCode = await new Promise<number>((resolve) => {
    child.once("error", () => resolve(-1));
    child.once("close", (code) => resolve(code ?? -1));
  });
  clearTimeout(timer);
  process.off("SIGINT", interrupted);
  process.off("SIGTERM", interrupted);
  parser.end();

  let passed = 0;
  let failed = 0;
  const skipped: { name: string; reason: string }[] = [];
  for (const top of tops) {
    if (top.skip) skipped.push({ name: top.name, reason: typeof top.skip === "string" ? top.skip : "" });
    else if (top.ok) passed += 1;
    else failed += 1;
  }
  if (failed === 0 && (exitCode !== 0 || timedOut || passed + skipped.length === 0)) failed = 1;
  let output = Buffer.concat(chunks).toString("utf8");
  if (timedOut) output += `\n# killed: ran longer than ${options.timeoutMs / 1000} s\n`;
  return { file, passed, failed, skipped, output, durationMs: performance.now() - startedAt };
}
