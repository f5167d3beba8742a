import type { Node, Pod } from "@triarch/api";
import { ApiError, resourceRefs } from "@triarch/client";
import { objectKey, splitKey } from "@triarch/informer";
import { disruptionConditions, hasEnded, planPodGarbage } from "@triarch/reconcile";
import { nowOf, queueController, type Controller, type ControllerContext } from "../controller.ts";

/** Between two rounds. */
const roundMs = 20_000;
/** A node must be missing this long, by our own clock, before it is asked for. */
const quarantineMs = 40_000;
const everything = "all";
const reason = { reason: "DeletionByPodGC", message: "PodGC: node no longer exists" } as const;

export function podGarbageCollector(context: ControllerContext): Controller {
  const { client, informers, clock, logger } = context;
  const pods = informers.get<Pod>(resourceRefs.pods);
  const nodes = informers.get<Node>(resourceRefs.nodes);
  /** Names of nodes that pods speak of and nobody knows, with the time since when. */
  const missing = new Map<string, number>();

  async function round(): Promise<number> {
    const known = new Map(nodes.lister.list().map((node) => [node.metadata?.name ?? "", node]));
    const plan = planPodGarbage(pods.lister.list(), known);
    for (const pod of [...plan.terminated, ...plan.unplaced]) await forceDelete(pod);
    for (const name of missing.keys()) if (!plan.orphaned.has(name)) missing.delete(name);
    for (const [name, orphans] of plan.orphaned) {
      const sinceMs = missing.get(name) ?? clock.monotonicMs();
      missing.set(name, sinceMs);
      if (clock.monotonicMs() - sinceMs < quarantineMs || (await exists(name))) continue;
      logger.info({ node: name, pods: orphans.length }, "pods of a node that is gone are deleted");
      for (const pod of orphans) await removeOrphan(pod);
    }
    return roundMs;
  }

  async function exists(name: string): Promise<boolean> {
    try {
      await client.get<Node>(resourceRefs.nodes, { name });
      return true;
    } catch (error) {
      if (isSettled(error)) return false;
      throw error;
    }
  }

  /** Whoever counts the pod must see that it ended before it is gone. */
  async function removeOrphan(pod: Pod): Promise<void> {
    if (!hasEnded(pod)) {
      const conditions = disruptionConditions(pod, reason, nowOf(clock));
      const patch = { metadata: { uid: pod.metadata?.uid }, status: { phase: "Failed", conditions } };
      try {
        await client.patch(resourceRefs.pods, splitKey(objectKey(pod)), patch, {
          type: "strategic",
          subresource: "status",
        });
      } catch (error) {
        if (!isSettled(error)) throw error;
      }
    }
    await forceDelete(pod);
  }

  async function forceDelete(pod: Pod): Promise<void> {
    const options = { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata?.uid ?? "" } };
    try {
      await client.delete(resourceRefs.pods, splitKey(objectKey(pod)), options);
    } catch (error) {
      if (!isSettled(error)) throw error;
    }
  }

  const controller = queueController(context, "pod-garbage-collector", { concurrency: 1, reconcile: round });
  controller.queue.add(everything);
  return controller;
}

/** It is gone, or another has its name. */
function isSettled(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 404 || error.code === 409);
}
