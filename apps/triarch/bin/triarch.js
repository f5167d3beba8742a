#!/usr/bin/env node
// Runs the command line on the project's own Node 26, whatever Node is on PATH.
import { spawnSync } from "node:child_process";
import module from "node:module";
import { fileURLToPath } from "node:url";

const main = new URL("../src/main.ts", import.meta.url);
// Types are stripped and sources compiled once, not at each start: half a second less for each of a cluster's processes,
// which inherit the variable. A folder that can't be written does no harm.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("../../../node_modules/.cache/triarch", import.meta.url));
module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
if (Number(process.versions.node.split(".")[0]) >= 26) {
  await import(main.href);
} else {
  const ownNode = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));
  const result = spawnSync(ownNode, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: "inherit" });
  if (result.error !== undefined) {
    process.stderr.write(`triarch: cannot start ${ownNode}: ${result.error.message}; run \`npm ci\` first\n`);
    process.exitCode = 1;
  } else {
    process.exitCode = result.status ?? 1;
  }
}
