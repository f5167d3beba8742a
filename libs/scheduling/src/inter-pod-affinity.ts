// InterPodAffinity: pods that want to be near others or far from them, in both directions.
import { labelSelectorMatcher, type LabelMatcher, type Pod, type PodAffinityTerm } from "@triarch/api";
import { never, perhaps, type Filter } from "./filters.ts";
import type { NodeInfo, Snapshot } from "./snapshot.ts";

/** Weight of another pod's required affinity, when the ranking looks at it. */
const requiredTermWeight = 1;

interface Term {
  readonly topologyKey: string;
  readonly matches: (pod: Pod) => boolean;
}

/** Occurrences per `key=value` of a topology. */
type Domains = Map<string, number>;

export function interPodFilter(pod: Pod, snapshot: Snapshot): Filter {
  const affinity = terms(
    pod,
    pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution,
    snapshot,
  );
  const anti = terms(
    pod,
    pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution,
    snapshot,
  );
  const near: Domains = new Map();
  const far: Domains = new Map();
  const kept: Domains = new Map();
  for (const info of snapshot.nodes) {
    for (const other of info.pods) {
      if (affinity.length > 0 && affinity.every((term) => term.matches(other))) {
        for (const term of affinity) count(near, term, info, 1);
      }
      for (const term of anti) if (term.matches(other)) count(far, term, info, 1);
      const others = terms(
        other,
        other.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution,
        snapshot,
      );
      for (const term of others) if (term.matches(pod)) count(kept, term, info, 1);
    }
  }
  // The first pod of a group that wants to be together may go anywhere.
  const startsGroup = near.size === 0 && affinity.every((term) => term.matches(pod));
  return (info) => {
    const together = affinity.every((term) => {
      const domain = domainOf(term, info);
      return domain !== undefined && ((near.get(domain) ?? 0) > 0 || startsGroup);
    });
    if (!together) return never("node(s) didn't match pod affinity rules");
    const apart = anti.every((term) => {
      const domain = domainOf(term, info);
      return domain === undefined || (far.get(domain) ?? 0) === 0;
    });
    if (!apart) return perhaps("node(s) didn't match pod anti-affinity rules");
    const refused = Object.entries(info.labels).some(([key, value]) => (kept.get(`${key}=${value}`) ?? 0) > 0);
    return refused ? perhaps("node(s) didn't satisfy existing pods anti-affinity rules") : undefined;
  };
}

/** 0 to 100 per node of `feasible`; undefined where no term of any pod has a say. */
export function interPodScores(
  pod: Pod,
  snapshot: Snapshot,
  feasible: readonly NodeInfo[],
): ReadonlyMap<string, number> | undefined {
  const preferred = weighted(pod, snapshot);
  const weights: Domains = new Map();
  for (const info of snapshot.nodes) {
    for (const other of info.pods) {
      for (const { term, weight } of preferred) if (term.matches(other)) count(weights, term, info, weight);
      const required = other.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
      for (const term of terms(other, required, snapshot))
        if (term.matches(pod)) count(weights, term, info, requiredTermWeight);
      for (const { term, weight } of weighted(other, snapshot))
        if (term.matches(pod)) count(weights, term, info, weight);
    }
  }
  if (weights.size === 0) return undefined;
  const raw = new Map(
    feasible.map((info) => [
      info.name,
      Object.entries(info.labels).reduce((sum, [key, value]) => sum + (weights.get(`${key}=${value}`) ?? 0), 0),
    ]),
  );
  const least = Math.min(...raw.values());
  const most = Math.max(...raw.values());
  return new Map(
    [...raw].map(([name, score]) => [name, most === least ? 0 : Math.trunc((100 * (score - least)) / (most - least))]),
  );
}

/** Preferred terms; those to stay away from weigh negative. */
function weighted(pod: Pod, snapshot: Snapshot): readonly { readonly term: Term; readonly weight: number }[] {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const compile = (list: typeof podAffinity, sign: 1 | -1) =>
    (list?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((one) => ({
      term: compiled(pod, one.podAffinityTerm, snapshot),
      weight: sign * one.weight,
    }));
  return [...compile(podAffinity, 1), ...compile(podAntiAffinity, -1)];
}

function terms(owner: Pod, list: readonly PodAffinityTerm[] | undefined, snapshot: Snapshot): readonly Term[] {
  return (list ?? []).map((term) => compiled(owner, term, snapshot));
}

function compiled(owner: Pod, term: PodAffinityTerm, snapshot: Snapshot): Term {
  const selector: LabelMatcher = labelSelectorMatcher(term.labelSelector);
  const named = term.namespaces ?? [];
  const selected = term.namespaceSelector === undefined ? undefined : labelSelectorMatcher(term.namespaceSelector);
  const own = owner.metadata?.namespace ?? "";
  const inNamespace = (namespace: string): boolean => {
    if (named.length === 0 && selected === undefined) return namespace === own;
    return named.includes(namespace) || (selected?.matches(snapshot.namespaceLabels.get(namespace) ?? {}) ?? false);
  };
  return {
    topologyKey: term.topologyKey,
    matches: (pod) => inNamespace(pod.metadata?.namespace ?? "") && selector.matches(pod.metadata?.labels),
  };
}

function domainOf(term: Term, info: NodeInfo): string | undefined {
  const value = info.labels[term.topologyKey];
  return value === undefined ? undefined : `${term.topologyKey}=${value}`;
}

function count(domains: Domains, term: Term, info: NodeInfo, weight: number): void {
  const domain = domainOf(term, info);
  if (domain !== undefined) domains.set(domain, (domains.get(domain) ?? 0) + weight);
}
