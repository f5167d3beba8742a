// The plugin protocol, against plugins made of shell.
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { CniError, runCniPlugin } from "@triarch/cni";

const folder = await mkdtemp(join(tmpdir(), "cni-plugins-"));
t.teardown(() => rm(folder, { recursive: true }));

async function plugin(name: string, script: string): Promise<{ readonly type: string }> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
  return { type: name };
}

const call = {
  command: "ADD",
  containerId: "c1",
  netns: "/proc/1/ns/net",
  interfaceName: "eth0",
  args: { A: "b" },
} as const;

t.test("the order is in the environment, the configuration on standard input", async (t) => {
  const config = await plugin(
    "echo",
    `printf '{"seen":"%s","stdin":%s}' "$CNI_COMMAND|$CNI_CONTAINERID|$CNI_NETNS|$CNI_IFNAME|$CNI_ARGS|$CNI_PATH" "$(cat)"`,
  );
  const result = await runCniPlugin(folder, config, call);
  const seen = `ADD|c1|/proc/1/ns/net|eth0|IgnoreUnknown=1;A=b|${folder}`;
  t.same(result, { seen, stdin: config });
});

t.test("errors carry the plugin's code and words", async (t) => {
  const config = await plugin("no", `echo '{"code":11,"msg":"try again","details":"busy"}'; exit 1`);
  const error = await runCniPlugin(folder, config, call).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  t.ok(error instanceof CniError && error.code === 11);
  t.match(error, { message: "CNI plugin no ADD: try again: busy (code 11)" });
  await t.rejects(runCniPlugin(folder, await plugin("mute", "echo oops >&2; exit 3"), call), /mute ADD: oops/);
  await t.rejects(runCniPlugin(folder, await plugin("prose", "echo hello"), call), /no JSON object/);
  await t.rejects(runCniPlugin(folder, { type: "none" }, call), /CNI plugin none ADD: .*ENOENT.* \(code 127\)/);
});

t.test("no answer is fine for DEL", async (t) => {
  t.equal(await runCniPlugin(folder, await plugin("quiet", "true"), { ...call, command: "DEL" }), undefined);
});
