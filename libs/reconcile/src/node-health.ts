// Is a node alive? A node beats its heart in two places, its Lease and its status. When both were silent for the grace
// period its conditions are Unknown, and taints keep pods away (NoSchedule) and in time send them off (NoExecute).
import type { Node, Pod, PodCondition, Taint } from "@triarch/api";
import type { Now } from "./deployment.ts";
import { stableJson } from "./objects.ts";

/** A node that never told its state gets this long after it was first seen. */
export const nodeStartupGraceMs = 60_000;
/** From this share of silent nodes on (and more than two) it is rather our view that broke: nobody is sent off. */
export const disruptedShare = 0.55;

export const taintKeys = {
  notReady: "node.kubernetes.io/not-ready",
  unreachable: "node.kubernetes.io/unreachable",
  unschedulable: "node.kubernetes.io/unschedulable",
  memoryPressure: "node.kubernetes.io/memory-pressure",
  diskPressure: "node.kubernetes.io/disk-pressure",
  pidPressure: "node.kubernetes.io/pid-pressure",
  networkUnavailable: "node.kubernetes.io/network-unavailable",
} as const;

const pressureTaints: Readonly<Record<string, string>> = {
  MemoryPressure: taintKeys.memoryPressure,
  DiskPressure: taintKeys.diskPressure,
  PIDPressure: taintKeys.pidPressure,
  NetworkUnavailable: taintKeys.networkUnavailable,
};
const watchedConditions = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];
const scheduleKeys: ReadonlySet<string> = new Set(Object.values(taintKeys));
const executeKeys: ReadonlySet<string> = new Set([taintKeys.notReady, taintKeys.unreachable]);

type NodeCondition = NonNullable<NonNullable<Node["status"]>["conditions"]>[number];

/** `True`, `False` or `Unknown`; a node without the condition is Unknown. */
export function nodeReadiness(node: Node): string {
  return node.status?.conditions?.find((one) => one.type === "Ready")?.status ?? "Unknown";
}

export type NodeHealthPlan =
  | { readonly kind: "alive"; readonly againAfterMs: number }
  /** Write these conditions: the node is silent. */
  | { readonly kind: "silent"; readonly conditions: readonly NodeCondition[] };

/** @param silentMs since the last heartbeat, or since the node was first seen, by the caller's own clock */
export function planNodeHealth(
  node: Node,
  silentMs: number,
  options: { readonly graceMs: number },
  now: Now,
): NodeHealthPlan {
  const conditions = node.status?.conditions ?? [];
  const everReady = conditions.some((one) => one.type === "Ready");
  const graceMs = everReady ? options.graceMs : Math.max(options.graceMs, nodeStartupGraceMs);
  if (silentMs < graceMs) return { kind: "alive", againAfterMs: Math.max(1, graceMs - silentMs) };
  const wanted = watchedConditions.map((type): NodeCondition => {
    const known = conditions.find((one) => one.type === type);
    if (known === undefined) {
      const created = node.metadata?.creationTimestamp;
      return {
        type,
        status: "Unknown",
        reason: "NodeStatusNeverUpdated",
        message: "Kubelet never posted node status.",
        ...(created === undefined ? {} : { lastHeartbeatTime: created }),
        lastTransitionTime: now.text,
      };
    }
    if (known.status === "Unknown") return known;
    return {
      ...known,
      status: "Unknown",
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
      lastTransitionTime: now.text,
    };
  });
  const others = conditions.filter((one) => !watchedConditions.includes(one.type));
  const next = [...others, ...wanted];
  const changed = watchedConditions.some((type) => {
    const find = (list: readonly NodeCondition[]) => list.find((one) => one.type === type);
    return stableJson(find(conditions)) !== stableJson(find(next));
  });
  return changed ? { kind: "silent", conditions: next } : { kind: "alive", againAfterMs: options.graceMs };
}

/**
 * The taints that the node's conditions ask for, with everybody else's left as they are.
 *
 * @param mayEvict false: NoExecute taints that are not there yet wait
 * @returns undefined when they are right already
 */
export function planNodeTaints(node: Node, mayEvict: boolean, now: Now): readonly Taint[] | undefined {
  const present = node.spec?.taints ?? [];
  const readiness = nodeReadiness(node);
  const readyKey =
    readiness === "True" ? undefined : readiness === "False" ? taintKeys.notReady : taintKeys.unreachable;
  const schedule = new Set<string>(readyKey === undefined ? [] : [readyKey]);
  if (node.spec?.unschedulable === true) schedule.add(taintKeys.unschedulable);
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = pressureTaints[type];
    if (key !== undefined && status === "True") schedule.add(key);
  }
  const executed = present.some((one) => one.effect === "NoExecute" && executeKeys.has(one.key));
  const execute = new Set<string>(readyKey === undefined || !(mayEvict || executed) ? [] : [readyKey]);

  const isOurs = (taint: Taint): boolean =>
    (taint.effect === "NoSchedule" && scheduleKeys.has(taint.key)) ||
    (taint.effect === "NoExecute" && executeKeys.has(taint.key));
  const wanted = [
    ...[...schedule].map((key): Taint => ({ key, effect: "NoSchedule", timeAdded: now.text })),
    ...[...execute].map((key): Taint => ({ key, effect: "NoExecute", timeAdded: now.text })),
  ];
  const same = (left: Taint, right: Taint): boolean => left.key === right.key && left.effect === right.effect;
  const kept = present.filter((one) => !isOurs(one) || wanted.some((want) => same(want, one)));
  const added = wanted.filter((want) => !present.some((one) => same(want, one)));
  return added.length === 0 && kept.length === present.length ? undefined : [...kept, ...added];
}

/** True: so many nodes are not ready that sending pods off would only do harm. */
export function isDisrupted(nodes: readonly Node[]): boolean {
  const bad = nodes.filter((node) => nodeReadiness(node) !== "True").length;
  return bad > 0 && (bad === nodes.length || (bad > 2 && bad / nodes.length >= disruptedShare));
}

/** The pod's conditions with Ready at False; undefined when it is not ready anyway. */
export function notReadyConditions(pod: Pod, now: Now): readonly PodCondition[] | undefined {
  const conditions = pod.status?.conditions ?? [];
  if (!conditions.some((one) => one.type === "Ready" && one.status === "True")) return undefined;
  return conditions.map((one) =>
    one.type === "Ready" ? { ...one, status: "False", lastTransitionTime: now.text } : one,
  );
}
