import type { Endpoints, EndpointSlice, Service } from "@triarch/api";
import { ApiError, resourceRefs } from "@triarch/client";
import { namespaceIndex, objectKey, splitKey } from "@triarch/informer";
import {
  managedByLabel,
  mirroredSlices,
  mirrorManagedBy,
  planMirroredSlices,
  serviceNameLabel,
} from "@triarch/reconcile";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { WrittenVersions } from "../written-versions.ts";

export function endpointSliceMirroringController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const services = informers.get<Service>(resourceRefs.services);
  const endpoints = informers.get<Endpoints>(resourceRefs.endpoints);
  const slices = informers.get<EndpointSlice>(resourceRefs.endpointSlices);
  const written = new WrittenVersions(slices);

  async function reconcile(key: string): Promise<number | void> {
    const { namespace = "", name } = splitKey(key);
    const service = services.lister.get(key);
    const source = endpoints.lister.get(key);
    const waitMs = written.waitMs(key);
    if (waitMs !== undefined) return waitMs;
    const present = mirroredSlices(name, slices.lister.byIndex(namespaceIndex, namespace));
    const plan = planMirroredSlices(service, source, present);
    for (const slice of plan.create) written.remember(key, await client.create(resourceRefs.endpointSlices, slice));
    for (const slice of plan.update) written.remember(key, await client.update(resourceRefs.endpointSlices, slice));
    for (const slice of plan.remove) await remove(slice);
    if (service === undefined && source === undefined) written.forget(key);
  }

  async function remove(slice: EndpointSlice): Promise<void> {
    const preconditions = { uid: slice.metadata?.uid ?? "" };
    try {
      await client.delete(resourceRefs.endpointSlices, splitKey(objectKey(slice)), { preconditions });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
    }
  }

  const controller = queueController(context, "endpointslice-mirroring", { concurrency: 5, reconcile });
  services.onChange((event) => controller.queue.add(objectKey(event.object)));
  endpoints.onChange((event) => controller.queue.add(objectKey(event.object)));
  slices.onChange((event) => {
    const { labels = {}, namespace = "" } = event.object.metadata ?? {};
    if (labels[managedByLabel] === mirrorManagedBy)
      controller.queue.add(`${namespace}/${labels[serviceNameLabel] ?? ""}`);
  });
  return controller;
}
