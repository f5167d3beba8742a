// Which Services a change of a pod concerns.
import type { Pod, Service } from "@triarch/api";
import { namespaceIndex, objectKey, type InformerEvent, type Lister } from "@triarch/informer";
import { stableJson } from "@triarch/reconcile";

/** Keys of the Services that select the pod, or did before the change. */
export function servicesSelecting(services: Lister<Service>, event: InformerEvent<Pod>): readonly string[] {
  const versions = event.type === "updated" ? [event.object, event.previous] : [event.object];
  return services
    .byIndex(namespaceIndex, event.object.metadata?.namespace ?? "")
    .filter((service) => {
      const selector = Object.entries(service.spec?.selector ?? {});
      const selects = (pod: Pod): boolean =>
        selector.every(([label, value]) => pod.metadata?.labels?.[label] === value);
      return selector.length > 0 && versions.some(selects);
    })
    .map(objectKey);
}

/** What of a pod an endpoint shows: a change elsewhere concerns no Service. */
export function podEndpointFacts(pod: Pod): string {
  const ready = pod.status?.conditions?.find((one) => one.type === "Ready")?.status;
  return stableJson([
    pod.metadata?.labels,
    pod.metadata?.deletionTimestamp,
    pod.status?.podIP,
    pod.status?.phase,
    ready,
    pod.spec?.nodeName,
  ]);
}
