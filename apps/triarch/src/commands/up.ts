import colours from "picocolors";
import { seededRng, systemClock } from "@triarch/base";
import { kubeClientFromFile, type BalancedKubeClient } from "@triarch/client";
import { ensureClusterFiles } from "../cluster/certificates.ts";
import {
  clusterPaths,
  hostPorts,
  limits,
  newClusterSpec,
  readClusterSpec,
  writeClusterSpec,
  type ClusterPaths,
  type ClusterSpec,
  type Runtime,
} from "../cluster/cluster-spec.ts";
import { applyExample, askExample, exampleState } from "../cluster/example.ts";
import { prepareMachine } from "../cluster/machine.ts";
import { requireFreePorts } from "../cluster/ports.ts";
import { clusterProcesses, ownProgram } from "../cluster/processes.ts";
import { takeDown } from "../cluster/take-down.ts";
import { waitFor } from "../cluster/wait.ts";
import { CommandFailure } from "../errors.ts";
import { bridgeName, bridgesPresent, setUpNetwork, tearDownNetwork } from "../network/host-network.ts";
import { terminalProgress, type Progress } from "../output/progress.ts";
import { collectStatus, memberStatuses } from "../status/collect.ts";
import { startSupervisor, SupervisorClient } from "../supervisor/supervisor-client.ts";

export interface UpOptions {
  readonly dataDir: string;
  readonly masters?: number;
  readonly workers?: number;
  readonly runtime?: Runtime;
  readonly basePort?: number;
  readonly detach?: boolean;
  readonly systemPackages: boolean;
  readonly example: boolean;
  readonly logLevel: string;
}

const defaults = { masters: 3, workers: 2, basePort: 6443 } as const;
const stepTimeoutMs = 90_000;

export async function upCommand(options: UpOptions, signal: AbortSignal): Promise<number> {
  const progress = terminalProgress();
  const paths = clusterPaths(options.dataDir);
  const known = await readClusterSpec(paths);
  if (known !== undefined) requireSameShape(known, options);
  const supervisor = new SupervisorClient(paths);
  if ((await supervisor.status()) !== undefined) {
    console.log(
      `This cluster is running already. See \`triarch status\`, end it with \`triarch down\`.\n\n${nextSteps(paths)}`,
    );
    return 0;
  }
  if (await supervisor.hasLeftOvers()) await supervisor.shutDown();

  const runtime = await prepareMachine(
    { wanted: options.runtime ?? known?.runtime, systemPackages: options.systemPackages, paths },
    progress,
  );
  if (known !== undefined && known.runtime !== runtime) {
    throw new CommandFailure(
      `the cluster in ${paths.root} has the ${known.runtime} runtime, which this machine does not offer now`,
    );
  }
  const spec = known ?? newClusterSpec({ ...defaults, ...definedShape(options), runtime });
  await requireFreePorts(hostPorts(spec));
  if (runtime === "docker") await requireNoOtherNetwork(spec);
  if (known === undefined) await writeClusterSpec(paths, spec);

  const files = await progress.step("Certificates and configuration", () =>
    ensureClusterFiles(spec, paths, systemClock.nowMs()),
  );
  if (runtime === "docker") {
    await progress.step(
      "Node networks",
      async () => {
        await tearDownNetwork(spec);
        await setUpNetwork(spec);
      },
      () => `bridge ${bridgeName(spec.clusterId)}, ${spec.workers.length} network namespaces`,
    );
  }
  const processes = await clusterProcesses(spec, paths, files, { logLevel: options.logLevel });
  const handle = await startSupervisor(paths, processes, {
    clusterId: spec.clusterId,
    program: ownProgram(),
    onLine: (line) => progress.note(line),
  });
  try {
    await bringUp(spec, paths, options, progress, signal);
  } catch (error) {
    progress.note("taking everything down again; the data stays");
    await handle.stop();
    await takeDown(spec);
    if (signal.aborted) return 130;
    throw error;
  }
  console.log(`\n${nextSteps(paths)}`);
  if (options.detach === true) {
    await handle.detach();
    return 0;
  }
  console.log(`\n${colours.dim("Ctrl-C stops everything; the data stays.")}`);
  await Promise.race([
    handle.exited,
    new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true })),
  ]);
  await progress.step("Stopping", async () => {
    await handle.stop();
    await takeDown(spec);
  });
  return 0;
}

async function bringUp(
  spec: ClusterSpec,
  paths: ClusterPaths,
  options: UpOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const startedAtMs = systemClock.nowMs();
  const client = await kubeClientFromFile(paths.kubeconfig, {
    clock: systemClock,
    rng: seededRng(process.pid),
    userAgent: "triarch-up",
    requestTimeoutMs: 5_000,
  });
  const wait = (step: Parameters<typeof waitFor>[0]["step"], names: readonly string[]) => ({
    step,
    paths,
    timeoutMs: stepTimeoutMs,
    signal,
    processes: names,
  });
  try {
    await progress.step(
      `${spec.masters.length} masters`,
      (step) =>
        waitFor(
          wait(
            step,
            spec.masters.map((one) => one.name),
          ),
          async () => {
            const members = await memberStatuses(spec, paths, [], []);
            const silent = members.filter((one) => one.role === "unreachable").map((one) => one.name);
            const leader = members.find((one) => one.role === "leader");
            if (silent.length > 0) return { missing: `waiting for ${silent.join(", ")}` };
            if (leader === undefined) return { missing: "waiting for a leader" };
            const ready = await client.raw({ method: "GET", path: "/readyz" });
            return ready.statusCode === 200 ? { done: leader } : { missing: Buffer.from(ready.body).toString("utf8") };
          },
        ),
      (leader) => `${leader.name} leads in term ${leader.term}`,
    );
    await progress.step(
      "Scheduler and controller manager",
      (step) =>
        waitFor(wait(step, ["scheduler", "controller-manager"]), async () => {
          const { components } = await collectStatus(spec, paths);
          // What a former run left in the store does not count.
          const without = components.filter((one) => !isFresh(one.renewedAt, startedAtMs)).map((one) => one.name);
          if (components.length === 0) return { missing: "waiting for the API" };
          return without.length > 0 ? { missing: `${without.join(", ")} has no leader` } : { done: components };
        }),
      (components) => components.map((one) => `${one.holder} leads`).join(", "),
    );
    await progress.step(
      `${spec.workers.length} workers`,
      (step) =>
        waitFor(
          wait(
            step,
            spec.workers.map((one) => one.name),
          ),
          async () => {
            const { nodes } = await collectStatus(spec, paths);
            const ready = nodes.filter((node) => node.ready && isFresh(node.renewedAt, startedAtMs));
            return ready.length < spec.workers.length
              ? { missing: `${ready.length} of ${spec.workers.length} ready` }
              : { done: ready };
          },
        ),
      () => `ready, ${spec.runtime} runtime`,
    );
    if (options.example && spec.workers.length > 0) await startExample(spec, client, progress, wait);
  } finally {
    await client.close();
  }
}

