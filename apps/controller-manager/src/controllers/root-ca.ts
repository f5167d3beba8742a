import type { ConfigMap, Namespace } from "@triarch/api";
import { resourceRefs } from "@triarch/client";
import { isBeingDeleted, planRootCa, rootCaName } from "@triarch/reconcile";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";

/** Without a certificate authority to publish it does nothing. */
export function rootCaController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const { rootCa } = context.options;
  const namespaces = informers.get<Namespace>(resourceRefs.namespaces);
  const configMaps = informers.get<ConfigMap>(resourceRefs.configMaps);

  const controller = queueController(context, "root-ca-certificate-publisher", {
    concurrency: 1,
    async reconcile(name) {
      const namespace = namespaces.lister.get(name);
      if (rootCa === undefined || namespace === undefined || isBeingDeleted(namespace)) return;
      const plan = planRootCa(name, configMaps.lister.get(`${name}/${rootCaName}`), rootCa);
      if (plan.kind === "create") await client.create(resourceRefs.configMaps, plan.configMap);
      if (plan.kind === "update") await client.update(resourceRefs.configMaps, plan.configMap);
    },
  });
  namespaces.onChange((event) => controller.queue.add(event.object.metadata?.name ?? ""));
  configMaps.onChange((event) => {
    const { name, namespace = "" } = event.object.metadata ?? {};
    if (name === rootCaName) controller.queue.add(namespace);
  });
  return controller;
}
