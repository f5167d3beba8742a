import type { Node, Pod } from "@triarch/api";
import { ApiError, resourceRefs } from "@triarch/client";
import { objectKey, splitKey } from "@triarch/informer";
import { disruptionConditions, noExecuteTaints, planTaintEviction, stableJson } from "@triarch/reconcile";
import {
  nodeIndex,
  nowOf,
  queueController,
  referenceTo,
  type Controller,
  type ControllerContext,
} from "../controller.ts";

const reason = {
  reason: "DeletionByTaintManager",
  message: "Taint manager: deleting due to NoExecute taint",
} as const;

export function taintEvictionController(context: ControllerContext): Controller {
  const { client, informers, clock } = context;
  const nodes = informers.get<Node>(resourceRefs.nodes);
  const pods = informers.get<Pod>(resourceRefs.pods);
  const recorder = context.recorder("taint-eviction-controller");
  /** Pods that wait under taints, with the wall time since when. Bounded by the pods there are. */
  const waiting = new Map<string, { readonly uid: string; readonly sinceMs: number }>();

  async function reconcile(key: string): Promise<number | void> {
    const pod = pods.lister.get(key);
    const nodeName = pod?.spec?.nodeName ?? "";
    if (pod === undefined || nodeName === "") {
      waiting.delete(key);
      return;
    }
    const uid = pod.metadata?.uid ?? "";
    const node = nodes.lister.get(nodeName);
    const nowMs = clock.nowMs();
    const known = waiting.get(key);
    const sinceMs = known?.uid === uid ? known.sinceMs : nowMs;
    const plan = planTaintEviction(pod, node, sinceMs, nowMs);
    switch (plan.kind) {
      case "stay":
        if (waiting.delete(key) && noExecuteTaints(node).length === 0)
          recorder.event(
            referenceTo(pod, "v1", "Pod"),
            "Normal",
            "TaintManagerEviction",
            `Cancelling deletion of Pod ${key}`,
          );
        return;
      case "wait":
        waiting.set(key, { uid, sinceMs });
        return plan.forMs;
      case "evict":
        waiting.delete(key);
        await evict(pod, key);
    }
  }

  async function evict(pod: Pod, key: string): Promise<void> {
    const uid = pod.metadata?.uid ?? "";
    recorder.event(referenceTo(pod, "v1", "Pod"), "Normal", "TaintManagerEviction", `Marking for deletion Pod ${key}`);
    const patch = { metadata: { uid }, status: { conditions: disruptionConditions(pod, reason, nowOf(clock)) } };
    try {
      await client.patch(resourceRefs.pods, splitKey(key), patch, { type: "strategic", subresource: "status" });
      await client.delete(resourceRefs.pods, splitKey(key), { preconditions: { uid } });
    } catch (error) {
      // Gone, or another pod has the name now.
      if (!(error instanceof ApiError) || (error.code !== 404 && error.code !== 409)) throw error;
    }
  }

  const controller = queueController(context, "taint-eviction", { concurrency: 8, reconcile });
  pods.onChange((event) => {
    if (event.type === "updated" && podFacts(event.object) === podFacts(event.previous)) return;
    controller.queue.add(objectKey(event.object));
  });
  nodes.onChange((event) => {
    const taintsOf = (node: Node): string => stableJson(noExecuteTaints(node));
    if (event.type === "updated" && taintsOf(event.object) === taintsOf(event.previous)) return;
    for (const pod of pods.lister.byIndex(nodeIndex, event.object.metadata?.name ?? ""))
      controller.queue.add(objectKey(pod));
  });
  return controller;
}

/** What of a pod decides whether it may stay. */
function podFacts(pod: Pod): string {
  return stableJson([pod.spec?.nodeName, pod.spec?.tolerations, pod.metadata?.deletionTimestamp]);
}