function isFresh(renewedAt: string, sinceMs: number): boolean {
  return Date.parse(renewedAt) >= sinceMs;
}

async function startExample(
  spec: ClusterSpec,
  client: BalancedKubeClient,
  progress: Progress,
  wait: (step: Parameters<typeof waitFor>[0]["step"], names: readonly string[]) => Parameters<typeof waitFor>[0],
): Promise<void> {
  await progress.step(
    "Example: deployment/hello",
    async (step) => {
      await applyExample(client, spec.runtime);
      return waitFor(wait(step, ["w", "scheduler", "controller-manager"]), async () => {
        const state = await exampleState(client);
        return state.available < state.wanted
          ? { missing: `${state.available} of ${state.wanted} replicas available` }
          : { done: state };
      });
    },
    (state) => `${state.available} replicas available`,
  );
  if (spec.runtime !== "docker") {
    progress.note("hollow containers serve nothing: the example's Service is not asked");
    return;
  }
  await progress.step(
    "Example: service/hello",
    (step) =>
      waitFor(wait(step, ["host-proxy", "w"]), async () => {
        const { clusterIp } = await exampleState(client);
        return { done: `http://${clusterIp}/ says "${await askExample(clusterIp)}"` };
      }),
    (text) => text,
  );
}

function nextSteps(paths: ClusterPaths): string {
  const lines = [
    [`export KUBECONFIG=${paths.kubeconfig}`, ""],
    ["kubectl get nodes,pods,services -o wide", "the cluster"],
    ["kubectl scale deployment hello --replicas 6", "work for the scheduler"],
    ["npx triarch status", "members, leader, nodes"],
    ["npx triarch drill run leader-kill", "kill the leading master under load, measured"],
    [`. ${paths.etcdEnv} && etcdctl endpoint status -w table`, "the store beneath"],
    ["npx triarch down", "stop everything (--delete-data: and forget it)"],
  ] as const;
  const shown = lines.map(([command, what]) =>
    `  ${command.padEnd(46)} ${what === "" ? "" : colours.dim(`# ${what}`)}`.trimEnd(),
  );
  return [`kubeconfig: ${paths.kubeconfig}`, "", "Try next:", ...shown].join("\n");
}

function definedShape(options: UpOptions): { masters?: number; workers?: number; basePort?: number } {
  return {
    ...(options.masters === undefined ? {} : { masters: options.masters }),
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.basePort === undefined ? {} : { basePort: options.basePort }),
  };
}

/** A cluster keeps the shape it was made with. */
function requireSameShape(spec: ClusterSpec, options: UpOptions): void {
  const asked: readonly (readonly [string, string | number | undefined, string | number])[] = [
    ["--masters", options.masters, spec.masters.length],
    ["--workers", options.workers, spec.workers.length],
    ["--runtime", options.runtime, spec.runtime],
    ["--base-port", options.basePort, spec.balancedPort],
  ];
  for (const [flag, wanted, is] of asked) {
    if (wanted !== undefined && wanted !== is) {
      throw new CommandFailure(`${flag} ${wanted} does not fit the cluster in ${options.dataDir}, which has ${is}`, {
        remedy: "leave the flag out, or make another cluster with another --data-dir",
        exitCode: 2,
      });
    }
  }
}

/** The addresses of nodes and Services exist once per machine. */
async function requireNoOtherNetwork(spec: ClusterSpec): Promise<void> {
  const others = (await bridgesPresent()).filter((id) => id !== spec.clusterId);
  if (others.length === 0) return;
  throw new CommandFailure(
    `another triarch cluster with containers (${others.join(", ")}) uses this machine's node network`,
    {
      remedy: "only one at a time: end it with `triarch down` and its --data-dir, or use --runtime hollow",
    },
  );
}

export function parseShape(text: string, name: "masters" | "workers"): number {
  const value = Number(text);
  const max = name === "masters" ? limits.mastersMax : limits.workersMax;
  const least = name === "masters" ? 1 : 0;
  if (!Number.isInteger(value) || value < least || value > max) {
    throw new CommandFailure(`--${name} takes a whole number from ${least} to ${max}, not "${text}"`, { exitCode: 2 });
  }
  if (name === "masters" && value % 2 === 0) {
    throw new CommandFailure(`--masters ${value}: an even number of masters survives no more failures than one less`, {
      remedy: "use 1, 3, 5 or 7",
      exitCode: 2,
    });
  }
  return value;
}
