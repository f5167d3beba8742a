// Members of the local cluster, the one that `triarch up` made and the supervisor runs: a master comes or goes together
// with its ports, certificates, configuration and processes.
//
// `cluster.json` is written after the store has taken a change and before processes start, so that whatever is cut short
// is seen by `member list` and can be finished or undone with `member promote` and `member remove`.
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "@triarch/base";
import { runCommand } from "@triarch/machine";
import { ensureClusterFiles } from "../cluster/certificates.ts";
import {
  limits,
  masterInSlot,
  masterPorts,
  peerUrlOf,
  slotOf,
  writeClusterSpec,
  type ClusterPaths,
  type ClusterSpec,
  type MasterSpec,
} from "../cluster/cluster-spec.ts";
import { requireFreePorts } from "../cluster/ports.ts";
import { clusterProcesses, configFileOf, processNamesOf } from "../cluster/processes.ts";
import { waitFor } from "../cluster/wait.ts";
import { CommandFailure } from "../errors.ts";
import { bridgeName } from "../network/host-network.ts";
import type { Progress } from "../output/progress.ts";
import { SupervisorClient } from "../supervisor/supervisor-client.ts";
import type { ClusterView, MemberAccess, MemberView } from "./access.ts";

/** Peer ports of a cluster: more than it has masters, so that a replaced one gets another. */
const peerPortsMax = 10;
const catchUpTimeoutMs = 120_000;
const syncRetryMs = 200;
const backupSuffix = "replaced";
/** So far behind the leader a learner may be when it is promoted: it catches up in the time of a heartbeat or two. */
const promotedLagMax = 100;

export interface LocalCluster {
  readonly spec: ClusterSpec;
  readonly paths: ClusterPaths;
  readonly access: MemberAccess;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly logLevel: string;
}

/** A fourth master (or fifth …) starts, as a learner, and votes once it has caught up. @returns the cluster with it */
export async function addLocalMember(
  cluster: LocalCluster,
  name: string,
  options: { readonly promote: boolean },
): Promise<ClusterSpec> {
  const { access, progress, paths } = cluster;
  await requireSupervisor(paths);
  const view = await access.view();
  requireFreeName(cluster, view, name);
  const master = nextMaster(cluster.spec, name);
  await requireFreePorts(masterPorts(master));
  const { member } = await progress.step(`Adding ${name} as a learner`, () =>
    access.ask((client) => client.memberAdd({ peerUrls: [peerUrlOf(master)], isLearner: true })),
  );
  const added: MasterSpec = { ...master, memberId: (member?.id ?? 0n).toString(16), joined: true };
  const spec = withMasters(pinned(cluster.spec, view), (masters) => [...masters, added]);
  await writeClusterSpec(paths, spec);
  await startMaster({ ...cluster, spec }, added);
  await catchUp({ ...cluster, spec }, added);
  if (options.promote) {
    await progress.step("Promoting it", () => promoteWhenReady(cluster, added));
  }
  return spec;
}

/** Takes a master out of the cluster and its processes down. @returns the cluster without it */
export async function removeLocalMember(
  cluster: LocalCluster,
  master: MasterSpec,
  options: { readonly deleteData: boolean },
): Promise<ClusterSpec> {
  const { access, progress, paths } = cluster;
  await requireSupervisor(paths);
  const view = await access.view();
  const spec = pinned(cluster.spec, view);
  const id = BigInt(`0x${spec.masters.find(({ name }) => name === master.name)?.memberId ?? "0"}`);
  if (view.members.some((member) => member.id === id)) {
    await progress.step(`Removing ${master.name}`, () => access.ask((client) => client.memberRemove(id)));
  }
  const rest = withMasters(spec, (masters) => masters.filter(({ name }) => name !== master.name));
  await writeClusterSpec(paths, rest);
  await progress.step("Stopping its processes", async () => {
    await removeProcesses(paths, processNamesOf(spec, master));
    await rm(configFileOf(paths, master.name), { force: true });
    await prepare({ ...cluster, spec: rest });
  });
  if (options.deleteData) {
    await progress.step(
      "Deleting its data",
      () => rm(paths.member(master.name), { recursive: true, force: true }),
      () => paths.member(master.name),
    );
  }
  return rest;
}

/**
 * A master whose disk is lost comes back empty, under its name, with a new member id and peer port: as a learner that
 * takes the old one's place when it has caught up. What is left of its data is kept beside.
 */
