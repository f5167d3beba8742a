import type { Pod, ReplicaSet } from "@triarch/api";
import { ApiError, resourceRefs } from "@triarch/client";
import { namespaceIndex, objectKey, splitKey, type InformerEvent } from "@triarch/informer";
import { controllerOf, isBeingDeleted, planReplicaSet, stableJson } from "@triarch/reconcile";
import { nowOf, queueController, referenceTo, type Controller, type ControllerContext } from "../controller.ts";
import { Expectations } from "../expectations.ts";

/** Pods are made in batches that double while all goes well, so that a refusal costs few requests. */
const firstBatch = 1;

export function replicaSetController(context: ControllerContext): Controller {
  const { client, informers, clock } = context;
  const sets = informers.get<ReplicaSet>(resourceRefs.replicaSets);
  const pods = informers.get<Pod>(resourceRefs.pods);
  const recorder = context.recorder("replicaset-controller");
  const expectations = new Expectations(clock);

  async function reconcile(key: string): Promise<number | void> {
    const set = sets.lister.get(key);
    if (set === undefined) {
      expectations.forget(key);
      return;
    }
    const settled = expectations.satisfied(key);
    const all = pods.lister.byIndex(namespaceIndex, set.metadata?.namespace ?? "");
    const plan = planReplicaSet(set, all, nowOf(clock));
    for (const pod of plan.adopt) await patchOwner(set, pod, true);
    for (const pod of plan.release) await patchOwner(set, pod, false);
    let failure: { reason: string; message: string } | undefined;
    if (settled && plan.adopt.length === 0 && !isBeingDeleted(set)) {
      if (plan.createCount > 0) failure = await createPods(key, set, plan.createCount);
      else if (plan.remove.length > 0) failure = await removePods(key, set, plan.remove);
    }
    const status = failure === undefined ? plan.status : planReplicaSet(set, all, nowOf(clock), failure).status;
    if (stableJson(status) !== stableJson(set.status)) {
      await client.update(resourceRefs.replicaSets, { ...set, status }, { subresource: "status" });
    }
    if (failure !== undefined) throw new Error(failure.message);
    return plan.againAfterMs;
  }

  async function createPods(
    key: string,
    set: ReplicaSet,
    count: number,
  ): Promise<{ reason: string; message: string } | undefined> {
    expectations.expect(key, count, []);
    for (let made = 0, batch = firstBatch; made < count; batch *= 2) {
      const size = Math.min(batch, count - made);
      const results = await Promise.allSettled(
        Array.from({ length: size }, () => client.create(resourceRefs.pods, podOf(set))),
      );
      made += size;
      let refused: unknown;
      for (const result of results) {
        if (result.status === "fulfilled") {
          recorder.event(about(set), "Normal", "SuccessfulCreate", `Created pod: ${result.value.metadata?.name ?? ""}`);
        } else {
          expectations.created(key);
          refused = result.reason;
        }
      }
      if (refused === undefined) continue;
      for (let skipped = made; skipped < count; skipped++) expectations.created(key);
      const message = refused instanceof Error ? refused.message : "the API refused the pod";
      if (refused instanceof ApiError)
        recorder.event(about(set), "Warning", "FailedCreate", `Error creating: ${message}`);
      return { reason: "FailedCreate", message };
    }
    return undefined;
  }

  async function removePods(
    key: string,
    set: ReplicaSet,
    doomed: readonly Pod[],
  ): Promise<{ reason: string; message: string } | undefined> {
    expectations.expect(
      key,
      0,
      doomed.map((pod) => pod.metadata?.uid ?? ""),
    );
    let failure: { reason: string; message: string } | undefined;
    await Promise.all(
      doomed.map(async (pod) => {
        const uid = pod.metadata?.uid ?? "";
        try {
          await client.delete(resourceRefs.pods, splitKey(objectKey(pod)), { preconditions: { uid } });
          recorder.event(about(set), "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata?.name ?? ""}`);
        } catch (error) {
          expectations.deleted(key, uid);
          if (error instanceof ApiError && error.code === 404) return;
          const message = error instanceof Error ? error.message : String(error);
          recorder.event(about(set), "Warning", "FailedDelete", `Error deleting: ${message}`);
          failure = { reason: "FailedDelete", message };
        }
      }),
    );
    return failure;
  }

  async function patchOwner(set: ReplicaSet, pod: Pod, adopt: boolean): Promise<void> {
    const uid = set.metadata?.uid ?? "";
    const reference = adopt ? ownerReference(set) : { $patch: "delete", uid };
    const patch = { metadata: { uid: pod.metadata?.uid, ownerReferences: [reference] } };
    await client.patch(resourceRefs.pods, splitKey(objectKey(pod)), patch, { type: "strategic" });
  }

  const about = (set: ReplicaSet) => referenceTo(set, "apps/v1", "ReplicaSet");
  const controller = queueController(context, "replicaset", { concurrency: 5, reconcile });
  sets.onChange((event) => controller.queue.add(objectKey(event.object)));
  pods.onChange((event: InformerEvent<Pod>) => {
    const pod = event.object;
    const namespace = pod.metadata?.namespace ?? "";
    const owner = controllerOf(pod);
    const key = owner?.kind === "ReplicaSet" ? `${namespace}/${owner.name}` : undefined;
    if (key !== undefined) {
      if (event.type === "added") expectations.created(key);
      if (event.type === "deleted" || isBeingDeleted(pod)) expectations.deleted(key, pod.metadata?.uid ?? "");
      controller.queue.add(key);
    }
    const former = event.type === "updated" ? controllerOf(event.previous) : undefined;
    if (former?.kind === "ReplicaSet" && former.uid !== owner?.uid) controller.queue.add(`${namespace}/${former.name}`);
    // An orphan may fit any set of its namespace.
    if (owner === undefined)
      for (const set of sets.lister.byIndex(namespaceIndex, namespace)) controller.queue.add(objectKey(set));
  });
  return controller;
}

function ownerReference(set: ReplicaSet) {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    name: set.metadata?.name ?? "",
    uid: set.metadata?.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

function podOf(set: ReplicaSet): Pod {
  const { labels, annotations, finalizers } = set.spec?.template?.metadata ?? {};
  const spec = set.spec?.template?.spec;
  return {
    metadata: {
      generateName: `${set.metadata?.name ?? ""}-`,
      namespace: set.metadata?.namespace ?? "",
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [ownerReference(set)],
    },
    ...(spec === undefined ? {} : { spec }),
  };
}
