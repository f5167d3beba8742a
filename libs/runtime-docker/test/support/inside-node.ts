// Runs inside a network namespace that stands for a node: the Docker runtime against a real engine. Prints one JSON line
// per check.
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { dockerClient, localImage } from "@triarch/machine";
import type { ContainerConfig, ContainerRecord, PodIdentity, SandboxConfig } from "@triarch/runtime-hollow";
import { checkStreams } from "./stream-checks.ts";
import { createDockerRuntime } from "@triarch/runtime-docker";

const stateDir = process.env["STATE_DIR"] ?? "";
const clusterId = process.env["CLUSTER_ID"] ?? "";
const pod: PodIdentity = { uid: "uid-1", namespace: "default", name: "one" };

function check(name: string, ok: boolean, detail: unknown = ""): void {
  process.stdout.write(`${JSON.stringify({ name, ok, detail: ok ? "" : detail })}\n`);
}

function make(nodeName = "n1"): ReturnType<typeof createDockerRuntime> {
  return createDockerRuntime({ clusterId, nodeName, stateDir, pause: { image: localImage } });
}

const sandboxConfig: SandboxConfig = {
  pod,
  attempt: 0,
  hostname: "host-one",
  hostNetwork: false,
  hostPid: false,
  portMappings: [],
  sysctls: {},
};

function container(name: string, script: string, more: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    name,
    attempt: 0,
    image: localImage,
    command: ["sh", "-c", script],
    env: [{ name: "GREETING", value: "hello" }],
    mounts: [],
    resources: {},
    security: {
      privileged: false,
      readOnlyRootFilesystem: false,
      supplementalGroups: [],
      addCapabilities: [],
      dropCapabilities: [],
      noNewPrivileges: true,
    },
    stdin: false,
    tty: false,
    ...more,
  };
}

async function recordWhere(
  id: string,
  holds: (record: ContainerRecord) => boolean,
): Promise<ContainerRecord | undefined> {
  for (let tries = 0; tries < 400; tries++) {
    const record = (await runtime.getPod(pod.uid))?.containers.find((one) => one.id === id);
    if (record !== undefined && holds(record)) return record;
    await delay(50);
  }
  return undefined;
}
const isExited = (record: ContainerRecord): boolean => record.state.kind === "exited";
const exitOf = (record: ContainerRecord | undefined): object =>
  record?.state.kind === "exited" ? { code: record.state.exitCode, reason: record.state.reason } : {};

const runtime = make();
const stop = new AbortController();
const changed = new Set<string>();
runtime.subscribe((uid) => changed.add(uid), stop.signal);
runtime.setPodCidr("10.96.6.0/24");

const sandbox = await runtime.createSandbox(sandboxConfig);
check("a sandbox has an address", sandbox.ip?.startsWith("10.96.6.") === true, sandbox);
const second = await runtime.createSandbox(sandboxConfig).then(
  (again) => again.id !== sandbox.id,
  () => false,
);
check("a sandbox of the same name replaces what a crash left", second);
const current = (await runtime.getPod(pod.uid))?.sandboxes[0] ?? sandbox;

