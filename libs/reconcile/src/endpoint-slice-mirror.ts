// Endpoints that people write by hand, shown as EndpointSlices: of a Service without a selector nobody else makes any.
import type { Endpoints, EndpointSlice, Service } from "@triarch/api";
import { managedByLabel, serviceNameLabel, type EndpointSlicePlan } from "./endpoint-slices.ts";
import { isBeingDeleted, stableJson } from "./objects.ts";

/** Addresses of one subset that are mirrored; the rest is left out. */
export const mirroredPerSubsetMax = 1_000;
/** Endpoints per slice. */
export const mirroredPerSliceMax = 100;
export const mirrorManagedBy = "endpointslicemirroring-controller.k8s.io";
const skipLabel = "endpointslice.kubernetes.io/skip-mirror";
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
const notCopied: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "endpoints.kubernetes.io/last-change-trigger-time",
]);
const headlessLabel = "service.kubernetes.io/headless";

type Subset = NonNullable<Endpoints["subsets"]>[number];
type Address = NonNullable<Subset["addresses"]>[number];
type Endpoint = NonNullable<EndpointSlice["endpoints"]>[number];

/** @param slices the present mirrors of these Endpoints */
export function planMirroredSlices(
  service: Service | undefined,
  endpoints: Endpoints | undefined,
  slices: readonly EndpointSlice[],
): EndpointSlicePlan {
  if (service === undefined || endpoints === undefined || !isMirrored(service, endpoints)) {
    return { create: [], update: [], remove: slices };
  }
  const wanted = mirrorsOf(endpoints);
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const free = new Set(slices.filter((slice) => !isBeingDeleted(slice)));
  for (const want of wanted) {
    const ports = stableJson(want.ports ?? []);
    const fits = [...free].filter((slice) => slice.addressType === want.addressType);
    const chosen = fits.find((slice) => stableJson(slice.ports ?? []) === ports) ?? fits[0];
    if (chosen === undefined) {
      create.push(want);
      continue;
    }
    free.delete(chosen);
    const { generateName: _, ...metadata } = want.metadata ?? {};
    const next = { ...want, metadata: { ...chosen.metadata, ...metadata } };
    if (textOf(next) !== textOf(chosen)) update.push(next);
  }
  return { create, update, remove: [...free] };
}

/** Slices that mirror the Endpoints of this name. */
export function mirroredSlices(name: string, slices: readonly EndpointSlice[]): readonly EndpointSlice[] {
  return slices.filter(
    (slice) =>
      slice.metadata?.labels?.[serviceNameLabel] === name && slice.metadata.labels[managedByLabel] === mirrorManagedBy,
  );
}

function isMirrored(service: Service, endpoints: Endpoints): boolean {
  const { labels = {}, annotations = {} } = endpoints.metadata ?? {};
  return (
    Object.keys(service.spec?.selector ?? {}).length === 0 &&
    labels[skipLabel] !== "true" &&
    annotations[leaderAnnotation] === undefined &&
    !isBeingDeleted(endpoints)
  );
}

function mirrorsOf(endpoints: Endpoints): readonly EndpointSlice[] {
  const groups = new Map<string, { readonly slice: EndpointSlice; readonly endpoints: Endpoint[] }>();
  for (const subset of endpoints.subsets ?? []) {
    const ports = (subset.ports ?? []).map(({ name = "", port, protocol = "TCP", appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    }));
    const all = [
      ...(subset.addresses ?? []).map((address) => ({ address, ready: true })),
      ...(subset.notReadyAddresses ?? []).map((address) => ({ address, ready: false })),
    ];
    for (const { address, ready } of all.slice(0, mirroredPerSubsetMax)) {
      const addressType = address.ip.includes(":") ? "IPv6" : "IPv4";
      const key = stableJson([addressType, ports]);
      const group = groups.get(key) ?? { slice: { ...emptySlice(endpoints), addressType, ports }, endpoints: [] };
      groups.set(key, group);
      group.endpoints.push(endpointOf(address, ready));
    }
  }
  return [...groups.values()].flatMap(({ slice, endpoints: members }) =>
    Array.from({ length: Math.ceil(members.length / mirroredPerSliceMax) }, (_, i) => ({
      ...slice,
      endpoints: members.slice(i * mirroredPerSliceMax, (i + 1) * mirroredPerSliceMax),
    })),
  );
}

function endpointOf(address: Address, ready: boolean): Endpoint {
  const { ip, hostname, nodeName, targetRef } = address;
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === undefined || hostname === "" ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}

function emptySlice(endpoints: Endpoints): EndpointSlice {
  const { name = "", namespace = "", uid = "", labels = {}, annotations = {} } = endpoints.metadata ?? {};
  const { [headlessLabel]: _, ...copied } = labels;
  const owner = { apiVersion: "v1", kind: "Endpoints", name, uid, controller: true, blockOwnerDeletion: true };
  return {
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: { ...copied, [managedByLabel]: mirrorManagedBy, [serviceNameLabel]: name },
      annotations: Object.fromEntries(Object.entries(annotations).filter(([key]) => !notCopied.has(key))),
      ownerReferences: [owner],
    },
    addressType: "IPv4",
    endpoints: [],
  };
}

function textOf(slice: EndpointSlice): string {
  const { labels, annotations, ownerReferences } = slice.metadata ?? {};
  return stableJson([slice.endpoints ?? [], slice.ports ?? [], labels, annotations ?? {}, ownerReferences ?? []]);
}
