import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import {
  CommandError,
  dockerClient,
  dockerVersion,
  ensureLocalImage,
  missingPackages,
  removeStalePidFile,
  runCommand,
} from "@triarch/machine";

t.test("a failing command says its code and its own words", async (t) => {
  await t.rejects(
    runCommand("sh", ["-c", "echo broken >&2; exit 3"]),
    new CommandError("sh -c echo broken >&2; exit 3", { exitCode: 3, stdout: "", stderr: "broken\n" }),
  );
  await t.rejects(runCommand("no-such-program-here", []), /code 127/);
  t.equal(await runCommand("cat", [], { input: "through" }), "through");
});

t.test("missing packages are told apart from present ones", async (t) => {
  const missing = await missingPackages([
    { name: "here", purpose: "", present: async () => true },
    { name: "absent", purpose: "", present: async () => false },
  ]);
  t.same(
    missing.map((one) => one.name),
    ["absent"],
  );
});

t.test("a pid file is stale when its number belongs to nobody or to another program", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "pid-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "x.pid");
  const own = readFileSync("/proc/self/comm", "utf8").trim();
  writeFileSync(file, String(process.pid));
  removeStalePidFile(file, own);
  t.ok(existsSync(file), "its program runs");
  removeStalePidFile(file, "another");
  t.notOk(existsSync(file));
  removeStalePidFile(file, "another");
});

const docker = dockerClient();
const lacking = (await dockerVersion(docker)) === undefined ? { skip: "no Docker Engine answers" } : {};

t.test("the local image runs", lacking, async (t) => {
  const tag = `triarch-test/busybox:t${process.pid}`;
  t.equal(await ensureLocalImage(docker, tag), true);
  t.teardown(async () => {
    await docker.getImage(tag).remove({ force: true });
  });
  t.equal(await ensureLocalImage(docker, tag), false);
  const container = await docker.createContainer({
    Image: tag,
    Cmd: ["echo", "hello"],
    HostConfig: { NetworkMode: "none" },
  });
  t.teardown(async () => {
    await container.remove({ force: true });
  });
  await container.start();
  const end = (await container.wait()) as { StatusCode: number };
  t.equal(end.StatusCode, 0);
  t.match((await container.logs({ stdout: true })).toString(), /hello/);
});
