// The endpoints behind each service port, and which of them a node sends traffic to.
import type { EndpointSlice } from "@triarch/api";
import {
  compareText,
  usesClusterEndpoints,
  usesLocalEndpoints,
  type IpFamily,
  type ServicePort,
} from "./service-ports.ts";

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  /** `ip:port`, with brackets around an IPv6 address. */
  readonly text: string;
  readonly isLocal: boolean;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

/** Endpoints by `namespace/name`, port name and protocol. */
export type EndpointTable = ReadonlyMap<string, readonly Endpoint[]>;

const serviceNameLabel = "kubernetes.io/service-name";
const foreignProxyLabel = "service.kubernetes.io/service-proxy-name";
const headlessLabel = "service.kubernetes.io/headless";

export function endpointTable(slices: readonly EndpointSlice[], family: IpFamily, nodeName: string): EndpointTable {
  const found = new Map<string, Map<string, Endpoint>>();
  for (const slice of slices) {
    const labels = slice.metadata?.labels ?? {};
    const service = labels[serviceNameLabel];
    if (service === undefined || slice.addressType !== family) continue;
    if (labels[foreignProxyLabel] !== undefined || labels[headlessLabel] !== undefined) continue;
    for (const slicePort of slice.ports ?? []) {
      if (slicePort.port === undefined) continue;
      const key = tableKey(
        `${slice.metadata?.namespace ?? ""}/${service}`,
        slicePort.name ?? "",
        slicePort.protocol ?? "TCP",
      );
      const endpoints = found.get(key) ?? new Map<string, Endpoint>();
      found.set(key, endpoints);
      for (const entry of slice.endpoints ?? []) {
        const endpoint = endpointOf(entry, slicePort.port, nodeName);
        if (endpoint === undefined) continue;
        // The same endpoint may stand in two slices while it moves between them.
        if (!endpoints.has(endpoint.text) || endpoint.isLocal) endpoints.set(endpoint.text, endpoint);
      }
    }
  }
  const sorted = new Map<string, readonly Endpoint[]>();
  for (const [key, endpoints] of found) {
    sorted.set(
      key,
      [...endpoints.values()].sort((left, right) => compareText(left.text, right.text)),
    );
  }
  return sorted;
}

export function endpointsOf(table: EndpointTable, port: ServicePort): readonly Endpoint[] {
  return table.get(tableKey(port.namespacedName, port.portName, port.protocol)) ?? [];
}

export interface CategorizedEndpoints {
  /** For traffic that may go anywhere. */
  readonly cluster: readonly Endpoint[];
  /** For traffic that must stay on this node. */
  readonly local: readonly Endpoint[];
  /** Both, each once: those that need a chain. */
  readonly reachable: readonly Endpoint[];
  /** Some endpoint exists, perhaps where this node may not send to. */
  readonly any: boolean;
}

export function categorizeEndpoints(
  endpoints: readonly Endpoint[],
  port: ServicePort,
  node: { readonly name: string; readonly zone: string | undefined },
): CategorizedEndpoints {
  const any = endpoints.some((one) => one.ready || isServingTerminating(one));
  let cluster: readonly Endpoint[] = [];
  if (usesClusterEndpoints(port)) {
    const fits = topologyFilter(endpoints, node);
    cluster = readyOrServing(
      endpoints.filter((one) => one.ready && fits(one)),
      endpoints,
    );
  }
  let local: readonly Endpoint[] = [];
  if (usesLocalEndpoints(port)) {
    const here = endpoints.filter((one) => one.isLocal);
    local = readyOrServing(
      here.filter((one) => one.ready),
      here,
    );
  }
  const reachable = endpoints.filter((one) => cluster.includes(one) || local.includes(one));
  return { cluster, local, reachable, any };
}

/** Where nothing is ready, what terminates but still serves takes the traffic. */
function readyOrServing(ready: readonly Endpoint[], all: readonly Endpoint[]): readonly Endpoint[] {
  return ready.length > 0 ? ready : all.filter(isServingTerminating);
}

function isServingTerminating(endpoint: Endpoint): boolean {
  return endpoint.serving && endpoint.terminating;
}

/** Hints count only if every ready endpoint has one and one of them is for here. */
function topologyFilter(
  endpoints: readonly Endpoint[],
  node: { readonly name: string; readonly zone: string | undefined },
): (endpoint: Endpoint) => boolean {
  const ready = endpoints.filter((one) => one.ready);
  const forNode = (one: Endpoint): boolean => one.nodeHints.includes(node.name);
  if (ready.every((one) => one.nodeHints.length > 0) && ready.some(forNode)) return forNode;
  const { zone } = node;
  if (zone === undefined) return () => true;
  const forZone = (one: Endpoint): boolean => one.zoneHints.includes(zone);
  if (ready.every((one) => one.zoneHints.length > 0) && ready.some(forZone)) return forZone;
  return () => true;
}

function endpointOf(
  entry: NonNullable<EndpointSlice["endpoints"]>[number],
  port: number,
  nodeName: string,
): Endpoint | undefined {
  const ip = entry.addresses[0];
  if (ip === undefined) return undefined;
  const { ready, serving, terminating } = entry.conditions ?? {};
  return {
    ip,
    port,
    text: ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`,
    isLocal: nodeName !== "" && entry.nodeName === nodeName,
    ready: ready ?? true,
    serving: serving ?? true,
    terminating: terminating ?? false,
    zoneHints: (entry.hints?.forZones ?? []).map((one) => one.name),
    nodeHints: (entry.hints?.forNodes ?? []).map((one) => one.name),
  };
}

function tableKey(namespacedName: string, portName: string, protocol: string): string {
  return `${namespacedName}:${portName}/${protocol}`;
}
