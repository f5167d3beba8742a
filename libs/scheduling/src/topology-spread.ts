// PodTopologySpread: how evenly the pods of a workload lie over zones, hosts and other domains.
import { labelSelectorMatcher, type LabelMatcher, type Pod, type TopologySpreadConstraint } from "@triarch/api";
import { matchesNodeSelector, untoleratedTaint } from "./node-matching.ts";
import { never, perhaps, type Filter } from "./filters.ts";
import type { NodeInfo, Snapshot } from "./snapshot.ts";

const hostnameKey = "kubernetes.io/hostname";
const zoneKey = "topology.kubernetes.io/zone";
const reason = "node(s) didn't match pod topology spread constraints";

interface Constraint {
  readonly maxSkew: number;
  readonly key: string;
  readonly selector: LabelMatcher;
  readonly minDomains: number;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
}

/** Constraints that must hold. */
export function topologyFilter(pod: Pod, snapshot: Snapshot): Filter {
  const constraints = ownConstraints(pod, "DoNotSchedule");
  if (constraints.length === 0) return () => undefined;
  const counts = constraints.map(() => new Map<string, number>());
  for (const info of snapshot.nodes) {
    if (constraints.some((one) => info.labels[one.key] === undefined)) continue;
    constraints.forEach((one, i) => {
      if (!isEligible(pod, info, one)) return;
      const domain = info.labels[one.key] ?? "";
      counts[i]?.set(domain, (counts[i].get(domain) ?? 0) + matchingPods(info, one.selector, pod));
    });
  }
  return (info) => {
    for (const [i, one] of constraints.entries()) {
      const domain = info.labels[one.key];
      if (domain === undefined) return never(`${reason} (missing required label)`);
      const own = one.selector.matches(pod.metadata?.labels) ? 1 : 0;
      const domains = counts[i] ?? new Map<string, number>();
      const least = domains.size < one.minDomains ? 0 : Math.min(...domains.values());
      const skew = (domains.get(domain) ?? 0) + own - (Number.isFinite(least) ? least : 0);
      if (skew > one.maxSkew) return perhaps(reason);
    }
    return undefined;
  };
}

/**
 * Constraints that should hold: 0 to 100 per node of `feasible`, or undefined where the pod has none. Pods of a Service
 * that name none are spread over zones and hosts.
 */
export function topologyScores(
  pod: Pod,
  snapshot: Snapshot,
  feasible: readonly NodeInfo[],
): ReadonlyMap<string, number> | undefined {
  const named = (pod.spec?.topologySpreadConstraints ?? []).length > 0;
  const constraints = named ? ownConstraints(pod, "ScheduleAnyway") : defaultConstraints(pod, snapshot);
  if (constraints.length === 0) return undefined;
  // Domains that a node lacks take it out of the ranking, unless the constraints are the defaults.
  const isIgnored = (info: NodeInfo): boolean => named && constraints.some((one) => info.labels[one.key] === undefined);
  const ranked = feasible.filter((info) => !isIgnored(info));
  const counts = constraints.map(() => new Map<string, number>());
  for (const info of ranked) {
    constraints.forEach((one, i) => {
      const domain = info.labels[one.key];
      if (one.key !== hostnameKey && domain !== undefined) counts[i]?.set(domain, 0);
    });
  }
  const weights = constraints.map((one, i) =>
    Math.log((one.key === hostnameKey ? ranked.length : (counts[i]?.size ?? 0)) + 2),
  );
  for (const info of snapshot.nodes) {
    if (isIgnored(info)) continue;
    constraints.forEach((one, i) => {
      const domain = info.labels[one.key];
      const count = domain === undefined ? undefined : counts[i]?.get(domain);
      if (domain === undefined || count === undefined || !isEligible(pod, info, one)) return;
      counts[i]?.set(domain, count + matchingPods(info, one.selector, pod));
    });
  }
  const raw = new Map<string, number>();
  for (const info of ranked) {
    let score = 0;
    constraints.forEach((one, i) => {
      const domain = info.labels[one.key];
      if (domain === undefined) return;
      const count = one.key === hostnameKey ? matchingPods(info, one.selector, pod) : (counts[i]?.get(domain) ?? 0);
      score += count * (weights[i] ?? 0) + (one.maxSkew - 1);
    });
    raw.set(info.name, Math.round(score));
  }
  const least = Math.min(...raw.values());
  const most = Math.max(...raw.values());
  return new Map(
    feasible.map((info) => {
      const score = raw.get(info.name);
      if (score === undefined) return [info.name, 0];
      return [info.name, most === 0 ? 100 : Math.trunc((100 * (most + least - score)) / most)];
    }),
  );
}

function ownConstraints(pod: Pod, action: "DoNotSchedule" | "ScheduleAnyway"): readonly Constraint[] {
  return (pod.spec?.topologySpreadConstraints ?? [])
    .filter((one) => one.whenUnsatisfiable === action)
    .map((one) => compiled(one, pod));
}

function compiled(one: TopologySpreadConstraint, pod: Pod): Constraint {
  const labels = pod.metadata?.labels ?? {};
  const extra = (one.matchLabelKeys ?? []).flatMap((key) =>
    labels[key] === undefined ? [] : [[key, labels[key]] as const],
  );
  const selector = labelSelectorMatcher(
    one.labelSelector === undefined
      ? undefined
      : { ...one.labelSelector, matchLabels: { ...one.labelSelector.matchLabels, ...Object.fromEntries(extra) } },
  );
  return {
    maxSkew: one.maxSkew,
    key: one.topologyKey,
    selector,
    minDomains: one.minDomains ?? 1,
    honorsAffinity: (one.nodeAffinityPolicy ?? "Honor") === "Honor",
    honorsTaints: one.nodeTaintsPolicy === "Honor",
  };
}

/** What Kubernetes applies where nobody said anything: zones within 3, hosts within 5. */
function defaultConstraints(pod: Pod, snapshot: Snapshot): readonly Constraint[] {
  const labels = pod.metadata?.labels ?? {};
  const merged: Record<string, string> = {};
  for (const service of snapshot.services) {
    const selector = service.spec?.selector ?? {};
    const entries = Object.entries(selector);
    if (service.metadata?.namespace !== pod.metadata?.namespace || entries.length === 0) continue;
    if (entries.every(([key, value]) => labels[key] === value)) Object.assign(merged, selector);
  }
  if (Object.keys(merged).length === 0) return [];
  const selector = labelSelectorMatcher({ matchLabels: merged });
  const base = { selector, minDomains: 1, honorsAffinity: true, honorsTaints: false };
  return [
    { ...base, key: hostnameKey, maxSkew: 3 },
    { ...base, key: zoneKey, maxSkew: 5 },
  ];
}

function isEligible(pod: Pod, info: NodeInfo, constraint: Constraint): boolean {
  if (constraint.honorsAffinity && !matchesNodeSelector(pod, info)) return false;
  if (!constraint.honorsTaints) return true;
  return untoleratedTaint(pod, info.node.spec?.taints ?? [], ["NoSchedule", "NoExecute"]) === undefined;
}

function matchingPods(info: NodeInfo, selector: LabelMatcher, pod: Pod): number {
  let count = 0;
  for (const other of info.pods) {
    const counted =
      other.metadata?.deletionTimestamp === undefined && other.metadata?.namespace === pod.metadata?.namespace;
    if (counted && selector.matches(other.metadata?.labels)) count += 1;
  }
  return count;
}
