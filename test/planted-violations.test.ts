// A check that nobody has seen fail proves nothing. This plants one violation of each kind in a small copy of the
// workspace (the real configuration, the real runner, two packages) and wants `npm test`'s runner to fail on it.
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { runProgram } from "./support/command.ts";

const top = join(import.meta.dirname, "..");
const copied = [
  ...["package.json", "nx.json", "eslint.config.js", "tsconfig.json", "tsconfig.base.json"],
  ...["tools/test", "tools/lint", "libs/base", "libs/raft/package.json", "libs/telemetry/package.json"],
];

const scratch = await mkdtemp(join(tmpdir(), "triarch-planted-"));
t.teardown(() => rm(scratch, { recursive: true, force: true }));
for (const path of copied) await cp(join(top, path), join(scratch, path), { recursive: true });
await writeFileIn("libs/raft/src/index.ts", `import { assert } from "@triarch/base";\n\nassert(true, "sound");\n`);
await linkModules();
await mkdir(join(scratch, "test"));
await mkdir(join(scratch, ".cache")); // the runner finds its kubectl there
await symlink(join(top, ".cache", "kubectl-1.34"), join(scratch, ".cache", "kubectl-1.34"));

async function writeFileIn(path: string, text: string): Promise<void> {
  await mkdir(join(scratch, path, ".."), { recursive: true });
  await writeFile(join(scratch, path), text);
}

/** A node_modules of its own, so that no cache is shared; our packages lead into the copy where it has them. */
async function linkModules(): Promise<void> {
  const modules = join(scratch, "node_modules");
  const scope = join(modules, "@triarch");
  await mkdir(scope, { recursive: true });
  for (const name of await readdir(join(top, "node_modules"))) {
    if (name === "@triarch" || name === ".cache") continue;
    await symlink(join(top, "node_modules", name), join(modules, name));
  }
  const own = new Set(await readdir(join(scratch, "libs")));
  for (const name of await readdir(join(top, "node_modules", "@triarch"))) {
    const target = own.has(name) ? join(scratch, "libs", name) : join(top, "node_modules", "@triarch", name);
    await symlink(target, join(scope, name));
  }
}

/** The test runner in the copy, with one step. */
async function runStep(only: string): Promise<{ exitCode: number; output: string; lastLine: string }> {
  const args = [join(scratch, "tools/test/main.ts"), "--no-system-packages", "--only", only];
  const { exitCode, stdout, stderr } = await runProgram(process.execPath, args, { cwd: scratch, timeoutMs: 60_000 });
  return { exitCode, output: stdout + stderr, lastLine: stdout.trimEnd().split("\n").at(-1) ?? "" };
}

const planted = {
  any: ["libs/raft/src/planted-any.ts", "export const loose: any = 1;\n"],
  floating: ["libs/raft/src/planted-floating.ts", "const wait = async (): Promise<void> => undefined;\nwait();\n"],
  node: [
    "libs/raft/src/planted-node.ts",
    `import { readFileSync } from "node:fs";\n\nexport const read = readFileSync;\n`,
  ],
  clock: ["libs/raft/src/planted-clock.ts", "export const now = (): number => Date.now();\n"],
  upward: ["libs/raft/src/planted-upward.ts", `export * from "@triarch/telemetry";\n`],
  deep: ["libs/raft/src/planted-deep.ts", `export * from "@triarch/base/src/assert.ts";\n`],
} as const;

t.test("the copy without a violation passes", async (t) => {
  for (const step of ["typecheck", "lint"]) {
    const { exitCode, output, lastLine } = await runStep(step);
    t.equal(exitCode, 0, output);
    t.equal(lastLine, "1 passed, 0 failed, 0 skipped");
  }
});

t.test("a type error fails the type check", async (t) => {
  const path = "libs/raft/src/planted-type-error.ts";
  await writeFileIn(path, `export const count: number = "one";\n`);
  const { exitCode, output, lastLine } = await runStep("typecheck");
  await rm(join(scratch, path));
  t.equal(exitCode, 1);
  t.equal(lastLine, "0 passed, 1 failed, 0 skipped");
  t.match(output, /planted-type-error\.ts\(1,14\): error TS2322/);
});

t.test("violations of lint and layer rules fail the lint step", async (t) => {
  for (const [path, text] of Object.values(planted)) await writeFileIn(path, text);
  const { exitCode, output, lastLine } = await runStep("lint");
  for (const [path] of Object.values(planted)) await rm(join(scratch, path));
  t.equal(exitCode, 1);
  t.equal(lastLine, "0 passed, 1 failed, 0 skipped");
  const findings = findingsByFile(output);
  const found = (kind: keyof typeof planted, text: string): void => {
    const lines = findings.get(planted[kind][0]) ?? [];
    t.ok(
      lines.some((line) => line.includes(text)),
      `${kind}: ${text}`,
      { lines },
    );
  };
  found("any", "@typescript-eslint/no-explicit-any");
  found("floating", "@typescript-eslint/no-floating-promises");
  found("node", "core packages are pure: no node: imports");
  found("clock", "core packages are pure: take it as an argument");
  found("upward", "layer:core must not import layer:edge (@triarch/telemetry)");
  found("deep", `deep import "@triarch/base/src/assert.ts"`);
});

t.test("a failing and a missing test fail the unit step", async (t) => {
  const failing = "libs/raft/test/planted.test.ts";
  await writeFileIn(failing, `import t from "tap";\n\nt.test("one and one", async (t) => t.equal(1 + 1, 3));\n`);
  const wrong = await runStep("unit @triarch/raft");
  t.equal(wrong.exitCode, 1);
  t.equal(wrong.lastLine, "0 passed, 1 failed, 0 skipped");
  await writeFileIn(failing, "export {};\n");
  const empty = await runStep("unit @triarch/raft");
  t.equal(empty.lastLine, "0 passed, 1 failed, 0 skipped", "a file that runs no test counts as failed");
});

/** eslint's report: a line with the file, then one indented line per finding. */
function findingsByFile(output: string): Map<string, string[]> {
  const byFile = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of output.split("\n")) {
    if (line.startsWith("/") && line.includes("/libs/")) {
      current = [];
      byFile.set(line.slice(line.indexOf("libs/")).trim(), current);
    } else current.push(line);
  }
  return byFile;
}
