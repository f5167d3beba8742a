// The machine's side of a cluster with containers: one bridge that is every node's uplink, one network namespace per
// worker with its own routes and iptables, and the masters' addresses on the bridge. Plans are lists of commands, so that
// they can be read and tested; all names carry the cluster id.
import { tryCommand, CommandError, runCommand } from "@triarch/machine";
import { networks, type ClusterSpec, type WorkerSpec } from "../cluster/cluster-spec.ts";

export type Command = readonly [file: string, ...args: string[]];

export function bridgeName(clusterId: string): string {
  return `tri${clusterId}`;
}

export function namespaceName(clusterId: string, worker: string): string {
  return `tri${clusterId}-${worker}`;
}

function uplinkName(clusterId: string, worker: string): string {
  return `tri${clusterId}${worker}`;
}

function forwardRules(spec: ClusterSpec): readonly (readonly string[])[] {
  const bridge = bridgeName(spec.clusterId);
  const comment = ["-m", "comment", "--comment", `triarch ${spec.clusterId}`, "-j", "ACCEPT"];
  // Docker sets the policy of FORWARD to DROP, and bridged frames pass it too.
  return [
    ["FORWARD", "-i", bridge, ...comment],
    ["FORWARD", "-o", bridge, ...comment],
  ];
}

/** Commands that bring the network up; each may be repeated. */
export function setUpPlan(spec: ClusterSpec): readonly Command[] {
  const bridge = bridgeName(spec.clusterId);
  const addresses = [`${networks.nodePrefix}.1`, ...spec.masters.map((master) => master.advertiseIp ?? "")];
  return [
    ["ip", "link", "add", bridge, "type", "bridge"],
    ...addresses.filter((ip) => ip !== "").map((ip): Command => ["ip", "addr", "add", `${ip}/24`, "dev", bridge]),
    ["ip", "link", "set", bridge, "up"],
    ["sysctl", "-qw", "net.ipv4.ip_forward=1"],
    ...forwardRules(spec).map((rule): Command => ["iptables", "-w", "-I", ...rule]),
    ...spec.workers.flatMap((worker) => workerPlan(spec, worker)),
  ];
}

function workerPlan(spec: ClusterSpec, worker: WorkerSpec): readonly Command[] {
  const namespace = namespaceName(spec.clusterId, worker.name);
  const uplink = uplinkName(spec.clusterId, worker.name);
  const inside = (...args: string[]): Command => ["ip", "-n", namespace, ...args];
  return [
    ["ip", "netns", "add", namespace],
    ["ip", "link", "add", uplink, "type", "veth", "peer", "name", "eth0", "netns", namespace],
    ["ip", "link", "set", uplink, "master", bridgeName(spec.clusterId), "up"],
    inside("link", "set", "lo", "up"),
    inside("addr", "add", `${worker.ip}/24`, "dev", "eth0"),
    inside("link", "set", "eth0", "up"),
    inside("route", "add", "default", "via", `${networks.nodePrefix}.1`),
    ["ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv4.ip_forward=1"],
  ];
}

/** Commands that take it away again; each may fail because there is nothing to take away. */
export function tearDownPlan(spec: ClusterSpec): readonly Command[] {
  return [
    ...forwardRules(spec).map((rule): Command => ["iptables", "-w", "-D", ...rule]),
    ...spec.workers.flatMap((worker): Command[] => [
      ["ip", "netns", "del", namespaceName(spec.clusterId, worker.name)],
      ["ip", "link", "del", uplinkName(spec.clusterId, worker.name)],
    ]),
    ["ip", "link", "del", bridgeName(spec.clusterId)],
  ];
}

/** @throws CommandError of the first command that failed; what was made stays for `tearDownNetwork` */
export async function setUpNetwork(spec: ClusterSpec): Promise<void> {
  for (const [file, ...args] of setUpPlan(spec)) await runCommand(file, args, { timeoutMs: 15_000 });
}

export async function tearDownNetwork(spec: ClusterSpec): Promise<void> {
  for (const [file, ...args] of tearDownPlan(spec)) await tryCommand(file, args, { timeoutMs: 15_000 });
}

/** Cluster ids of triarch bridges on this machine. */
export async function bridgesPresent(): Promise<readonly string[]> {
  const listed = await tryCommand("ip", ["-o", "link", "show", "type", "bridge"]);
  if (listed.exitCode !== 0) throw new CommandError("ip link show", listed);
  return [...listed.stdout.matchAll(/: tri([0-9a-f]{6})[:@]/g)].map((match) => match[1] ?? "");
}
