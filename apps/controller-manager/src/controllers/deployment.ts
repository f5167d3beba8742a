import type { Deployment, ReplicaSet } from "@triarch/api";
import { ApiError, resourceRefs } from "@triarch/client";
import { namespaceIndex, objectKey, splitKey } from "@triarch/informer";
import { controllerOf, planDeployment, stableJson, type DeploymentAction } from "@triarch/reconcile";
import { nowOf, queueController, referenceTo, type Controller, type ControllerContext } from "../controller.ts";

export function deploymentController(context: ControllerContext): Controller {
  const { client, informers, clock } = context;
  const deployments = informers.get<Deployment>(resourceRefs.deployments);
  const sets = informers.get<ReplicaSet>(resourceRefs.replicaSets);
  const recorder = context.recorder("deployment-controller");

  async function reconcile(key: string): Promise<number | void> {
    const deployment = deployments.lister.get(key);
    if (deployment === undefined) return;
    const plan = planDeployment(
      deployment,
      sets.lister.byIndex(namespaceIndex, deployment.metadata?.namespace ?? ""),
      nowOf(clock),
    );
    let current = deployment;
    let { status } = plan;
    for (const action of plan.actions) {
      if (action.kind === "setRevision") {
        const annotations = { "deployment.kubernetes.io/revision": action.revision };
        current = await client.patch<Deployment>(
          resourceRefs.deployments,
          splitKey(key),
          { metadata: { annotations } },
          // By this way the generation, which people wait for, stays.
          { type: "merge", subresource: "status" },
        );
      } else if ((await carryOut(deployment, action)) === "collision") {
        // Another template has the same name: the next round makes another name.
        status = { ...status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 };
      }
    }
    if (stableJson(status) !== stableJson(deployment.status)) {
      await client.update(resourceRefs.deployments, { ...current, status }, { subresource: "status" });
    }
    return plan.againAfterMs;
  }

  async function carryOut(
    deployment: Deployment,
    action: Exclude<DeploymentAction, { kind: "setRevision" }>,
  ): Promise<"done" | "collision"> {
    const { set } = action;
    const name = set.metadata?.name ?? "";
    const say = (text: string): void =>
      recorder.event(referenceTo(deployment, "apps/v1", "Deployment"), "Normal", "ScalingReplicaSet", text);
    switch (action.kind) {
      case "create":
        if (!(await createSet(deployment, set))) return "collision";
        if ((set.spec?.replicas ?? 0) > 0) say(`Scaled up replica set ${name} from 0 to ${set.spec?.replicas ?? 0}`);
        return "done";
      case "scale": {
        const next = {
          ...set,
          metadata: { ...set.metadata, annotations: { ...set.metadata?.annotations, ...action.annotations } },
        };
        if (next.spec !== undefined)
          await client.update(resourceRefs.replicaSets, { ...next, spec: { ...next.spec, replicas: action.to } });
        if (action.from !== action.to)
          say(
            `Scaled ${action.to > action.from ? "up" : "down"} replica set ${name} from ${action.from} to ${action.to}`,
          );
        return "done";
      }
      case "annotate":
        await client.patch(
          resourceRefs.replicaSets,
          splitKey(objectKey(set)),
          { metadata: { annotations: action.annotations }, spec: { minReadySeconds: action.minReadySeconds } },
          { type: "merge" },
        );
        return "done";
      case "remove":
        await client.delete(resourceRefs.replicaSets, splitKey(objectKey(set)), {
          preconditions: { uid: set.metadata?.uid ?? "" },
        });
        return "done";
      case "adopt":
      case "release": {
        const uid = deployment.metadata?.uid ?? "";
        const reference =
          action.kind === "adopt"
            ? {
                apiVersion: "apps/v1",
                kind: "Deployment",
                name: deployment.metadata?.name,
                uid,
                controller: true,
                blockOwnerDeletion: true,
              }
            : { $patch: "delete", uid };
        const patch = { metadata: { uid: set.metadata?.uid, ownerReferences: [reference] } };
        await client.patch(resourceRefs.replicaSets, splitKey(objectKey(set)), patch, { type: "strategic" });
        return "done";
      }
    }
  }

  /** @returns false when the name is taken by another template */
  async function createSet(deployment: Deployment, set: ReplicaSet): Promise<boolean> {
    try {
      await client.create(resourceRefs.replicaSets, set);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason !== "AlreadyExists") throw error;
      const present = await client.get<ReplicaSet>(resourceRefs.replicaSets, splitKey(objectKey(set)));
      // Our own, which the informer does not show yet.
      return controllerOf(present)?.uid === deployment.metadata?.uid;
    }
  }

  const controller = queueController(context, "deployment", { concurrency: 5, reconcile });
  deployments.onChange((event) => controller.queue.add(objectKey(event.object)));
  sets.onChange((event) => {
    const namespace = event.object.metadata?.namespace ?? "";
    const owner = controllerOf(event.object);
    if (owner?.kind === "Deployment") controller.queue.add(`${namespace}/${owner.name}`);
    if (owner === undefined) {
      for (const deployment of deployments.lister.byIndex(namespaceIndex, namespace))
        controller.queue.add(objectKey(deployment));
    }
  });
  return controller;
}
