// The filters, in upstream's order: the first that refuses a node gives its reasons.
import type { Pod } from "@triarch/api";
import { interPodFilter } from "./inter-pod-affinity.ts";
import { matchesNodeSelector, tolerates, untoleratedTaint } from "./node-matching.ts";
import { podRequests, type NodeInfo, type Snapshot } from "./snapshot.ts";
import { topologyFilter } from "./topology-spread.ts";

export interface Refusal {
  readonly reasons: readonly string[];
  /** Removing other pods could help. */
  readonly resolvable: boolean;
}

export type Filter = (info: NodeInfo) => Refusal | undefined;

const unschedulableTaint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

/** Filters for one pod; what holds for all nodes is computed once. */
export function filtersFor(pod: Pod, snapshot: Snapshot): readonly Filter[] {
  return [
    (info) => {
      const away =
        info.node.spec?.unschedulable === true && !tolerates(pod.spec?.tolerations ?? [], unschedulableTaint);
      return away ? never("node(s) were unschedulable") : undefined;
    },
    (info) => {
      const wanted = pod.spec?.nodeName ?? "";
      return wanted === "" || wanted === info.name ? undefined : never("node(s) didn't match the requested node name");
    },
    (info) => {
      const taint = untoleratedTaint(pod, info.node.spec?.taints ?? [], ["NoSchedule", "NoExecute"]);
      return taint === undefined ? undefined : never("node(s) had untolerated taint(s)");
    },
    (info) => (matchesNodeSelector(pod, info) ? undefined : never("node(s) didn't match Pod's node affinity/selector")),
    portsFilter(pod),
    resourcesFilter(pod),
    topologyFilter(pod, snapshot),
    interPodFilter(pod, snapshot),
  ];
}

export function never(reason: string): Refusal {
  return { reasons: [reason], resolvable: false };
}

export function perhaps(reason: string): Refusal {
  return { reasons: [reason], resolvable: true };
}

interface HostPort {
  readonly ip: string;
  readonly port: number;
  readonly protocol: string;
}

function hostPorts(pod: Pod): readonly HostPort[] {
  const restartable = (pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === "Always");
  return [...(pod.spec?.containers ?? []), ...restartable].flatMap((container) =>
    (container.ports ?? []).flatMap((port) =>
      (port.hostPort ?? 0) > 0
        ? [{ ip: port.hostIP ?? "", port: port.hostPort ?? 0, protocol: port.protocol ?? "TCP" }]
        : [],
    ),
  );
}

function portsFilter(pod: Pod): Filter {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return () => undefined;
  const everywhere = (ip: string): boolean => ip === "" || ip === "0.0.0.0";
  const clash = (left: HostPort, right: HostPort): boolean =>
    left.port === right.port &&
    left.protocol === right.protocol &&
    (everywhere(left.ip) || everywhere(right.ip) || left.ip === right.ip);
  return (info) => {
    const taken = info.pods.flatMap(hostPorts);
    const clashes = wanted.some((one) => taken.some((other) => clash(one, other)));
    return clashes ? perhaps("node(s) didn't have free ports for the requested pod ports") : undefined;
  };
}

function resourcesFilter(pod: Pod): Filter {
  const wanted = podRequests(pod);
  return (info) => {
    const reasons: string[] = [];
    let resolvable = true;
    if (info.pods.length + 1 > (info.allocatable.get("pods") ?? 0)) reasons.push("Too many pods");
    for (const [name, amount] of wanted) {
      if (amount === 0) continue;
      const allocatable = info.allocatable.get(name) ?? 0;
      if (amount <= allocatable - (info.requested.get(name) ?? 0)) continue;
      reasons.push(`Insufficient ${name}`);
      // No pod's end makes a node larger.
      if (amount > allocatable) resolvable = false;
    }
    return reasons.length === 0 ? undefined : { reasons, resolvable };
  };
}
