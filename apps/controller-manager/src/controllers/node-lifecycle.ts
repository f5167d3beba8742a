import type { Lease, Node, Pod } from "@triarch/api";
import { ApiError, resourceRefs } from "@triarch/client";
import { objectKey, splitKey } from "@triarch/informer";
import {
  isDisrupted,
  nodeReadiness,
  notReadyConditions,
  planNodeHealth,
  planNodeTaints,
  stableJson,
} from "@triarch/reconcile";
import {
  nodeIndex,
  nowOf,
  queueController,
  referenceTo,
  type Controller,
  type ControllerContext,
} from "../controller.ts";

const leaseNamespace = "kube-node-lease";
/** NoExecute taints are given no faster: a failure that takes node after node is seen before all pods are sent off. */
const evictionIntervalMs = 10_000;
/** Nodes are looked at this often even when nothing changes. */
const resyncMs = 5_000;

interface Heartbeat {
  /** What was seen of lease and status. */
  readonly text: string;
  /** By our own clock: nodes' clocks may differ. */
  readonly atMs: number;
}

/** One worker: how many nodes are silent decides what is done to each. */
export function nodeLifecycleController(context: ControllerContext): Controller {
  const { client, informers, clock, options, logger } = context;
  const nodes = informers.get<Node>(resourceRefs.nodes);
  const leases = informers.get<Lease>(resourceRefs.leases);
  const pods = informers.get<Pod>(resourceRefs.pods);
  const recorder = context.recorder("node-controller");
  const heartbeats = new Map<string, Heartbeat>();
  /** Nodes that were ready when last looked at. */
  const wasReady = new Set<string>();
  let nextEvictionMs = 0;

  async function reconcile(name: string): Promise<number | void> {
    const seen = nodes.lister.get(name);
    if (seen === undefined) {
      heartbeats.delete(name);
      wasReady.delete(name);
      return;
    }
    const nowMs = clock.monotonicMs();
    const silentMs = nowMs - heartbeat(name, seen, nowMs);
    const health = planNodeHealth(seen, silentMs, { graceMs: options.nodeMonitorGracePeriodMs }, nowOf(clock));
    let node = seen;
    if (health.kind === "silent") {
      logger.warn({ node: name, silentMs: Math.round(silentMs) }, "node is silent");
      const next = { ...seen, status: { ...seen.status, conditions: health.conditions } };
      node = await client.update<Node>(resourceRefs.nodes, next, { subresource: "status" });
    }
    await followReadiness(name, node);
    const waitMs = await taint(name, node, nowMs);
    return Math.min(resyncMs, waitMs, health.kind === "alive" ? health.againAfterMs : resyncMs);
  }

  /** @returns when the node was last heard of */
  function heartbeat(name: string, node: Node, nowMs: number): number {
    const lease = leases.lister.get(`${leaseNamespace}/${name}`);
    const ready = node.status?.conditions?.find((one) => one.type === "Ready");
    const text = stableJson([lease?.spec?.renewTime, ready?.lastHeartbeatTime]);
    const known = heartbeats.get(name);
    if (known === undefined || known.text !== text) {
      heartbeats.set(name, { text, atMs: nowMs });
      return nowMs;
    }
    return known.atMs;
  }

  /** A node that is not ready any more cannot vouch for its pods. */
  async function followReadiness(name: string, node: Node): Promise<void> {
    const readiness = nodeReadiness(node);
    if (readiness === "True") {
      wasReady.add(name);
      return;
    }
    const fell = wasReady.has(name);
    if (fell) {
      const about = { ...referenceTo(node, "v1", "Node") };
      recorder.event(about, "Normal", "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
    }
    if (fell || readiness === "Unknown") {
      for (const pod of pods.lister.byIndex(nodeIndex, name)) await markNotReady(pod);
    }
    wasReady.delete(name);
  }

  async function markNotReady(pod: Pod): Promise<void> {
    const conditions = notReadyConditions(pod, nowOf(clock));
    if (conditions === undefined) return;
    const patch = { metadata: { uid: pod.metadata?.uid }, status: { conditions } };
    try {
      await client.patch(resourceRefs.pods, splitKey(objectKey(pod)), patch, {
        type: "strategic",
        subresource: "status",
      });
      recorder.event(referenceTo(pod, "v1", "Pod"), "Warning", "NodeNotReady", "Node is not ready");
    } catch (error) {
      if (!(error instanceof ApiError) || (error.code !== 404 && error.code !== 409)) throw error;
    }
  }

  /** @returns milliseconds after which a taint that had to wait may be given */
  async function taint(name: string, node: Node, nowMs: number): Promise<number> {
    const cluster = nodes.lister.list().map((one) => (one.metadata?.name === name ? node : one));
    const allowed = !isDisrupted(cluster);
    const mayEvict = allowed && nowMs >= nextEvictionMs;
    const taints = planNodeTaints(node, mayEvict, nowOf(clock));
    if (taints !== undefined) {
      const { uid, resourceVersion } = node.metadata ?? {};
      const evicts = taints.some((one) => one.effect === "NoExecute" && !node.spec?.taints?.includes(one));
      await client.patch(
        resourceRefs.nodes,
        { name },
        { metadata: { uid, resourceVersion }, spec: { taints: taints.length === 0 ? null : taints } },
        { type: "merge" },
      );
      if (evicts) nextEvictionMs = nowMs + evictionIntervalMs;
    }
    const isBad = nodeReadiness(node) !== "True";
    return isBad && allowed && !mayEvict ? nextEvictionMs - nowMs : Infinity;
  }

  const controller = queueController(context, "node-lifecycle", { concurrency: 1, reconcile });
  nodes.onChange((event) => controller.queue.add(event.object.metadata?.name ?? ""));
  leases.onChange((event) => {
    const { namespace, name = "" } = event.object.metadata ?? {};
    if (namespace === leaseNamespace && event.type !== "deleted") controller.queue.add(name);
  });
  return controller;
}
