// Runs the tap files of one package (the current folder) and leaves the counts in .test-results/results.json,
// for the run of all packages. Usage: node package-tests.ts [name part ...]
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runTestFile, type TestFileResult } from "./run-test-file.ts";

const fileTimeoutMs = 120_000;

const cwd = process.cwd();
const wanted = process.argv.slice(2);
const present = existsSync(join(cwd, "test")); // a package may be tested by those that use it
const files = (present ? readdirSync(join(cwd, "test"), { recursive: true, encoding: "utf8" }) : [])
  .filter((name) => name.endsWith(".test.ts") && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .sort();

const stop = new AbortController();
process.on("SIGINT", () => stop.abort()).on("SIGTERM", () => stop.abort());
const results: TestFileResult[] = [];
for (const file of files) {
  if (stop.signal.aborted) break;
  const result = await runTestFile(join("test", file), { cwd, timeoutMs: fileTimeoutMs, signal: stop.signal });
  results.push(result);
  const mark = result.failed > 0 ? "FAIL" : "ok  ";
  console.log(`${mark} test/${file}  ${result.passed} passed  ${(result.durationMs / 1000).toFixed(1)} s`);
  for (const skip of result.skipped) console.log(`     skipped: ${skip.name} (${skip.reason})`);
  if (result.failed > 0) console.log(result.output);
}
mkdirSync(join(cwd, ".test-results"), { recursive: true });
const summary = {
  passed: results.reduce((sum, result) => sum + result.passed, 0),
  failed: results.reduce((sum, result) => sum + result.failed, 0),
  skipped: results.flatMap((result) => result.skipped),
};
writeFileSync(join(cwd, ".test-results", "results.json"), JSON.stringify(summary));
process.exitCode = summary.failed > 0 || stop.signal.aborted ? 1 : 0;
