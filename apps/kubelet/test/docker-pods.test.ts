// Pods on Docker in a network namespace of their own: a real API server, the kubelet's program, real CNI plugins.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import t from "tap";
import { commandPath, dockerClient, dockerVersion, ensureLocalImage, hasCommand, runCommand } from "@triarch/machine";

const session = fileURLToPath(new URL("./support/docker-session.ts", import.meta.url));
const namespace = `kubelet-${process.pid}`;

/** Takes 10 s on a quiet machine. */
const timeoutMs = 100_000;

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: unknown;
}

async function missing(): Promise<string | false> {
  if (process.getuid?.() !== 0) return "needs root";
  if (!(await hasCommand("/usr/lib/cni/bridge"))) return "CNI plugins are not installed";
  return (await dockerVersion()) === undefined ? "no Docker Engine answers" : false;
}

/** Whatever the session left when it did not come to its end: processes, containers, the namespace. */
async function cleanUp(): Promise<void> {
  for (const pid of (await runCommand("ip", ["netns", "pids", namespace])).split("\n").filter((line) => line !== "")) {
    process.kill(Number(pid), "SIGKILL");
  }
  const docker = dockerClient();
  const left = await docker.listContainers({ all: true, filters: { label: [`triarch.dev/cluster=${namespace}`] } });
  await Promise.all(left.map((one) => docker.getContainer(one.Id).remove({ force: true, v: true })));
  await runCommand("ip", ["netns", "del", namespace]);
}

t.setTimeout(timeoutMs);
t.test("pods on Docker", { skip: await missing(), timeout: timeoutMs }, async (t) => {
  await ensureLocalImage(dockerClient());
  await runCommand("ip", ["netns", "add", namespace]);
  t.teardown(cleanUp);
  await runCommand("ip", ["-n", namespace, "link", "set", "lo", "up"]);
  const child = spawn("ip", ["netns", "exec", namespace, process.execPath, session], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PATH: commandPath(), KUBELET_TEST_CLUSTER: namespace },
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { name, ok, detail } = JSON.parse(line) as Check;
    t.ok(ok, name, { detail });
    count += 1;
  }
  t.equal(await ended, 0, "the session ends by itself");
  t.ok(count >= 16, `all checks were made (${count})`);
});