const talker = await runtime.createContainer(
  current,
  container(
    "talker",
    'trap "exit 5" TERM; echo "$GREETING from $(hostname) $(id -u)"; echo err >&2; while true; do sleep 0.05; done',
    {
      security: { ...container("x", "").security, user: "1234", readOnlyRootFilesystem: true },
      resources: { memoryLimitBytes: 32 * 1024 * 1024, cpuShares: 100 },
    },
  ),
);
const created = (await runtime.getPod(pod.uid))?.containers[0];
check(
  "before its start a container is created",
  created?.state.kind === "created" && created.image === localImage,
  created,
);
await runtime.startContainer(talker);
check("then it runs", (await recordWhere(talker, (one) => one.state.kind === "running")) !== undefined);
const follow = await runtime.logs(talker, { follow: true, timestamps: false });
let seen = "";
follow.on("data", (chunk: Buffer) => (seen += chunk.toString("utf8")));
while (!(seen.includes("hello") && seen.includes("err"))) await once(follow, "data");
check("a followed log shows both streams, user and host name", seen.includes("hello from host-one 1234\n"), seen);
const stderr = await text(await runtime.logs(talker, { follow: false, timestamps: false, stream: "stderr" }));
check("one stream alone", stderr === "err\n", stderr);
// The engine counts lines of both streams before it leaves one out, and their order is not given: both are asked for.
const stamped = await text(
  await runtime.logs(talker, { follow: false, timestamps: true, tailLines: 2, stream: "stdout" }),
);
check("time stamps", /^\d{4}-\d\d-\d\dT[\d:.]+Z hello/.test(stamped), stamped);
const ran = await runtime.exec(talker, ["sh", "-c", "echo out; exit 4"], 10_000);
check("exec gives output and exit code", ran.exitCode === 4 && ran.output === "out\n", ran);
const readOnly = await runtime.exec(talker, ["sh", "-c", "echo x > /x"], 10_000);
check("the root file system is read-only", readOnly.exitCode !== 0, readOnly);
const slow = await runtime.exec(talker, ["sleep", "5"], 300).then(
  () => "",
  (error: unknown) => String(error),
);
check("exec has a time limit", slow.includes("did not end in 0.3 s"), slow);

const [cat, web] = await Promise.all([
  runtime.createContainer(current, container("cat", "cat", { stdin: true, command: ["cat"] })),
  runtime.createContainer(current, container("web", "exec httpd -f -p 127.0.0.1:8099 -h /")),
]);
for (const id of [cat, web]) await runtime.startContainer(id);
await recordWhere(web, (one) => one.state.kind === "running");
await checkStreams(runtime, { container: talker, cat, sandbox: current.id, port: 8099 }, check);
for (const id of [cat, web]) await runtime.removeContainer(id);

const restarted = make();
const adopted = await restarted.getPod(pod.uid);
check(
  "another instance finds all by labels",
  adopted?.sandboxes[0]?.ip === current.ip && adopted?.containers.length === 1,
  adopted,
);
check(
  "another node sees nothing",
  (await make("n2").getPod(pod.uid)) === undefined && (await make("n2").listPods()).length === 0,
);

const ended = once(follow, "end");
await runtime.stopContainer(talker, 10);
await ended;
const stopped = await recordWhere(talker, isExited);
check("stop sends SIGTERM first", JSON.stringify(exitOf(stopped)) === '{"code":5,"reason":"Error"}', stopped);
check("changes were told", changed.has(pod.uid));
const before = await runtime.listPods();
check(
  "the list has a fingerprint per pod",
  before.length === 1 && before[0]?.fingerprint.includes("exited") === true,
  before,
);

const missing = await runtime.createContainer(current, { ...container("missing", ""), command: ["/no/such"] });
const failure = await runtime.startContainer(missing).then(
  () => "",
  (error: unknown) => String(error),
);
const cannotRun = await recordWhere(missing, isExited);
check(
  "a command that is not there",
  failure.includes("no such file") && JSON.stringify(exitOf(cannotRun)).includes("ContainerCannotRun"),
  [failure, cannotRun],
);

const hog = await runtime.createContainer(
  current,
  container("hog", "head -c 200000000 /dev/zero | tail", { resources: { memoryLimitBytes: 16 * 1024 * 1024 } }),
);
await runtime.startContainer(hog);
const killed = await recordWhere(hog, isExited);
check("too much memory is OOMKilled", JSON.stringify(exitOf(killed)).includes("OOMKilled"), killed);

check(
  "images",
  (await runtime.imageId(localImage)) !== undefined && (await runtime.imageId("triarch/none:x")) === undefined,
);
for (const one of (await runtime.getPod(pod.uid))?.containers ?? []) await runtime.removeContainer(one.id);
await runtime.removeSandbox(current.id);
await runtime.removeSandbox(current.id);
await runtime.removeSandbox(sandbox.id);
check("nothing is left", (await runtime.listPods()).length === 0);
const left = await dockerClient().listContainers({
  all: true,
  filters: { label: [`triarch.dev/cluster=${clusterId}`] },
});
check("also for Docker", left.length === 0, left);
stop.abort();
