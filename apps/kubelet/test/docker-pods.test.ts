// Pods on Docker in a network namespace of their own: a real API server, the kubelet's program, real CNI plugins.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import t from "tap";
import { commandPath, dockerClient, dockerVersion, ensureLocalImage, hasCommand, runCommand } from "@triarch/machine";

const session = fileURLToPath(new URL("./support/docker-session.ts", import.meta.url));
const namespace = `kubelet-${process.pid}`;

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

t.test("pods on Docker", { skip: await missing() }, async (t) => {
  await ensureLocalImage(dockerClient());
  await runCommand("ip", ["netns", "add", namespace]);
  t.teardown(() => runCommand("ip", ["netns", "del", namespace]));
  await runCommand("ip", ["-n", namespace, "link", "set", "lo", "up"]);
  const child = spawn("ip", ["netns", "exec", namespace, process.execPath, session], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PATH: commandPath() },
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  t.equal(await ended, 0, "the session ends by itself");
  const checks = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Check);
  for (const { name, ok, detail } of checks) t.ok(ok, name, { detail });
  t.ok(checks.length >= 16, `all checks were made (${checks.length})`);
});