export async function replaceLocalMember(
  cluster: LocalCluster,
  master: MasterSpec,
  options: { readonly deleteData: boolean },
): Promise<ClusterSpec> {
  const { access, progress, paths } = cluster;
  await requireSupervisor(paths);
  const view = await access.view();
  const before = pinned(cluster.spec, view);
  const removedId = BigInt(`0x${before.masters.find(({ name }) => name === master.name)?.memberId ?? "0"}`);
  requireQuorumWithout(view, removedId, master.name);
  const moved = { ...master, peerPort: await freePeerPort(before) };
  await progress.step(`Stopping ${master.name}`, () => new SupervisorClient(paths).order("stop", master.name));
  const { member } = await progress.step("Adding its successor as a learner", () =>
    access.ask((client) => client.memberAdd({ peerUrls: [peerUrlOf(moved)], isLearner: true, replacedId: removedId })),
  );
  const learnerId = member?.id ?? 0n;
  const successor: MasterSpec = { ...moved, memberId: learnerId.toString(16), joined: true };
  const spec = withMasters(before, (masters) => masters.map((one) => (one.name === master.name ? successor : one)));
  await writeClusterSpec(paths, spec);
  const kept = await putAside(paths, master.name, options.deleteData);
  if (kept !== undefined) progress.note(`what was left of its data is kept in ${kept}`);
  await removeProcesses(paths, [master.name]);
  await startMaster({ ...cluster, spec }, successor);
  await catchUp({ ...cluster, spec }, successor);
  await progress.step("Taking the old one's place", () =>
    whenReady(cluster, () => access.ask((client) => client.memberReplace({ learnerId, removedId }))),
  );
  return spec;
}

/** @throws CommandFailure when the old one's absence would stop the cluster */
function requireQuorumWithout(view: ClusterView, id: bigint, name: string): void {
  const voters = view.members.filter(({ role }) => role !== "learner" && role !== "unstarted");
  const running = voters.filter((one) => one.id !== id && one.role !== "unreachable");
  if (running.length >= Math.floor(voters.length / 2) + 1) return;
  throw new CommandFailure(
    `${name} cannot be replaced now: without it ${running.length} of ${voters.length} voting members run, no majority`,
    { remedy: "bring the others back first, or add a member before; nothing was changed" },
  );
}

async function promoteWhenReady(cluster: LocalCluster, { memberId = "0" }: MasterSpec): Promise<void> {
  await whenReady(cluster, () => cluster.access.ask((client) => client.memberPromote(BigInt(`0x${memberId}`))));
}

/** The store has the last word on whether the learner is in sync. */
async function whenReady({ signal }: LocalCluster, change: () => Promise<void>): Promise<void> {
  const endMs = performance.now() + catchUpTimeoutMs;
  for (;;) {
    try {
      return await change();
    } catch (error) {
      const notYet = error instanceof CommandFailure && error.message.includes("in sync with leader");
      if (!notYet || performance.now() > endMs) throw error;
    }
    await delay(syncRetryMs, undefined, { signal });
  }
}

/** Certificates and configurations of all, then the processes of this one. */
async function startMaster(cluster: LocalCluster, master: MasterSpec): Promise<void> {
  const { spec, progress } = cluster;
  await progress.step(`Starting ${master.name}`, async () => {
    const { advertiseIp } = master;
    if (advertiseIp !== undefined && !(await hasAddress(spec, advertiseIp))) {
      await runCommand("ip", ["addr", "add", `${advertiseIp}/24`, "dev", bridgeName(spec.clusterId)]);
    }
    await prepare(cluster, processNamesOf(spec, master));
  });
}

/**
 * Brings files in line with the spec, starts those of the named processes that the supervisor does not have, and the
 * balancer anew: it reads the masters' addresses once.
 */
async function prepare({ spec, paths, logLevel }: LocalCluster, names: readonly string[] = []): Promise<void> {
  const files = await ensureClusterFiles(spec, paths, systemClock.nowMs());
  const processes = await clusterProcesses(spec, paths, files, { logLevel });
  const supervisor = new SupervisorClient(paths);
  const running = new Set((await supervisor.status())?.map(({ name }) => name));
  for (const one of processes) if (names.includes(one.name) && !running.has(one.name)) await supervisor.add(one);
  await supervisor.order("stop", "balancer");
  await supervisor.order("start", "balancer");
}

async function catchUp({ access, paths, progress, signal }: LocalCluster, master: MasterSpec): Promise<void> {
  await progress.step(
    "Catching up",
    (step) =>
      waitFor({ step, paths, timeoutMs: catchUpTimeoutMs, signal, processes: [master.name] }, async () => {
        const member = (await access.view()).members.find(({ id }) => id.toString(16) === master.memberId);
        if (member === undefined) return { missing: `${master.name} is not a member any more` };
        if (member.lag === undefined) return { missing: `${master.name} does not answer yet` };
        return member.lag <= promotedLagMax ? { done: member } : { missing: `${member.lag} entries behind` };
      }),
    (member: MemberView) => `member ${member.id.toString(16)}`,
  );
}

