// The masters of a running cluster change: a fourth comes, an old one is killed and leaves, one that lost its disk is
// replaced; a writer goes on meanwhile and loses nothing.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { hasCommand } from "@triarch/machine";
import t from "tap";
import { must, TestCluster, type StatusJson } from "../support/cluster.ts";
import { needsKubectl } from "../support/requirements.ts";
import { until } from "../support/until.ts";

interface MembersJson {
  readonly members: readonly { readonly id: string; readonly name: string; readonly role: string }[];
}

const commandTimeoutMs = 240_000;
const patienceMs = 90_000;
/** Most of it is processes that start; a busy machine takes its time. */
const fileTimeoutMs = 530_000;
const skip = (await needsKubectl()) || (!(await hasCommand("etcdctl")) && "needs etcdctl");

t.setTimeout(fileTimeoutMs);

t.test("masters come and go while a writer goes on", { skip, timeout: fileTimeoutMs }, async (t) => {
  const cluster = await TestCluster.create({ runtime: "hollow", basePort: 18_600, workers: 1 });
  t.teardown(() => cluster.destroy());
  await cluster.up(["--no-example"]);
  const members = async (...args: readonly string[]): Promise<MembersJson["members"]> => {
    const printed = await cluster.mustTriarch([...args, "-o", "json"], { timeoutMs: commandTimeoutMs });
    return (JSON.parse(printed) as MembersJson).members;
  };
  // One that takes as long as a busy machine needs for it.
  const statusNow = async (): Promise<StatusJson> =>
    JSON.parse(await cluster.mustTriarch(["status", "-o", "json"], { timeoutMs: commandTimeoutMs })) as StatusJson;
  const before = await members("member", "list");
  t.same(before.map(({ name }) => name).sort(), ["m1", "m2", "m3"]);
  const killed = async (name: string): Promise<void> => {
    const pid = (await statusNow()).processes.find((one) => one.name === name)?.pid ?? 0;
    if (pid <= 1) throw new Error(`${name} does not run`);
    process.kill(pid, "SIGKILL");
  };
  const writer = startWriter(cluster);
  t.teardown(() => void writer.stop()); // before the cluster goes: the last teardown comes first

  const four = await members("member", "add", "m4");
  t.same(four.map(({ name, role }) => [name, role === "leader" || role === "follower"]).sort(), [
    ["m1", true],
    ["m2", true],
    ["m3", true],
    ["m4", true],
  ]);
  const status = await statusNow();
  t.same(
    status.members.map(({ name }) => name),
    ["m1", "m2", "m3", "m4"],
  );
  t.match(await cluster.readText("etcd.env"), ":18613");
  t.match(await cluster.readText("kubeconfig"), ":18604");
  t.match((await cluster.triarch(["member", "add", "m4"])).stderr, "there is a member m4 already");

  // An old master dies and leaves for good.
  const victim = status.members.find(({ role, name }) => role === "follower" && name !== "m4")?.name ?? "";
  await killed(victim);
  const three = await members("member", "remove", victim, "--delete-data");
  t.equal(three.length, 3);
  t.notOk(three.some(({ name }) => name === victim));
  await t.rejects(cluster.readText(join(victim, "member", "wal")), { code: "ENOENT" }, "its data are deleted");
  t.notOk(
    (await statusNow()).processes.some(({ name }) => name === victim),
    "its processes are gone",
  );

  // Another loses its disk.
  const lost = (await statusNow()).members.find(({ role, name }) => role === "follower" && name !== "m4")?.name;
  const oldId = three.find(({ name }) => name === lost)?.id;
  await killed(lost ?? "");
  await rm(join(cluster.dataDir, lost ?? "none"), { recursive: true, force: true });
  const replaced = await members("member", "replace", lost ?? "");
  t.equal(replaced.length, 3);
  t.notOk(
    replaced.some(({ id }) => id === oldId),
    "the old id is gone",
  );
  t.ok(
    replaced.some(({ name }) => name === lost),
    "the name is back",
  );

  const target = replaced.find(({ role, name }) => role === "follower" && name === lost)?.name ?? lost ?? "";
  await cluster.mustTriarch(["move-leader", target]);
  await until(`${target} to lead`, patienceMs, async () =>
    (await statusNow()).members.some(({ name, role }) => name === target && role === "leader") ? true : undefined,
  );

  const acknowledged = await writer.stop();
  t.ok(acknowledged.length > 5, `${acknowledged.length} writes were acknowledged`);
  const keys = new Set(
    must("etcdctl get", await cluster.etcdctl(["get", "/w/", "--prefix", "--keys-only"])).split("\n"),
  );
  t.same(
    acknowledged.filter((key) => !keys.has(key)),
    [],
    "no acknowledged write is lost",
  );
  t.equal(must("kubectl", await cluster.kubectl(["get", "--raw", "/readyz"])), "ok");

  // The ids stand in the files now: everything comes back as it was.
  await cluster.mustTriarch(["down"]);
  await cluster.up(["--no-example"]);
  t.same((await members("member", "list")).map(({ id }) => id).sort(), replaced.map(({ id }) => id).sort());
  const all = new Set(
    must("etcdctl get", await cluster.etcdctl(["get", "/w/", "--prefix", "--keys-only"])).split("\n"),
  );
  t.same(
    acknowledged.filter((key) => !all.has(key)),
    [],
  );
});

/** Puts one key after the other through etcdctl, whatever happens to the masters. */
function startWriter(cluster: TestCluster): { stop(): Promise<readonly string[]> } {
  const acknowledged: string[] = [];
  let stopping = false;
  const write = async (): Promise<void> => {
    for (let i = 0; !stopping; i += 1) {
      const key = `/w/${i}`;
      const { exitCode, stdout } = await cluster.etcdctl(["put", key, "x"]);
      if (exitCode === 0 && stdout === "OK\n") acknowledged.push(key);
      else await delay(50);
    }
  };
  const writing = write();
  return {
    stop: async () => {
      stopping = true;
      await writing;
      return acknowledged;
    },
  };
}
