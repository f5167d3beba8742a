// What a Service may ask for: ports, affinity, traffic policies, and what only some types have.
import type { Service, ServicePort, ServiceSpec, ServiceStatus } from "../generated/types.generated.ts";
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { dns1123Label, dns1123Subdomain, labelKey } from "../meta/names.ts";
import { validateLabels } from "../meta/object-meta.ts";
import { ipFamily, nonSpecialIp, validCidr, validIp } from "./addresses.ts";
import { checkEnum, checkPort, checkPortOrName, checkText, type Errors } from "./basics.ts";
import { portProtocols } from "./containers.ts";
import { checkClusterIpChange, checkClusterIps, isHeadless } from "./service-addresses.ts";

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const trafficPolicies = ["Cluster", "Local"];
const distributions = ["PreferClose", "PreferSameNode", "PreferSameZone"];
const affinitySecondsMax = 86_400;
const rangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";
const modeAnnotation = "service.kubernetes.io/topology-mode";
const hintsAnnotation = "service.kubernetes.io/topology-aware-hints";
const onlyForBalancers = "may only be used when `type` is 'LoadBalancer'";

/** Can be reached from outside the cluster, so that it matters what comes of the caller's address. */
export function isExternallyAccessible({ type, externalIPs = [] }: Partial<ServiceSpec>): boolean {
  return type === "LoadBalancer" || type === "NodePort" || (type === "ClusterIP" && externalIPs.length > 0);
}