async function removeProcesses(paths: ClusterPaths, names: readonly string[]): Promise<void> {
  const supervisor = new SupervisorClient(paths);
  const known = new Set((await supervisor.status())?.map(({ name }) => name));
  for (const name of names) if (known.has(name)) await supervisor.order("remove", name);
}

/** @returns where it is now; undefined when there was nothing, or it was deleted */
async function putAside(paths: ClusterPaths, name: string, deleteData: boolean): Promise<string | undefined> {
  const folder = paths.member(name);
  if (!existsSync(folder)) return undefined;
  if (deleteData) {
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
  const kept = `${folder}.${backupSuffix}-${new Date(systemClock.nowMs()).toISOString().replaceAll(/[:.]/g, "-")}`;
  await rename(folder, kept);
  return kept;
}

/** From the first change on the ids stand in the spec. */
function pinned(spec: ClusterSpec, view: ClusterView): ClusterSpec {
  if (spec.storeId !== undefined) return spec;
  const idOf = (master: MasterSpec): string => {
    const member = view.members.find(({ peerUrls }) => peerUrls.includes(peerUrlOf(master)));
    if (member === undefined) {
      throw new CommandFailure(`${master.name} is not among the store's members`, {
        remedy: "see `triarch member list`; nothing was changed",
      });
    }
    return member.id.toString(16);
  };
  const masters = spec.masters.map((master) => ({ ...master, memberId: idOf(master) }));
  return { ...spec, storeId: view.clusterId.toString(16), masters };
}

function withMasters(
  spec: ClusterSpec,
  change: (masters: readonly MasterSpec[]) => readonly MasterSpec[],
): ClusterSpec {
  const masters = [...change(spec.masters)].sort((left, right) => slotOf(spec, left) - slotOf(spec, right));
  return { ...spec, masters };
}

function nextMaster(spec: ClusterSpec, name: string): MasterSpec {
  const taken = new Set(spec.masters.map((master) => slotOf(spec, master)));
  const slot = Array.from({ length: limits.mastersMax }, (_, i) => i).find((i) => !taken.has(i));
  if (slot === undefined) {
    throw new CommandFailure(`a local cluster has at most ${limits.mastersMax} masters`, {
      remedy: "remove one first",
    });
  }
  const peerPorts = new Set(spec.masters.map(({ peerPort }) => peerPort));
  const master = masterInSlot({ basePort: spec.balancedPort, runtime: spec.runtime, name, slot });
  return {
    ...master,
    peerPort: peerPortsOf(spec).find((port) => port >= master.peerPort && !peerPorts.has(port)) ?? master.peerPort,
  };
}

function peerPortsOf(spec: ClusterSpec): readonly number[] {
  return Array.from({ length: peerPortsMax }, (_, i) => spec.balancedPort + 20 + i);
}

/** The old member's peer URL stays taken until it is gone. */
async function freePeerPort(spec: ClusterSpec): Promise<number> {
  const taken = new Set(spec.masters.map(({ peerPort }) => peerPort));
  const port = peerPortsOf(spec).findLast((one) => !taken.has(one)) ?? 0;
  await requireFreePorts([port]);
  return port;
}

function requireFreeName({ spec, paths }: LocalCluster, view: ClusterView, name: string): void {
  const others = [...spec.masters, ...spec.workers].map((one) => one.name);
  if (
    !/^[a-z][a-z0-9-]{0,30}$/.test(name) ||
    /^(scheduler|controller-manager|balancer|host-proxy|supervisor)/.test(name)
  ) {
    throw new CommandFailure(`"${name}" cannot be a master's name`, {
      remedy: "use lower-case letters, digits and dashes, such as m4",
      exitCode: 2,
    });
  }
  if (others.includes(name) || view.members.some((member) => member.name === name)) {
    throw new CommandFailure(`there is a member ${name} already`, {
      remedy: "choose another name, or `member replace`",
    });
  }
  if (existsSync(paths.member(name))) {
    throw new CommandFailure(`${paths.member(name)} is there already, from a master that was removed`, {
      remedy: "delete or move it, or choose another name",
    });
  }
}

async function requireSupervisor(paths: ClusterPaths): Promise<void> {
  if ((await new SupervisorClient(paths).status()) !== undefined) return;
  throw new CommandFailure(`the cluster in ${paths.root} is not running`, { remedy: "start it with `triarch up`" });
}

async function hasAddress(spec: ClusterSpec, ip: string): Promise<boolean> {
  const shown = await runCommand("ip", ["-o", "addr", "show", "dev", bridgeName(spec.clusterId)]);
  return shown.includes(`${ip}/`);
}
