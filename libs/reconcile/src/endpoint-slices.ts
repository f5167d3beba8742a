// EndpointSlices of a Service with a selector: which slices to write and to remove, changing as few as possible.
import { labelMapMatcher, type EndpointSlice, type Node, type Pod, type Service, type ServicePort } from "@triarch/api";
import { controllerOf, isBeingDeleted, isReady, isTerminating, stableJson } from "./objects.ts";

/** Endpoints per slice. */
export const endpointsPerSliceMax = 100;
export const managedByValue = "endpointslice-controller.k8s.io";
export const serviceNameLabel = "kubernetes.io/service-name";
export const managedByLabel = "endpointslice.kubernetes.io/managed-by";
const headlessLabel = "service.kubernetes.io/headless";
const zoneLabel = "topology.kubernetes.io/zone";

type Endpoint = NonNullable<EndpointSlice["endpoints"]>[number];
type SlicePort = NonNullable<EndpointSlice["ports"]>[number];

export interface EndpointSlicePlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

/**
 * @param pods pods of the Service's namespace
 * @param slices its present slices that we manage
 */
export function planEndpointSlices(
  service: Service,
  pods: readonly Pod[],
  nodes: ReadonlyMap<string, Node>,
  slices: readonly EndpointSlice[],
): EndpointSlicePlan {
  const selector = service.spec?.selector ?? {};
  if (isBeingDeleted(service) || Object.keys(selector).length === 0 || service.spec?.type === "ExternalName") {
    return { create: [], update: [], remove: [] };
  }
  const matcher = labelMapMatcher(selector);
  // Pods whose containers name their ports differently need slices of their own.
  const groups = new Map<string, { readonly ports: readonly SlicePort[]; readonly endpoints: Endpoint[] }>();
  for (const pod of pods) {
    if (!matcher.matches(pod.metadata?.labels) || !isIncluded(pod)) continue;
    const ports = slicePorts(service, pod);
    const key = stableJson(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    groups.set(key, group);
    group.endpoints.push(endpointOf(service, pod, nodes));
  }
  // A Service without endpoints keeps one empty slice, so that others see that it is looked after.
  if (groups.size === 0) groups.set("", { ports: [], endpoints: [] });

  const labels = sliceLabels(service);
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const kept = new Set<EndpointSlice>();
  for (const group of groups.values()) {
    const portsText = stableJson(group.ports);
    const present = slices.filter((slice) => !kept.has(slice) && stableJson(slice.ports ?? []) === portsText);
    const usable =
      present.length > 0 || groups.size > 1 ? present : slices.filter((slice) => !kept.has(slice)).slice(0, 1);
    for (const { slice, endpoints } of spread(group.endpoints, usable)) {
      if (slice === undefined) {
        create.push(newSlice(service, labels, group.ports, endpoints));
        continue;
      }
      kept.add(slice);
      const next = {
        ...slice,
        endpoints,
        ports: group.ports,
        metadata: { ...slice.metadata, labels: { ...slice.metadata?.labels, ...labels } },
      };
      if (sliceText(next) !== sliceText(slice)) update.push(next);
    }
  }
  return { create, update, remove: slices.filter((slice) => !kept.has(slice)) };
}

/** Endpoints stay in the slice where they are; new ones fill the gaps; what does not fit gets new slices. */
function spread(
  endpoints: readonly Endpoint[],
  slices: readonly EndpointSlice[],
): readonly { readonly slice: EndpointSlice | undefined; readonly endpoints: readonly Endpoint[] }[] {
  const waiting = new Map(endpoints.map((one) => [endpointKey(one), one]));
  const filled = slices.map((slice) => {
    const mine: Endpoint[] = [];
    for (const old of slice.endpoints ?? []) {
      const now = waiting.get(endpointKey(old));
      if (now === undefined || mine.length >= endpointsPerSliceMax) continue;
      waiting.delete(endpointKey(old));
      mine.push(now);
    }
    return { slice, endpoints: mine };
  });
  const rest = [...waiting.values()];
  for (const one of filled) one.endpoints.push(...rest.splice(0, endpointsPerSliceMax - one.endpoints.length));
  const result: { slice: EndpointSlice | undefined; endpoints: readonly Endpoint[] }[] = filled.filter(
    (one, i) => one.endpoints.length > 0 || i === 0,
  );
  while (rest.length > 0) result.push({ slice: undefined, endpoints: rest.splice(0, endpointsPerSliceMax) });
  if (result.length === 0) result.push({ slice: undefined, endpoints: [] });
  return result;
}

function endpointKey(endpoint: Endpoint): string {
  return `${endpoint.targetRef?.uid ?? endpoint.targetRef?.name ?? ""}/${endpoint.addresses[0] ?? ""}`;
}

/** A pod counts once it has an address, until it has ended. */
function isIncluded(pod: Pod): boolean {
  const ended = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
  return !ended && (pod.status?.podIP ?? "") !== "";
}

function endpointOf(service: Service, pod: Pod, nodes: ReadonlyMap<string, Node>): Endpoint {
  const serving = isReady(pod);
  const terminating = isTerminating(pod);
  const published = service.spec?.publishNotReadyAddresses === true;
  const nodeName = pod.spec?.nodeName;
  const zone = nodes.get(nodeName ?? "")?.metadata?.labels?.[zoneLabel];
  const { namespace, name, uid } = pod.metadata ?? {};
  const hostname = pod.spec?.hostname;
  const named = hostname !== undefined && hostname !== "" && pod.spec?.subdomain === service.metadata?.name;
  return {
    addresses: [pod.status?.podIP ?? ""],
    conditions: { ready: published || (serving && !terminating), serving, terminating },
    ...(named ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: {
      kind: "Pod",
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
      ...(uid === undefined ? {} : { uid }),
    },
    ...(zone === undefined ? {} : { zone }),
  };
}

function slicePorts(service: Service, pod: Pod): readonly SlicePort[] {
  const ports = (service.spec?.ports ?? []).flatMap((port): SlicePort[] => {
    const target = targetPort(port, pod);
    if (target === undefined) return [];
    const { appProtocol } = port;
    return [
      {
        name: port.name ?? "",
        port: target,
        protocol: port.protocol ?? "TCP",
        ...(appProtocol === undefined ? {} : { appProtocol }),
      },
    ];
  });
  return [...ports].sort((left, right) => ((left.name ?? "") < (right.name ?? "") ? -1 : 1));
}

/** A port by name is the container's that has the name and the protocol. */
export function targetPort(port: ServicePort, pod: Pod): number | undefined {
  if (typeof port.targetPort !== "string")
    return port.targetPort === undefined || port.targetPort === 0 ? port.port : port.targetPort;
  const restartable = (pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === "Always");
  for (const container of [...(pod.spec?.containers ?? []), ...restartable]) {
    for (const one of container.ports ?? []) {
      if (one.name === port.targetPort && (one.protocol ?? "TCP") === (port.protocol ?? "TCP"))
        return one.containerPort;
    }
  }
  return undefined;
}

function sliceLabels(service: Service): Readonly<Record<string, string>> {
  const headless = service.spec?.clusterIP === "None" ? { [headlessLabel]: "" } : {};
  return {
    ...service.metadata?.labels,
    [managedByLabel]: managedByValue,
    [serviceNameLabel]: service.metadata?.name ?? "",
    ...headless,
  };
}

function newSlice(
  service: Service,
  labels: Readonly<Record<string, string>>,
  ports: readonly SlicePort[],
  endpoints: readonly Endpoint[],
): EndpointSlice {
  const { name = "", namespace = "", uid = "" } = service.metadata ?? {};
  return {
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels,
      ownerReferences: [{ apiVersion: "v1", kind: "Service", name, uid, controller: true, blockOwnerDeletion: true }],
    },
    addressType: "IPv4",
    endpoints,
    ports,
  };
}

function sliceText(slice: EndpointSlice): string {
  return stableJson([slice.endpoints ?? [], slice.ports ?? [], slice.metadata?.labels]);
}

/** Slices of a Service that this controller looks after. */
export function managedSlices(service: Service, slices: readonly EndpointSlice[]): readonly EndpointSlice[] {
  return slices.filter(
    (slice) =>
      slice.metadata?.labels?.[serviceNameLabel] === service.metadata?.name &&
      slice.metadata?.labels?.[managedByLabel] === managedByValue &&
      !isBeingDeleted(slice) &&
      (controllerOf(slice)?.uid ?? service.metadata?.uid) === service.metadata?.uid,
  );
}
