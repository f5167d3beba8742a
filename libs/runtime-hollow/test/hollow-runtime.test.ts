import { text } from "node:stream/consumers";
import t from "tap";
import { ManualClock } from "@triarch/base";
import { createHollowRuntime, type ContainerConfig, type SandboxConfig } from "@triarch/runtime-hollow";

const sandboxConfig = (name: string, more: Partial<SandboxConfig> = {}): SandboxConfig => ({
  pod: { uid: `uid-${name}`, namespace: "default", name },
  attempt: 0,
  hostname: name,
  hostNetwork: false,
  hostPid: false,
  portMappings: [],
  sysctls: {},
  ...more,
});

const containerConfig: ContainerConfig = {
  name: "main",
  attempt: 0,
  image: "any:1",
  env: [],
  mounts: [],
  resources: {},
  security: {
    privileged: false,
    readOnlyRootFilesystem: false,
    supplementalGroups: [],
    addCapabilities: [],
    dropCapabilities: [],
    noNewPrivileges: false,
  },
  stdin: false,
  tty: false,
};

t.test("a pod's life", async (t) => {
  const clock = new ManualClock();
  const runtime = createHollowRuntime({ clock, nodeName: "n1" });
  const changes: string[] = [];
  const stop = new AbortController();
  runtime.subscribe((uid) => changes.push(uid), stop.signal);
  await t.rejects(runtime.createSandbox(sandboxConfig("a")), /no podCIDR yet/);
  runtime.setPodCidr("10.1.2.0/24");
  const sandbox = await runtime.createSandbox(sandboxConfig("a"));
  t.equal(sandbox.ip, "10.1.2.2");
  const id = await runtime.createContainer(sandbox, containerConfig);
  await runtime.startContainer(id);
  clock.advance(5_000);
  await runtime.stopContainer(id, 0);
  const pod = await runtime.getPod("uid-a");
  t.match(pod?.containers, [{ id, name: "main", attempt: 0, state: { kind: "exited", exitCode: 0 } }]);
  const state = pod?.containers[0]?.state;
  t.equal(state?.kind === "exited" && state.finishedAtMs - state.startedAtMs, 5_000);
  t.match(await text(await runtime.logs(id, { follow: false, timestamps: false })), /nothing runs here/);
  t.same(changes, ["uid-a", "uid-a", "uid-a"]);
  stop.abort();
  await runtime.removeSandbox(sandbox.id);
  await runtime.removeContainer(id);
  t.equal(await runtime.getPod("uid-a"), undefined);
  t.same(await runtime.listPods(), []);
  t.equal(changes.length, 3, "nobody listens any more");
});

t.test("addresses: all of the network, none twice, reused late", async (t) => {
  const runtime = createHollowRuntime({ clock: new ManualClock(), nodeName: "n1" });
  runtime.setPodCidr("10.9.8.248/29");
  const make = async (name: string): Promise<string> => (await runtime.createSandbox(sandboxConfig(name))).ip ?? "";
  const first = await runtime.createSandbox(sandboxConfig("0"));
  const rest = [await make("1"), await make("2"), await make("3")];
  t.same([first.ip, ...rest], ["10.9.8.250", "10.9.8.251", "10.9.8.252", "10.9.8.253"]);
  await runtime.removeSandbox(first.id);
  t.equal(await make("5"), "10.9.8.254");
  t.equal(await make("6"), "10.9.8.250");
  await t.rejects(make("7"), /no address of 10\.9\.8\.248\/29 is free/);
  t.throws(() => runtime.setPodCidr("10.9.8.0/31"), /no IPv4 network of \/30 or wider/);
  const onHost = await runtime.createSandbox(sandboxConfig("8", { hostNetwork: true }));
  t.equal(onHost.ip, undefined);
});