/** Is a port asked whether there are endpoints on the node? */
function isHealthChecked({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === "LoadBalancer" && externalTrafficPolicy === "Local";
}

export function validateService(service: Service): readonly FieldError[] {
  const spec = service.spec ?? {};
  // Addresses are allocated before the rest is looked at: where they are wrong, that is all that is said.
  const errors: Errors = [];
  checkClusterIps(errors, spec);
  if (errors.length > 0) return errors;
  checkTopology(errors, service.metadata?.annotations ?? {});
  const ports = spec.ports ?? [];
  if (ports.length === 0 && !isHeadless(spec) && spec.type !== "ExternalName") errors.push(required("spec.ports"));
  checkType(errors, spec);
  checkPorts(errors, ports, spec.type);
  errors.push(...validateLabels(spec.selector, "spec.selector"));
  checkAffinity(errors, spec);
  (spec.externalIPs ?? []).forEach((ip, i) => {
    checkText(errors, `spec.externalIPs[${i}]`, ip, ipFamily(ip) === undefined ? validIp : nonSpecialIp);
  });
  checkBalancer(errors, service);
  checkTrafficPolicies(errors, spec);
  const distribution = spec.trafficDistribution;
  if (distribution !== undefined && !distributions.includes(distribution)) {
    errors.push(notSupported("spec.trafficDistribution", distribution, distributions));
  }
  return errors;
}

export function validateServiceChange(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  const errors: Errors = [];
  checkClusterIps(errors, spec);
  if (errors.length > 0) return [];
  checkClusterIpChange(errors, spec, old);
  const balances = spec.type === "LoadBalancer" && old.type === "LoadBalancer";
  if (balances && spec.loadBalancerClass !== old.loadBalancerClass) {
    errors.push(invalid("spec.loadBalancerClass", spec.loadBalancerClass, "may not change once set"));
  }
  // What is wrong with the class itself is said once more with the change.
  checkBalancerClass(errors, spec);
  const port = spec.healthCheckNodePort ?? 0;
  if (isHealthChecked(spec) && isHealthChecked(old) && port !== (old.healthCheckNodePort ?? 0)) {
    errors.push(forbidden("spec.healthCheckNodePort", "field is immutable"));
  }
  return errors;
}

function checkTopology(errors: Errors, annotations: Readonly<Record<string, string>>): void {
  const [mode, hints] = [annotations[modeAnnotation], annotations[hintsAnnotation]];
  if (mode === undefined || hints === undefined || mode === hints) return;
  const text = `must match annotations[${hintsAnnotation}] when both are specified`;
  errors.push(invalid(`metadata.annotations[${modeAnnotation}]`, mode, text));
}

function checkType(errors: Errors, spec: ServiceSpec): void {
  const { type = "" } = spec;
  checkEnum(errors, "spec.type", type, types);
  if ((type === "NodePort" || type === "LoadBalancer") && isHeadless(spec)) {
    errors.push(invalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${type} services`));
  }
  if (type !== "ExternalName") return;
  const text = "may not be set for ExternalName services";
  if ((spec.clusterIPs ?? []).length > 0) errors.push(forbidden("spec.clusterIPs", text));
  if ((spec.ipFamilies ?? []).length > 0) errors.push(forbidden("spec.ipFamilies", text));
  if (spec.ipFamilyPolicy !== undefined) errors.push(forbidden("spec.ipFamilyPolicy", text));
  const name = (spec.externalName ?? "").replace(/\.$/, "");
  if (name === "") errors.push(required("spec.externalName"));
  else checkText(errors, "spec.externalName", name, dns1123Subdomain);
}

function checkPorts(errors: Errors, ports: readonly ServicePort[], type: string | undefined): void {
  const [names, seen, nodePorts] = [new Set<string>(), new Set<string>(), new Set<string>()];
  ports.forEach((port, i) => {
    const field = `spec.ports[${i}]`;
    const { name = "", protocol = "", port: number = 0, targetPort, nodePort = 0 } = port as Partial<ServicePort>;
    if (name === "" && ports.length > 1) errors.push(required(`${field}.name`));
    else if (name !== "") {
      checkText(errors, `${field}.name`, name, dns1123Label);
      if (names.has(name)) errors.push(duplicate(`${field}.name`, name));
      names.add(name);
    }
    checkPort(errors, `${field}.port`, number);
    checkEnum(errors, `${field}.protocol`, protocol, portProtocols);
    checkPortOrName(errors, `${field}.targetPort`, targetPort);
    if (port.appProtocol !== undefined) checkText(errors, `${field}.appProtocol`, port.appProtocol, labelKey);
    if (type === "ClusterIP" && nodePort !== 0) {
      errors.push(forbidden(`${field}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
    }
    const nodeKey = `${protocol}/${nodePort}`;
    if (nodePort !== 0 && nodePorts.has(nodeKey)) errors.push(duplicate(`${field}.nodePort`, nodePort));
    nodePorts.add(nodeKey);
    const key = `${protocol}/${number}`;
    if (seen.has(key)) {
      const shown = { Name: "", Protocol: protocol, AppProtocol: null, Port: number, TargetPort: 0, NodePort: 0 };
      errors.push(duplicate(field, shown));
    }
    seen.add(key);
  });
}

function checkAffinity(errors: Errors, spec: ServiceSpec): void {
  const { sessionAffinity: affinity, sessionAffinityConfig: config } = spec;
  checkEnum(errors, "spec.sessionAffinity", affinity, ["ClientIP", "None"]);
  const path = "spec.sessionAffinityConfig";
  if (affinity === "None" && config !== undefined) {
    errors.push(forbidden(path, "must not be set when session affinity is None"));
  }
  if (affinity !== "ClientIP") return;
  const text = "when session affinity type is ClientIP";
  const seconds = config?.clientIP?.timeoutSeconds;
  if (config === undefined) errors.push(required(path, text));
  else if (config.clientIP === undefined) errors.push(required(`${path}.clientIP`, text));
  else if (seconds === undefined) errors.push(required(`${path}.clientIP.timeoutSeconds`, text));
  else if (seconds <= 0 || seconds > affinitySecondsMax) {
    const why = `must be greater than 0 and less than ${affinitySecondsMax}`;
    errors.push(invalid(`${path}.clientIP.timeoutSeconds`, seconds, why));
  }
}

