// Plays scheduler and kubelets: binds pods, makes them run and be ready, ends them, removes those that are deleted.
//
//   annotation sim/ready: "false", or image bad:1   never ready
//   annotation sim/exit: CODE                       ended
//   annotation sim/hold: "true"                     stays while it is being deleted
import type { Pod, PodCondition } from "@triarch/api";
import { ApiError, resourceRefs, type KubeClient } from "@triarch/client";
import { createWorkQueue, namespaceIndex, objectKey, runWorkers, splitKey } from "@triarch/informer";
import type { SharedInformers } from "../../src/controller.ts";

export function runNodeAgent(
  client: KubeClient,
  informers: SharedInformers,
  { nodes, silent }: { readonly nodes: readonly string[]; readonly silent: ReadonlySet<string> },
): (signal: AbortSignal) => Promise<void> {
  const pods = informers.get<Pod>(resourceRefs.pods);
  const queue = createWorkQueue();
  /** By uid: a pod keeps its place and its address. */
  const places = new Map<string, { readonly node: string; readonly ip: string }>();

  function placeOf(pod: Pod): { readonly node: string; readonly ip: string } {
    const uid = pod.metadata?.uid ?? "";
    const known = places.get(uid);
    if (known !== undefined) return known;
    const neighbours = pods.lister.byIndex(namespaceIndex, pod.metadata?.namespace ?? "");
    const count = (node: string): number =>
      neighbours.filter((one) => (places.get(one.metadata?.uid ?? "")?.node ?? one.spec?.nodeName) === node).length;
    const node = [...nodes].sort((left, right) => count(left) - count(right))[0] ?? "";
    const number = places.size + 1;
    const place = { node, ip: `10.200.${Math.floor(number / 250)}.${(number % 250) + 1}` };
    places.set(uid, place);
    return place;
  }

  async function reconcile(key: string): Promise<void> {
    const pod = pods.lister.get(key);
    if (pod === undefined || silent.has(pod.spec?.nodeName ?? "")) return;
    const annotations = pod.metadata?.annotations ?? {};
    const uid = pod.metadata?.uid ?? "";
    if (pod.metadata?.deletionTimestamp !== undefined) {
      if (annotations["sim/hold"] === "true") return;
      await client.delete(resourceRefs.pods, splitKey(key), { gracePeriodSeconds: 0, preconditions: { uid } });
      return;
    }
    const { node, ip } = placeOf(pod);
    if ((pod.spec?.nodeName ?? "") === "") {
      const target = { apiVersion: "v1", kind: "Node", name: node };
      const binding = { apiVersion: "v1", kind: "Binding", metadata: { name: pod.metadata?.name ?? "" }, target };
      await client.createSubresource(resourceRefs.pods, splitKey(key), "binding", binding);
      return;
    }
    const wanted = statusOf(pod, ip);
    const present = pod.status?.conditions ?? [];
    const right =
      pod.status?.phase === wanted.phase &&
      pod.status.podIP === ip &&
      wanted.conditions.every((want) => present.some((one) => one.type === want.type && one.status === want.status));
    if (right) return;
    await client.patch(
      resourceRefs.pods,
      splitKey(key),
      { metadata: { uid }, status: wanted },
      { type: "strategic", subresource: "status" },
    );
  }

  pods.onChange((event) => queue.add(objectKey(event.object)));
  return async (signal) => {
    signal.addEventListener("abort", () => queue.shutDown(), { once: true });
    await runWorkers(queue, {
      concurrency: 4,
      handler: async (key) => {
        try {
          await reconcile(key);
        } catch (error) {
          if (!(error instanceof ApiError) || error.code !== 404) throw error;
        }
      },
      onError: () => undefined,
    });
  };
}

function statusOf(
  pod: Pod,
  podIP: string,
): { readonly phase: string; readonly podIP: string; readonly conditions: readonly PodCondition[] } {
  const annotations = pod.metadata?.annotations ?? {};
  const exit = annotations["sim/exit"];
  const isBad = (pod.spec?.containers ?? []).some((one) => one.image === "bad:1");
  const names = (pod.spec?.containers ?? []).map((one) => one.name).join(" ");
  const unready = { reason: "ContainersNotReady", message: `containers with unready status: [${names}]` };
  const ended = exit === "0" ? "PodCompleted" : "PodFailed";
  const trouble =
    exit !== undefined
      ? { reason: ended, message: ended }
      : isBad || annotations["sim/ready"] === "false"
        ? unready
        : undefined;
  const condition = (type: string, why: typeof trouble): PodCondition => {
    const status = why === undefined ? "True" : "False";
    const known = pod.status?.conditions?.find((one) => one.type === type);
    const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const lastTransitionTime = known?.status === status ? (known.lastTransitionTime ?? now) : now;
    return { type, status, lastTransitionTime, ...why };
  };
  return {
    phase: exit !== undefined ? (exit === "0" ? "Succeeded" : "Failed") : isBad ? "Pending" : "Running",
    podIP,
    conditions: [
      condition("Initialized", undefined),
      condition("PodReadyToStartContainers", undefined),
      condition("PodScheduled", undefined),
      condition("Ready", trouble),
      condition("ContainersReady", trouble),
    ],
  };
}
