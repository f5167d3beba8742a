// What the command line answers to bad input: one clear error, the right exit code, nothing changed. No cluster is
// started here.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import t from "tap";
import { triarchProgram } from "../../tools/test/test-clusters.ts";
import { top } from "../support/cluster.ts";
import { runProgram } from "../support/command.ts";

const basePort = 17000;
const folder = t.testdir({});

const triarch = (...args: readonly string[]) =>
  runProgram(process.execPath, [triarchProgram(top), ...args], { cwd: folder, timeoutMs: 30_000 });

/** The error's first line, without the word. */
function errorOf(stderr: string): string {
  return stderr.split("\n").find((line) => line.startsWith("error: ")) ?? stderr;
}

t.test("wrong usage ends with code 2 and names what is wrong", async (t) => {
  const cases = [
    [["up", "--frobnicate"], "unknown option '--frobnicate'"],
    [["frobnicate"], "unknown command 'frobnicate'"],
    [["up", "--masters", "2"], "--masters 2"],
    [["up", "--masters", "many"], "--masters takes a whole number"],
    [["up", "--base-port", "99999"], "a port from 1 to 65000"],
    [["up", "--runtime", "podman"], "Allowed choices are docker, hollow"],
    [["status", "-o", "xml"], "Allowed choices are json"],
    [["drill", "run", "frobnicate"], 'there is no drill "frobnicate"'],
    [["snapshot", "save"], "missing required argument 'file'"],
  ] as const;
  const results = await Promise.all(cases.map(async ([args, text]) => ({ args, text, ...(await triarch(...args)) })));
  for (const { args, text, exitCode, stderr } of results) {
    t.equal(exitCode, 2, `${args.join(" ")}: exit code`);
    t.match(errorOf(stderr), text, `${args.join(" ")}: message`);
    t.notMatch(stderr, "    at ", "no stack trace");
  }
  t.same(await readdir(folder), [], "nothing was written");
});

t.test("commands that need a cluster say that there is none", async (t) => {
  for (const args of [["status"], ["down"], ["drill", "run", "leader-kill"], ["snapshot", "save", "x.db"]]) {
    const { exitCode, stderr } = await triarch(...args, "--data-dir", "none");
    t.equal(exitCode, 1, args.join(" "));
    t.match(errorOf(stderr), "there is no cluster in");
  }
});

t.test("a foreign data directory stays as it is", async (t) => {
  const dataDir = join(folder, "foreign");
  await mkdir(dataDir);
  await writeFile(join(dataDir, "thesis.txt"), "do not touch");
  const { exitCode, stderr } = await triarch("up", "--runtime", "hollow", "--data-dir", dataDir);
  t.equal(exitCode, 1);
  t.match(errorOf(stderr), "is not a triarch data directory");
  const down = await triarch("down", "--delete-data", "--data-dir", dataDir);
  t.equal(down.exitCode, 1);
  t.same(await readdir(dataDir), ["thesis.txt"]);
  t.equal(await readFile(join(dataDir, "thesis.txt"), "utf8"), "do not touch");
});

t.test("an unreadable data directory is named", async (t) => {
  const dataDir = join(folder, "file-instead");
  await writeFile(dataDir, "");
  const { exitCode, stderr } = await triarch("up", "--runtime", "hollow", "--data-dir", dataDir);
  t.equal(exitCode, 1);
  t.match(errorOf(stderr), `cannot read the data directory ${dataDir}`);

  const damaged = join(folder, "damaged");
  await mkdir(damaged);
  await writeFile(join(damaged, "cluster.json"), "{");
  const second = await triarch("up", "--runtime", "hollow", "--data-dir", damaged);
  t.equal(second.exitCode, 1);
  t.match(errorOf(second.stderr), `cannot use ${join(damaged, "cluster.json")}`);
  t.same(await readdir(damaged), ["cluster.json"]);
});

t.test("a busy port is named before anything is changed", async (t) => {
  const busyPort = basePort + 12;
  const server = await listen(busyPort);
  t.teardown(() => server.close());
  const dataDir = join(folder, "busy");
  const up = ["up", "--runtime", "hollow", "--base-port", String(basePort), "--data-dir", dataDir];
  const { exitCode, stderr } = await triarch(...up);
  t.equal(exitCode, 1);
  t.match(errorOf(stderr), `port ${busyPort} on 127.0.0.1 is in use`);
  t.same((await readdir(folder)).includes("busy"), false, "no data directory was made");
});

t.test("a file that is no snapshot is refused", async (t) => {
  const file = join(folder, "no-snapshot.db");
  await writeFile(file, "x".repeat(10_000));
  const status = await triarch("snapshot", "status", file);
  t.equal(status.exitCode, 1);
  t.match(errorOf(status.stderr), file);
  const restore = await triarch("snapshot", "restore", file, "--data-dir", join(folder, "restored"));
  t.equal(restore.exitCode, 1);
  t.equal((await readdir(folder)).includes("restored"), false);
});

function listen(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
