// Deletes what lost its owners. Every resource that can be listed, watched and deleted is watched; the graph names
// suspects; the API decides, by a fresh read of the suspect and of each owner.
import { setTimeout as delay } from "node:timers/promises";
import type { OwnerReference } from "@triarch/api";
import type { KubeObject, ResourceRef } from "@triarch/client";
import type { InformerEvent } from "@triarch/informer";
import { deletionPhase, OwnerGraph, planGarbage, type GraphNode, type OwnerState } from "@triarch/reconcile";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { discoverResources, resourceName } from "../discovery.ts";
import { AbsentOwners } from "../absent-owners.ts";
import { GarbageActions } from "../garbage-actions.ts";

/** Discovery is read again after this time: resources come and go. */
const discoveryIntervalMs = 30_000;
/** Work starts after this time even when some resource cannot be listed. */
const initialSyncMs = 30_000;
/** How often the first lists are looked for. */
const syncPollMs = 50;
const workers = 20;
/** They come in masses and own nothing. */
const ignoredResources: ReadonlySet<string> = new Set(["events", "events.events.k8s.io"]);

interface Monitored {
  readonly ref: ResourceRef;
  readonly stop: AbortController;
  readonly synced: () => boolean;
}

export function garbageCollector(context: ControllerContext): Controller {
  const { client, informers, clock, logger } = context;
  const graph = new OwnerGraph();
  const monitored = new Map<string, Monitored>();
  const absent = new AbsentOwners();
  const actions = new GarbageActions(client);
  const recorder = context.recorder("garbage-collector-controller");

  async function reconcile(uid: string): Promise<void> {
    const node = graph.get(uid);
    const ref = monitored.get(node?.resource ?? "")?.ref;
    if (node === undefined || ref === undefined || node.phase === "deleting") return;
    if (node.phase === "live" && graph.ownersStand(node)) return;
    const object = await actions.read(ref, node);
    if (object === undefined) return; // the informer will say so
    const owners = new Map<string, OwnerState>();
    if (deletionPhase(object.metadata) === "live") {
      for (const reference of object.metadata?.ownerReferences ?? [])
        owners.set(reference.uid, await ownerState(node, reference));
    }
    const dependents = graph.dependents(uid);
    const plan = planGarbage(object.metadata ?? {}, owners, dependents);
    switch (plan.kind) {
      case "none":
        return;
      case "visit":
        for (const dependent of plan.uids) controller.queue.add(dependent);
        return;
      case "dropOwners":
        return actions.dropOwners(ref, object, plan.uids);
      case "removeFinalizer":
        return actions.removeFinalizer(ref, object, plan.finalizer);
      case "delete":
        logger.debug({ resource: node.resource, namespace: node.namespace, name: node.name }, "garbage deleted");
        return actions.remove(ref, object, plan);
      case "orphanDependents":
        for (const dependent of plan.dependents) {
          const target = monitored.get(dependent.resource)?.ref;
          if (target !== undefined) await actions.release(target, dependent, uid);
        }
        return actions.removeFinalizer(ref, object, "orphan");
    }
  }

  /** @throws Error when no served resource has the owner's kind: an owner that cannot be asked for is not known to be gone */
  async function ownerState(node: GraphNode, reference: OwnerReference): Promise<OwnerState> {
    const group = reference.apiVersion.includes("/") ? (reference.apiVersion.split("/")[0] ?? "") : "";
    const owner = [...monitored.values()].find(({ ref }) => ref.group === group && ref.kind === reference.kind)?.ref;
    if (owner === undefined) {
      throw new Error(
        `${node.resource} ${node.namespace}/${node.name}: owner ${reference.apiVersion} ${reference.kind} is not a served kind`,
      );
    }
    if (owner.namespaced && node.namespace === "") {
      recorder.event(
        { kind: node.kind, name: node.name, uid: node.uid },
        "Warning",
        "OwnerRefInvalidNamespace",
        `ownerRef [${reference.apiVersion}/${reference.kind}, name: ${reference.name}, uid: ${reference.uid}] does not exist in namespace ""`,
      );
      return "forbidden";
    }
    const where = { namespace: owner.namespaced ? node.namespace : "", name: reference.name, uid: reference.uid };
    if (absent.has(owner, where)) return "dangling";
    const found = await actions.read(owner, where);
    if (found !== undefined) return deletionPhase(found.metadata) === "foreground" ? "waiting" : "solid";
    absent.add(owner, where);
    return "dangling";
  }

  function onEvent(resource: string, ref: ResourceRef, event: InformerEvent<KubeObject>): void {
    const { uid = "", namespace = "", name = "", ownerReferences = [] } = event.object.metadata ?? {};
    const touched =
      event.type === "deleted"
        ? graph.forget(uid)
        : graph.observe({
            uid,
            resource,
            kind: ref.kind,
            namespace,
            name,
            owners: ownerReferences,
            phase: deletionPhase(event.object.metadata),
          });
    for (const one of touched) controller.queue.add(one);
  }

  async function refresh(signal: AbortSignal): Promise<void> {
    const { resources, stale } = await discoverResources(client, signal);
    const served = new Set<string>();
    for (const { ref, verbs } of resources) {
      const name = resourceName(ref);
      if (!["list", "watch", "delete"].every((verb) => verbs.includes(verb)) || ignoredResources.has(name)) continue;
      served.add(name);
      if (!monitored.has(name)) monitor(name, ref, signal);
    }
    // A server that cannot be asked may still serve what it served.
    if (stale.length > 0) return;
    for (const [name, { stop }] of monitored) {
      if (served.has(name)) continue;
      stop.abort();
      monitored.delete(name);
      for (const node of [...graph.nodes()]) {
        if (node.resource === name) for (const uid of graph.forget(node.uid)) controller.queue.add(uid);
      }
    }
  }

  function monitor(name: string, ref: ResourceRef, signal: AbortSignal): void {
    const stop = new AbortController();
    const informer = informers.open<KubeObject>(ref, AbortSignal.any([signal, stop.signal]));
    monitored.set(name, { ref, stop, synced: () => informer.hasSynced });
    informer.onChange((event) => {
      if (!stop.signal.aborted) onEvent(name, ref, event);
    });
  }

  async function keepFresh(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(discoveryIntervalMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await refresh(signal).catch((error: unknown) => warn(error));
    }
  }

  const warn = (error: unknown): void =>
    logger.warn({ error: error instanceof Error ? error.message : String(error) }, "discovery failed, going on");

  /** Until every resource is listed the graph lacks dependents, and an owner could go before them. */
  async function sync(signal: AbortSignal): Promise<void> {
    const untilMs = clock.monotonicMs() + initialSyncMs;
    while (!signal.aborted && clock.monotonicMs() < untilMs) {
      if (monitored.size === 0) await refresh(signal).catch((error: unknown) => warn(error));
      if (monitored.size > 0 && [...monitored.values()].every((one) => one.synced())) return;
      await delay(syncPollMs, undefined, { signal }).catch(() => undefined);
    }
    const missing = [...monitored].filter(([, one]) => !one.synced()).map(([name]) => name);
    if (!signal.aborted) logger.warn({ missing }, "not all resources are listed, collecting garbage anyway");
  }

  const controller = queueController(context, "garbage-collector", { concurrency: workers, reconcile });
  return {
    name: controller.name,
    run: async (signal) => {
      await sync(signal);
      await Promise.all([controller.run(signal), keepFresh(signal)]);
    },
  };
}