function checkBalancer(errors: Errors, { metadata, spec = {} }: Service): void {
  const balances = spec.type === "LoadBalancer";
  const annotation = metadata?.annotations?.[rangesAnnotation];
  const ranges = spec.loadBalancerSourceRanges ?? [];
  if (ranges.length > 0) {
    const path = "spec.LoadBalancerSourceRanges";
    if (!balances) errors.push(forbidden(path, onlyForBalancers));
    ranges.forEach((range, i) => checkText(errors, `${path}[${i}]`, range.trim(), validCidr));
  } else if (annotation !== undefined) {
    const path = `metadata.annotations[${rangesAnnotation}]`;
    if (!balances) errors.push(forbidden(path, onlyForBalancers));
    if (annotation.trim() !== "") {
      for (const range of annotation.split(",")) checkText(errors, path, range.trim(), validCidr);
    }
  }
  if (!balances && spec.allocateLoadBalancerNodePorts !== undefined) {
    errors.push(forbidden("spec.allocateLoadBalancerNodePorts", onlyForBalancers));
  }
  checkBalancerClass(errors, spec);
}

function checkBalancerClass(errors: Errors, spec: ServiceSpec): void {
  const name = spec.loadBalancerClass;
  if (name === undefined) return;
  if (spec.type === "LoadBalancer") checkText(errors, "spec.loadBalancerClass", name, labelKey);
  else errors.push(forbidden("spec.loadBalancerClass", onlyForBalancers));
}

function checkTrafficPolicies(errors: Errors, spec: ServiceSpec): void {
  const { externalTrafficPolicy: external = "", internalTrafficPolicy: internal, healthCheckNodePort = 0 } = spec;
  const path = "spec.externalTrafficPolicy";
  if (isExternallyAccessible(spec)) checkEnum(errors, path, external, trafficPolicies);
  else if (external !== "") {
    errors.push(invalid(path, external, "may only be set for externally-accessible services"));
  }
  if (healthCheckNodePort !== 0 && !isHealthChecked(spec)) {
    const text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(invalid("spec.healthCheckNodePort", healthCheckNodePort, text));
  } else if (healthCheckNodePort !== 0) {
    // One that is not asked for is allocated after this.
    checkPort(errors, "spec.healthCheckNodePort", healthCheckNodePort);
  }
  if (internal !== undefined) {
    checkEnum(errors, "spec.internalTrafficPolicy", internal, trafficPolicies, "unsupported");
  } else if (types.includes(spec.type ?? "") && spec.type !== "ExternalName") {
    errors.push(required("spec.internalTrafficPolicy"));
  }
}

/** What a balancer's controller writes. */
export function validateServiceStatus(spec: ServiceSpec, status: ServiceStatus): readonly FieldError[] {
  const errors: Errors = [];
  const path = "status.loadBalancer.ingress";
  const ingresses = status.loadBalancer?.ingress ?? [];
  if (ingresses.length > 0 && spec.type !== "LoadBalancer") {
    return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  ingresses.forEach(({ ip = "", ipMode, hostname = "" }, i) => {
    const field = `${path}[${i}]`;
    if (ip !== "") checkText(errors, `${field}.ip`, ip, validIp);
    if (ip !== "" && ipMode === undefined) {
      errors.push(required(`${field}.ipMode`, "must be specified when `ip` is set"));
    } else if (ip === "" && ipMode !== undefined) {
      errors.push(forbidden(`${field}.ipMode`, "may not be specified when `ip` is not set"));
    } else if (ipMode !== undefined) {
      checkEnum(errors, `${field}.ipMode`, ipMode, ["Proxy", "VIP"], "unsupported");
    }
    if (hostname === "") return;
    checkText(errors, `${field}.hostname`, hostname, dns1123Subdomain);
    if (ipFamily(hostname) !== undefined) {
      errors.push(invalid(`${field}.hostname`, hostname, "must be a DNS name, not an IP address"));
    }
  });
  return errors;
}
