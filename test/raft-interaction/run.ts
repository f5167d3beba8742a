/**
 * Runs interaction, configuration change and quorum scripts against `@triarch/raft` and prints where they differ.
 * Usage: node test/raft-interaction/run.ts FILE... ; exit code 1 on a difference, 2 without files.
 */
import { readFileSync } from "node:fs";
import { runScript } from "./script.ts";

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: run.ts FILE...");
  process.exitCode = 2;
}
let passed = 0;
for (const file of files) {
  const differences = runScript(readFileSync(file, "utf8"));
  if (differences.length === 0) {
    passed += 1;
    console.log(`ok    ${file}`);
    continue;
  }
  process.exitCode = 1;
  console.log(`FAIL  ${file}  ${differences.length} differences`);
  for (const { line, command, expected, actual } of differences) {
    console.log(`${file}:${line}: ${command}`);
    console.log(expected.replace(/^/gm, "  - "));
    console.log(actual.replace(/^/gm, "  + "));
  }
}
console.log(`${passed} of ${files.length} pass`);
