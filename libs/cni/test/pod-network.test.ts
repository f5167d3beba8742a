// The pod network with real plugins: one network namespace stands for the node, two for pods.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { hasCommand, runCommand, tryCommand } from "@triarch/machine";

const session = fileURLToPath(new URL("./support/inside-node.ts", import.meta.url));

async function missing(): Promise<string | false> {
  if (process.getuid?.() !== 0) return "needs root";
  if (!(await hasCommand("iptables"))) return "iptables is not installed";
  return (await hasCommand("/usr/lib/cni/bridge")) ? false : "CNI plugins are not installed";
}

t.setTimeout(100_000);
t.test("pods of a node", { skip: await missing(), timeout: 100_000 }, async (t) => {
  const stateDir = await mkdtemp(join(tmpdir(), "cni-state-"));
  const names = ["node", "pod1", "pod2"].map((name) => `cni-${process.pid}-${name}`);
  t.teardown(async () => {
    for (const name of names) await tryCommand("ip", ["netns", "del", name]);
    await rm(stateDir, { recursive: true });
  });
  for (const name of names) await runCommand("ip", ["netns", "add", name]);
  const [node = "", ...pods] = names;
  const result = await tryCommand("ip", ["netns", "exec", node, process.execPath, session], {
    env: { STATE_DIR: stateDir, PODS: pods.join(",") },
    timeoutMs: 90_000,
  });
  t.equal(result.exitCode, 0, "the session goes to its end", { detail: result.stderr });
  const lines = result.stdout.split("\n").filter((line) => line !== "");
  for (const line of lines) {
    const { name, ok, detail } = JSON.parse(line) as {
      readonly name: string;
      readonly ok: boolean;
      readonly detail: unknown;
    };
    t.ok(ok, name, { detail });
  }
  t.equal(lines.length, 14, "all checks were made");
});
