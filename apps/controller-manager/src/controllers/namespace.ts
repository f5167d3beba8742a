// Empties namespaces that are being deleted: pods first, for they use the rest; then all other resources; then the
// namespace's own finalizer goes, and with it the namespace.
import type { Namespace, Pod } from "@triarch/api";
import { ApiError, resourcePath, resourceRefs, type KubeObject, type ResourceRef } from "@triarch/client";
import {
  namespaceConditions,
  namespaceFinalizer,
  namespaceIsEmpty,
  planNamespace,
  stableJson,
  type NamespaceContent,
} from "@triarch/reconcile";
import { nowOf, queueController, type Controller, type ControllerContext } from "../controller.ts";
import { discoverResources, resourceName } from "../discovery.ts";

/** Between rounds while content remains, doubling. */
const retryFirstMs = 100;
const retryMaxMs = 15_000;
/** Resources that are emptied at the same time. */
const resourcesAtOnce = 8;
/** Objects counted per page; a namespace may hold more. */
const pageSize = 500;

type Remaining = NamespaceContent["remaining"][number];

export function namespaceController(context: ControllerContext): Controller {
  const { client, informers, clock, logger } = context;
  const namespaces = informers.get<Namespace>(resourceRefs.namespaces);
  const pods = informers.get<Pod>(resourceRefs.pods);
  /** Rounds so far, per namespace that is on its way out. */
  const rounds = new Map<string, number>();

  async function reconcile(name: string): Promise<number | void> {
    const namespace = namespaces.lister.get(name);
    if (namespace === undefined || planNamespace(namespace).kind === "none") {
      rounds.delete(name);
      return;
    }
    const content = await empty(name);
    const told = await tell(name, content);
    if (told === undefined) return; // it is gone
    if (namespaceIsEmpty(content)) {
      await finalize(told);
      rounds.delete(name);
      logger.info({ namespace: name }, "namespace emptied");
      return;
    }
    const round = rounds.get(name) ?? 0;
    rounds.set(name, round + 1);
    return Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(round, 20));
  }

  async function empty(namespace: string): Promise<NamespaceContent> {
    const { resources, stale } = await discoverResources(client);
    const targets = resources
      .filter((one) => one.ref.namespaced && one.verbs.includes("delete") && one.verbs.includes("list"))
      .map((one) => ({ ref: one.ref, collection: one.verbs.includes("deletecollection") }));
    const remaining: Remaining[] = [];
    const failures: string[] = [];
    const emptyOne = async (target: (typeof targets)[number]): Promise<void> => {
      try {
        const left = await emptyResource(target.ref, namespace, target.collection);
        if (left !== undefined) remaining.push(left);
      } catch (error) {
        failures.push(`${resourceName(target.ref)}: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    const isPods = (target: (typeof targets)[number]): boolean => resourceName(target.ref) === "pods";
    await Promise.all(targets.filter(isPods).map(emptyOne));
    if (remaining.length === 0 && failures.length === 0) {
      const rest = targets.filter((target) => !isPods(target)).values();
      const work = async (): Promise<void> => {
        for (const target of rest) await emptyOne(target);
      };
      await Promise.all(Array.from({ length: resourcesAtOnce }, work));
    }
    const discoveryFailure =
      stale.length === 0 ? undefined : `Discovery failed for some groups, ${stale.length} failing: ${stale.join(", ")}`;
    return { remaining, failures, discoveryFailure };
  }

  /** @returns what is still there afterwards */
  async function emptyResource(
    ref: ResourceRef,
    namespace: string,
    collection: boolean,
  ): Promise<Remaining | undefined> {
    const before = await client.list(ref, { namespace, limit: pageSize });
    if (before.items.length === 0) return undefined;
    if (collection) await deleteCollection(ref, namespace);
    else for (const object of before.items) await deleteOne(ref, object);
    let count = 0;
    const finalizers = new Map<string, number>();
    let next: string | undefined;
    do {
      const page = await client.list(ref, {
        namespace,
        limit: pageSize,
        ...(next === undefined ? {} : { continue: next }),
      });
      count += page.items.length;
      for (const finalizer of page.items.flatMap((one) => one.metadata?.finalizers ?? [])) {
        finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
      }
      next = page.metadata.continue === "" ? undefined : page.metadata.continue;
    } while (next !== undefined);
    return count === 0 ? undefined : { resource: resourceName(ref), count, finalizers };
  }

  async function deleteCollection(ref: ResourceRef, namespace: string): Promise<void> {
    const path = `${resourcePath(ref, { namespace })}?propagationPolicy=Background`;
    const answer = await client.raw({ method: "DELETE", path });
    if (answer.statusCode < 300 || answer.statusCode === 404) return;
    throw new Error(`deletecollection answered HTTP ${answer.statusCode}`);
  }

  async function deleteOne(ref: ResourceRef, object: KubeObject): Promise<void> {
    const { namespace = "", name = "" } = object.metadata ?? {};
    try {
      await client.delete(ref, { namespace, name }, { propagationPolicy: "Background" });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** @returns the namespace as it is now; undefined: gone */
  async function tell(name: string, content: NamespaceContent): Promise<Namespace | undefined> {
    try {
      const current = await client.get<Namespace>(resourceRefs.namespaces, { name });
      const conditions = namespaceConditions(current, content, nowOf(clock));
      if (planNamespace(current).kind === "none") return undefined;
      if (stableJson(conditions) === stableJson(current.status?.conditions)) return current;
      const status = { ...current.status, phase: "Terminating", conditions };
      return await client.update<Namespace>(resourceRefs.namespaces, { ...current, status }, { subresource: "status" });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async function finalize(namespace: Namespace): Promise<void> {
    const finalizers = (namespace.spec?.finalizers ?? []).filter((one) => one !== namespaceFinalizer);
    const next: Namespace = { ...namespace, spec: { ...namespace.spec, finalizers } };
    try {
      await client.update(resourceRefs.namespaces, next, { subresource: "finalize" });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  const controller = queueController(context, "namespace", { concurrency: 4, reconcile });
  namespaces.onChange((event) => {
    if (event.type === "deleted" || planNamespace(event.object).kind === "empty")
      controller.queue.add(event.object.metadata?.name ?? "");
  });
  pods.onChange((event) => {
    // The last pod's end is what the rest waits for.
    const namespace = event.object.metadata?.namespace ?? "";
    if (event.type === "deleted" && rounds.has(namespace)) controller.queue.add(namespace);
  });
  return controller;
}

function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404;
}
