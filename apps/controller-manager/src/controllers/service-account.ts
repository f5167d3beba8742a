import type { Namespace, ServiceAccount } from "@triarch/api";
import { ApiError, resourceRefs } from "@triarch/client";
import { isBeingDeleted } from "@triarch/reconcile";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";

const defaultName = "default";

/** Pods that name no account run as the namespace's `default`: it is always there. */
export function serviceAccountController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const namespaces = informers.get<Namespace>(resourceRefs.namespaces);
  const accounts = informers.get<ServiceAccount>(resourceRefs.serviceAccounts);

  const controller = queueController(context, "serviceaccount", {
    concurrency: 1,
    async reconcile(name) {
      const namespace = namespaces.lister.get(name);
      if (namespace === undefined || isBeingDeleted(namespace)) return;
      if (accounts.lister.get(`${name}/${defaultName}`) !== undefined) return;
      try {
        await client.create<ServiceAccount>(resourceRefs.serviceAccounts, {
          metadata: { name: defaultName, namespace: name },
        });
      } catch (error) {
        if (!isSettled(error)) throw error;
      }
    },
  });
  namespaces.onChange((event) => controller.queue.add(event.object.metadata?.name ?? ""));
  accounts.onChange((event) => {
    const { name, namespace = "" } = event.object.metadata ?? {};
    if (event.type === "deleted" && name === defaultName) controller.queue.add(namespace);
  });
  return controller;
}

/** It is there already, or the namespace is going. */
function isSettled(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.reason === "AlreadyExists" || (error.status.details?.causes ?? []).some(isTerminating);
}

function isTerminating(cause: { readonly reason?: string }): boolean {
  return cause.reason === "NamespaceTerminating";
}
