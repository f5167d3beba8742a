// The runtime against a real Docker Engine and real CNI plugins, in a network namespace of its own.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { dockerClient, dockerVersion, ensureLocalImage, hasCommand, runCommand, tryCommand } from "@triarch/machine";

const session = fileURLToPath(new URL("./support/inside-node.ts", import.meta.url));
const name = `docker-${process.pid}`;
const timeoutMs = 100_000;

async function missing(): Promise<string | false> {
  if (process.getuid?.() !== 0) return "needs root";
  if (!(await hasCommand("/usr/lib/cni/bridge"))) return "CNI plugins are not installed";
  return (await dockerVersion()) === undefined ? "no Docker Engine answers" : false;
}

t.setTimeout(timeoutMs);
t.test("pods as containers", { skip: await missing(), timeout: timeoutMs }, async (t) => {
  const docker = dockerClient();
  await ensureLocalImage(docker);
  const stateDir = await mkdtemp(join(tmpdir(), "docker-runtime-"));
  await runCommand("ip", ["netns", "add", name]);
  t.teardown(async () => {
    const left = await docker.listContainers({ all: true, filters: { label: [`triarch.dev/cluster=${name}`] } });
    await Promise.all(left.map((one) => docker.getContainer(one.Id).remove({ force: true, v: true })));
    await runCommand("ip", ["netns", "del", name]);
    await rm(stateDir, { recursive: true });
  });
  const result = await tryCommand("ip", ["netns", "exec", name, process.execPath, session], {
    env: { STATE_DIR: stateDir, CLUSTER_ID: name },
    timeoutMs: timeoutMs - 10_000,
  });
  t.equal(result.exitCode, 0, "the session goes to its end", { detail: result.stderr });
  const lines = result.stdout.split("\n").filter((line) => line !== "");
  for (const line of lines) {
    const one = JSON.parse(line) as { readonly name: string; readonly ok: boolean; readonly detail: unknown };
    t.ok(one.ok, one.name, { detail: one.detail });
  }
  t.equal(lines.length, 28, "all checks were made");
});
