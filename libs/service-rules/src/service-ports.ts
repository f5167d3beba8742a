// The Services of a cluster as the rules see them: one entry per port and address family.
import type { Service } from "@triarch/api";

export type IpFamily = "IPv4" | "IPv6";
export type Protocol = "TCP" | "UDP" | "SCTP";

export interface ServicePort {
  /** `namespace/name`, and `:port` where the port has a name. */
  readonly name: string;
  readonly namespacedName: string;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly clusterIp: string;
  readonly port: number;
  /** 0: none. */
  readonly nodePort: number;
  readonly externalIps: readonly string[];
  readonly loadBalancerIps: readonly string[];
  readonly sourceRanges: readonly string[];
  /** Seconds of client affinity; 0: none. */
  readonly affinitySeconds: number;
  readonly externalPolicyLocal: boolean;
  readonly internalPolicyLocal: boolean;
  /** 0: none. */
  readonly healthCheckNodePort: number;
}

/** Whoever sets this label looks after the Service itself. */
const foreignProxyLabel = "service.kubernetes.io/service-proxy-name";
const affinityDefaultSeconds = 10_800;

export function familyOf(ip: string): IpFamily {
  return ip.includes(":") ? "IPv6" : "IPv4";
}

/** Headless and ExternalName Services have no ports here. Sorted by name, then protocol. */
export function servicePorts(services: readonly Service[], family: IpFamily): readonly ServicePort[] {
  return services
    .flatMap((service) => portsOf(service, family))
    .sort((left, right) => compareText(left.name, right.name) || compareText(left.protocol, right.protocol));
}

export function isExternallyAccessible(port: ServicePort): boolean {
  return port.nodePort !== 0 || port.loadBalancerIps.length > 0 || port.externalIps.length > 0;
}

/** Also with an external policy Local: pods reach the addresses of a load balancer by the short way. */
export function usesClusterEndpoints(port: ServicePort): boolean {
  return !port.internalPolicyLocal || isExternallyAccessible(port);
}

export function usesLocalEndpoints(port: ServicePort): boolean {
  return port.internalPolicyLocal || (port.externalPolicyLocal && isExternallyAccessible(port));
}

export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function portsOf(service: Service, family: IpFamily): readonly ServicePort[] {
  const { metadata, spec } = service;
  if (spec === undefined || spec.type === "ExternalName" || metadata?.labels?.[foreignProxyLabel] !== undefined)
    return [];
  const clusterIps = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  const clusterIp = clusterIps.find((ip) => ip !== "None" && ip !== "" && familyOf(ip) === family);
  if (clusterIp === undefined) return [];
  const ofFamily = (addresses: readonly string[]): readonly string[] =>
    addresses.filter((one) => familyOf(one) === family);
  const external = spec.type === "NodePort" || spec.type === "LoadBalancer" || (spec.externalIPs ?? []).length > 0;
  const namespacedName = `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  const vips = ingress.flatMap((one) => (one.ip !== undefined && (one.ipMode ?? "VIP") === "VIP" ? [one.ip] : []));
  return (spec.ports ?? []).map((port) => {
    const portName = port.name ?? "";
    return {
      name: portName === "" ? namespacedName : `${namespacedName}:${portName}`,
      namespacedName,
      portName,
      protocol: (port.protocol ?? "TCP") as Protocol,
      clusterIp,
      port: port.port,
      nodePort: port.nodePort ?? 0,
      externalIps: ofFamily(spec.externalIPs ?? []),
      loadBalancerIps: ofFamily(vips),
      sourceRanges: restrictions(ofFamily((spec.loadBalancerSourceRanges ?? []).map((range) => range.trim()))),
      affinitySeconds:
        spec.sessionAffinity === "ClientIP"
          ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? affinityDefaultSeconds)
          : 0,
      externalPolicyLocal: external && spec.externalTrafficPolicy === "Local",
      internalPolicyLocal: spec.internalTrafficPolicy === "Local",
      healthCheckNodePort: spec.externalTrafficPolicy === "Local" ? (spec.healthCheckNodePort ?? 0) : 0,
    };
  });
}

/** A range that holds every address restricts nothing. */
function restrictions(ranges: readonly string[]): readonly string[] {
  return ranges.some((range) => range === "0.0.0.0/0" || range === "::/0") ? [] : ranges;
}
