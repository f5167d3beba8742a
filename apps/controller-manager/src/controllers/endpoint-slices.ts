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
import { podEndpointFacts, servicesSelecting } from "../service-pods.ts";

export function endpointSliceController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const services = informers.get<Service>(resourceRefs.services);
  const pods = informers.get<Pod>(resourceRefs.pods);
  const nodes = informers.get<Node>(resourceRefs.nodes);
  const slices = informers.get<EndpointSlice>(resourceRefs.endpointSlices);
  /** Versions that our own writes gave slices: until the informer shows them, its copy is old. */
  const written = new Map<string, Map<string, string>>();

  async function reconcile(key: string): Promise<number | void> {
    const service = services.lister.get(key);
    if (service === undefined) {
      written.delete(key);
      return;
    }
    const namespace = service.metadata?.namespace ?? "";
    const present = managedSlices(service, slices.lister.byIndex(namespaceIndex, namespace));
    const expected = written.get(key) ?? new Map<string, string>();
    for (const [name, version] of expected) {
      const shown = slices.lister.get(`${namespace}/${name}`)?.metadata?.resourceVersion;
      if (shown === undefined ? version !== "" : Number(shown) < Number(version)) return 50;
      expected.delete(name);
    }
    written.set(key, expected);
    const byName = new Map(nodes.lister.list().map((node) => [node.metadata?.name ?? "", node]));
    const plan = planEndpointSlices(service, pods.lister.byIndex(namespaceIndex, namespace), byName, present);
    const remember = (slice: EndpointSlice): void => {
      expected.set(slice.metadata?.name ?? "", slice.metadata?.resourceVersion ?? "");
    };
    for (const slice of plan.create) remember(await client.create(resourceRefs.endpointSlices, slice));
    for (const slice of plan.update) remember(await client.update(resourceRefs.endpointSlices, slice));
    for (const slice of plan.remove) await client.delete(resourceRefs.endpointSlices, splitKey(objectKey(slice)));
  }

  const controller = queueController(context, "endpointslice", { concurrency: 5, reconcile });
  services.onChange((event) => controller.queue.add(objectKey(event.object)));
  slices.onChange((event) => {
    const labels = event.object.metadata?.labels ?? {};
    if (labels[managedByLabel] === managedByValue)
      controller.queue.add(`${event.object.metadata?.namespace ?? ""}/${labels[serviceNameLabel] ?? ""}`);
  });
  pods.onChange((event) => {
    if (event.type === "updated" && podEndpointFacts(event.object) === podEndpointFacts(event.previous)) return;
    for (const key of servicesSelecting(services.lister, event)) controller.queue.add(key);
  });
  return controller;
}
