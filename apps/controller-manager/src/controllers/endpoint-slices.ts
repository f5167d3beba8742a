import type { EndpointSlice, Node, Pod, Service } from "@triarch/api";
import { resourceRefs } from "@triarch/client";
import { namespaceIndex, objectKey, splitKey } from "@triarch/informer";
import {
  managedByLabel,
  managedByValue,
  managedSlices,
  planEndpointSlices,
  serviceNameLabel,
} from "@triarch/reconcile";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";
import { ForeignChanges } from "../foreign-changes.ts";
import { podEndpointFacts, servicesSelecting } from "../service-pods.ts";
import { WrittenVersions } from "../written-versions.ts";

export function endpointSliceController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const services = informers.get<Service>(resourceRefs.services);
  const pods = informers.get<Pod>(resourceRefs.pods);
  const nodes = informers.get<Node>(resourceRefs.nodes);
  const slices = informers.get<EndpointSlice>(resourceRefs.endpointSlices);
  const written = new WrittenVersions(slices);

  async function reconcile(key: string): Promise<number | void> {
    const service = services.lister.get(key);
    if (service === undefined) {
      written.forget(key);
      return;
    }
    const namespace = service.metadata?.namespace ?? "";
    const waitMs = written.waitMs(key);
    if (waitMs !== undefined) return waitMs;
    const present = managedSlices(service, slices.lister.byIndex(namespaceIndex, namespace));
    const byName = new Map(nodes.lister.list().map((node) => [node.metadata?.name ?? "", node]));
    const plan = planEndpointSlices(service, pods.lister.byIndex(namespaceIndex, namespace), byName, present);
    const wrote = (slice: EndpointSlice): void => {
      written.remember(key, slice);
      foreign.wrote(slice);
    };
    for (const slice of plan.create) wrote(await client.create(resourceRefs.endpointSlices, slice));
    for (const slice of plan.update) wrote(await client.update(resourceRefs.endpointSlices, slice));
    for (const slice of plan.remove) {
      foreign.removes(slice);
      await client.delete(resourceRefs.endpointSlices, splitKey(objectKey(slice)));
    }
  }

  const controller = queueController(context, "endpointslice", {
    concurrency: 5,
    reconcile: async (item) => {
      const key = foreign.due(item);
      if (key === item) return reconcile(key);
      if (key !== undefined) controller.queue.add(key);
    },
  });
  const foreign = new ForeignChanges(
    slices,
    () => controller.queue,
    (slice) => {
      const { labels = {}, namespace = "" } = slice.metadata ?? {};
      return labels[managedByLabel] === managedByValue ? `${namespace}/${labels[serviceNameLabel] ?? ""}` : undefined;
    },
  );
  services.onChange((event) => controller.queue.add(objectKey(event.object)));
  pods.onChange((event) => {
    if (event.type === "updated" && podEndpointFacts(event.object) === podEndpointFacts(event.previous)) return;
    for (const key of servicesSelecting(services.lister, event)) controller.queue.add(key);
  });
  return controller;
}
