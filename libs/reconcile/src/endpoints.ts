// The old picture of a Service's endpoints: one Endpoints object of its name. EndpointSlices say more; clients that were
// written before them read this.
import { labelMapMatcher, type Endpoints, type Pod, type Service } from "@triarch/api";
import { targetPort } from "./endpoint-slices.ts";
import { isBeingDeleted, isReady, stableJson } from "./objects.ts";

/** Addresses in one Endpoints object; past it the rest is left out, and an annotation says so. */
export const endpointsAddressesMax = 1_000;
export const endpointsManagedByLabel = "endpoints.kubernetes.io/managed-by";
const managedBy = "endpoint-controller";
const overCapacityAnnotation = "endpoints.kubernetes.io/over-capacity";
const headlessLabel = "service.kubernetes.io/headless";

type Subset = NonNullable<Endpoints["subsets"]>[number];
type Address = NonNullable<Subset["addresses"]>[number];
type Port = NonNullable<Subset["ports"]>[number];

export type EndpointsPlan =
  | { readonly kind: "none" }
  | { readonly kind: "create"; readonly endpoints: Endpoints }
  | { readonly kind: "update"; readonly endpoints: Endpoints };

/**
 * @param pods pods of the Service's namespace
 * @param present the Endpoints of the Service's name
 */
export function planEndpoints(service: Service, pods: readonly Pod[], present: Endpoints | undefined): EndpointsPlan {
  const selector = service.spec?.selector ?? {};
  if (isBeingDeleted(service) || Object.keys(selector).length === 0) return { kind: "none" };
  const matcher = labelMapMatcher(selector);
  const chosen = pods.filter((pod) => matcher.matches(pod.metadata?.labels) && isIncluded(service, pod));
  const { subsets, truncated } = subsetsOf(service, chosen);
  const headless = service.spec?.clusterIP === "None" ? { [headlessLabel]: "" } : {};
  const labels = { ...service.metadata?.labels, [endpointsManagedByLabel]: managedBy, ...headless };
  const { name = "", namespace = "" } = service.metadata ?? {};
  const { [overCapacityAnnotation]: _, ...others } = present?.metadata?.annotations ?? {};
  const annotations = truncated ? { ...others, [overCapacityAnnotation]: "truncated" } : others;
  const endpoints: Endpoints = {
    metadata: { ...present?.metadata, name, namespace, labels, annotations },
    subsets,
  };
  if (present === undefined) return { kind: "create", endpoints };
  return textOf(present) === textOf(endpoints) ? { kind: "none" } : { kind: "update", endpoints };
}

function isIncluded(service: Service, pod: Pod): boolean {
  const ended = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
  const leaving = isBeingDeleted(pod) && !publishesNotReady(service);
  return !ended && !leaving && (pod.status?.podIP ?? "") !== "";
}

function publishesNotReady(service: Service): boolean {
  return service.spec?.publishNotReadyAddresses === true;
}

/** Pods whose ports resolve alike share a subset. Sorted throughout, so that equal states have equal text. */
function subsetsOf(
  service: Service,
  pods: readonly Pod[],
): { readonly subsets: readonly Subset[]; readonly truncated: boolean } {
  const groups = new Map<string, { readonly ports: readonly Port[]; ready: Address[]; notReady: Address[] }>();
  const portless = service.spec?.clusterIP === "None" && (service.spec.ports ?? []).length === 0;
  for (const pod of pods) {
    const ports = portsOf(service, pod);
    if (ports.length === 0 && !portless) continue;
    const key = stableJson(ports);
    const group = groups.get(key) ?? { ports, ready: [], notReady: [] };
    groups.set(key, group);
    (publishesNotReady(service) || isReady(pod) ? group.ready : group.notReady).push(addressOf(service, pod));
  }
  const sorted = [...groups].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group);
  const byIp = (left: Address, right: Address): number => (left.ip < right.ip ? -1 : left.ip > right.ip ? 1 : 0);
  let room = endpointsAddressesMax;
  let total = 0;
  const take = (addresses: Address[]): Address[] => {
    total += addresses.length;
    const taken = addresses.sort(byIp).slice(0, room);
    room -= taken.length;
    return taken;
  };
  // Ready addresses are the ones worth their place.
  for (const group of sorted) group.ready = take(group.ready);
  for (const group of sorted) group.notReady = take(group.notReady);
  const subsets = sorted
    .filter((group) => group.ready.length + group.notReady.length > 0)
    .map((group): Subset => ({
      ...(group.ready.length === 0 ? {} : { addresses: group.ready }),
      ...(group.notReady.length === 0 ? {} : { notReadyAddresses: group.notReady }),
      ...(group.ports.length === 0 ? {} : { ports: group.ports }),
    }));
  return { subsets, truncated: total > endpointsAddressesMax };
}

function portsOf(service: Service, pod: Pod): readonly Port[] {
  const ports = (service.spec?.ports ?? []).flatMap((port): Port[] => {
    const target = targetPort(port, pod);
    if (target === undefined) return [];
    const { name = "", appProtocol, protocol = "TCP" } = port;
    return [
      {
        ...(name === "" ? {} : { name }),
        port: target,
        protocol,
        ...(appProtocol === undefined ? {} : { appProtocol }),
      },
    ];
  });
  return ports.sort((left, right) => ((left.name ?? "") < (right.name ?? "") ? -1 : 1));
}

function addressOf(service: Service, pod: Pod): Address {
  const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
  const { nodeName, hostname = "", subdomain } = pod.spec ?? {};
  return {
    ip: pod.status?.podIP ?? "",
    ...(hostname !== "" && subdomain === service.metadata?.name ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: { kind: "Pod", namespace, name, uid },
  };
}

function textOf(endpoints: Endpoints): string {
  const { labels, annotations } = endpoints.metadata ?? {};
  return stableJson([endpoints.subsets ?? [], labels ?? {}, annotations ?? {}]);
}
