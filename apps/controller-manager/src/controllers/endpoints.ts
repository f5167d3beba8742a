import type { Endpoints, Pod, Service } from "@triarch/api";
import { ApiError, resourceRefs } from "@triarch/client";
import { namespaceIndex, objectKey, splitKey } from "@triarch/informer";
import { planEndpoints } from "@triarch/reconcile";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { podEndpointFacts, servicesSelecting } from "../service-pods.ts";

/** Older leader elections keep their record in an Endpoints object that belongs to no Service. */
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";

export function endpointsController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const services = informers.get<Service>(resourceRefs.services);
  const pods = informers.get<Pod>(resourceRefs.pods);
  const endpoints = informers.get<Endpoints>(resourceRefs.endpoints);

  async function reconcile(key: string): Promise<void> {
    const service = services.lister.get(key);
    const present = endpoints.lister.get(key);
    if (service === undefined) {
      // With or without a selector: Endpoints go with the Service of their name.
      if (present !== undefined) await remove(present);
      return;
    }
    const plan = planEndpoints(
      service,
      pods.lister.byIndex(namespaceIndex, service.metadata?.namespace ?? ""),
      present,
    );
    if (plan.kind === "create") await client.create(resourceRefs.endpoints, plan.endpoints);
    if (plan.kind === "update") await client.update(resourceRefs.endpoints, plan.endpoints);
  }

  async function remove(present: Endpoints): Promise<void> {
    const uid = present.metadata?.uid ?? "";
    try {
      await client.delete(resourceRefs.endpoints, splitKey(objectKey(present)), { preconditions: { uid } });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
    }
  }

  const controller = queueController(context, "endpoints", { concurrency: 5, reconcile });
  services.onChange((event) => controller.queue.add(objectKey(event.object)));
  endpoints.onChange((event) => {
    const key = objectKey(event.object);
    if (services.lister.get(key) !== undefined) controller.queue.add(key);
  });
  pods.onChange((event) => {
    if (event.type === "updated" && podEndpointFacts(event.object) === podEndpointFacts(event.previous)) return;
    for (const key of servicesSelecting(services.lister, event)) controller.queue.add(key);
  });
  return {
    name: controller.name,
    run: (signal) => {
      // What a Service left behind while nobody looked.
      for (const one of endpoints.lister.list()) {
        if (one.metadata?.annotations?.[leaderAnnotation] === undefined) controller.queue.add(objectKey(one));
      }
      return controller.run(signal);
    },
  };
}
