// Services. Addresses and ports are allocated by the server between `prepare…` and the store; here is what a Service may
// ask for, what an update keeps when it says nothing, and what goes when the type changes.
import type { Service, ServicePort, ServiceSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, type FieldError, forbidden, invalid, required } from "../meta/field-error.ts";
import {
  carryField,
  childOf,
  isObject,
  listAt,
  type MutableObject,
  numberAt,
  objectAt,
  textAt,
  typed,
} from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain, labelKey } from "../meta/names.ts";
import { validateLabels } from "../meta/object-meta.ts";
import { ipFamily, validCidr, validIp } from "../validation/addresses.ts";
import { checkEnum, checkPort, checkPortOrName, checkText, type Errors } from "../validation/basics.ts";
import { portProtocols } from "../validation/containers.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const affinitySecondsMax = 86_400;
const none = "None";

export const services: KindStrategy = defineStrategy({
  namespaced: true,
  nameCheck: dns1123Label,
  initialStatus: { loadBalancer: {} },
  allowCreateOnUpdate: true,
  selectorFields: ["spec.clusterIP", "spec.type"],
  selectorValues: (object) => {
    const spec = objectAt(object, "spec");
    return { "spec.clusterIP": textAt(spec, "clusterIP"), "spec.type": textAt(spec, "type") };
  },
  prepareCreate: (object) => {
    const spec = childOf(object, "spec");
    matchClusterIps(spec, {});
    dropFieldsOfOtherTypes(spec, {});
  },
  prepareUpdate: (next, old) => {
    const spec = childOf(next, "spec");
    const oldSpec = objectAt(old, "spec") ?? {};
    matchClusterIps(spec, oldSpec);
    keepAllocated(spec, oldSpec);
    dropFieldsOfOtherTypes(spec, oldSpec);
    if (textAt(spec, "type") !== "LoadBalancer")
      next["status"] = { ...(objectAt(next, "status") as MutableObject), loadBalancer: {} };
  },
  validate: (object) => validateService(typed<Service>(object)),
  validateChange: (next, old) => validateAddressChange(objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}),
  validateStatus: (next) => {
    const ingress = listAt(objectAt(objectAt(next, "status") ?? {}, "loadBalancer") ?? {}, "ingress");
    if (ingress.length === 0 || textAt(objectAt(next, "spec"), "type") === "LoadBalancer") return [];
    return [forbidden("status.loadBalancer.ingress", "may only be used when `spec.type` is 'LoadBalancer'")];
  },
});

/** ClusterIP, NodePort and LoadBalancer have a cluster address; so do unknown types, whose error is another. */
export function needsClusterIp(spec: JsonObject): boolean {
  return textAt(spec, "type") !== "ExternalName";
}

export function needsNodePort(spec: JsonObject): boolean {
  const type = textAt(spec, "type");
  return type === "NodePort" || (type === "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] !== false);
}

export function needsHealthCheckNodePort(spec: JsonObject): boolean {
  return textAt(spec, "type") === "LoadBalancer" && textAt(spec, "externalTrafficPolicy") === "Local";
}

/** `clusterIP` is the first of `clusterIPs`; clients may set either. */
function matchClusterIps(spec: MutableObject, oldSpec: JsonObject): void {
  const [ip, oldIp] = [textAt(spec, "clusterIP"), textAt(oldSpec, "clusterIP")];
  const ips = listAt(spec, "clusterIPs");
  const [first, oldFirst] = [ips[0], listAt(oldSpec, "clusterIPs")[0]];
  const isNew = Object.keys(oldSpec).length === 0;
  if (ip !== "" && ips.length === 0 && (isNew || ip !== oldIp)) spec["clusterIPs"] = [ip];
  else if (!isNew && ip !== oldIp && first === oldFirst && ips.length > 0) {
    if (ip === "") delete spec["clusterIPs"];
    else spec["clusterIPs"] = [ip, ...(ips.slice(1) as string[])];
  }
}

/** What has been allocated stays where the new spec says nothing about it and still needs it. */
function keepAllocated(spec: MutableObject, oldSpec: JsonObject): void {
  if (needsClusterIp(spec) && needsClusterIp(oldSpec)) {
    if (textAt(spec, "clusterIP") === "") carryField(spec, oldSpec, "clusterIP");
    const same = textAt(spec, "clusterIP") === textAt(oldSpec, "clusterIP");
    if (listAt(spec, "clusterIPs").length === 0 && same) carryField(spec, oldSpec, "clusterIPs");
    if (listAt(spec, "ipFamilies").length === 0) carryField(spec, oldSpec, "ipFamilies");
    if (textAt(spec, "ipFamilyPolicy") === "") carryField(spec, oldSpec, "ipFamilyPolicy");
  }
  if (needsNodePort(spec) && needsNodePort(oldSpec)) {
    const before = portsOf(oldSpec);
    for (const port of listAt(spec, "ports").filter(isObject)) {
      if ((numberAt(port, "nodePort") ?? 0) !== 0) continue;
      const old = before.find(
        (one) => one.port === port["port"] && (one.protocol ?? "TCP") === (port["protocol"] ?? "TCP"),
      );
      if (old?.nodePort !== undefined) (port as MutableObject)["nodePort"] = old.nodePort;
    }
  }
  if (
    needsHealthCheckNodePort(spec) &&
    needsHealthCheckNodePort(oldSpec) &&
    (numberAt(spec, "healthCheckNodePort") ?? 0) === 0
  ) {
    carryField(spec, oldSpec, "healthCheckNodePort");
  }
}

/** Fields that only another type has, and that the client did not set with this write, go with the type. */
function dropFieldsOfOtherTypes(spec: MutableObject, oldSpec: JsonObject): void {
  const unchanged = (key: string): boolean => JSON.stringify(spec[key]) === JSON.stringify(oldSpec[key]);
  if (!needsClusterIp(spec) && needsClusterIp(oldSpec)) {
    for (const key of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) if (unchanged(key)) delete spec[key];
  }
  if (!needsClusterIp(spec))
    for (const key of ["ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]) delete spec[key];
  if (needsNodePort(oldSpec) && !needsNodePort(spec)) {
    const before = new Set(portsOf(oldSpec).map(({ nodePort }) => nodePort));
    for (const port of listAt(spec, "ports").filter(isObject)) {
      if (before.has(numberAt(port, "nodePort"))) delete (port as MutableObject)["nodePort"];
    }
  }
  if (needsHealthCheckNodePort(oldSpec) && !needsHealthCheckNodePort(spec) && unchanged("healthCheckNodePort")) {
    delete spec["healthCheckNodePort"];
  }
  if (textAt(spec, "type") === "ClusterIP" || textAt(spec, "type") === "ExternalName") {
    if (Object.keys(oldSpec).length > 0 && unchanged("externalTrafficPolicy")) delete spec["externalTrafficPolicy"];
  }
  if (textAt(oldSpec, "type") === "LoadBalancer" && textAt(spec, "type") !== "LoadBalancer") {
    for (const key of ["allocateLoadBalancerNodePorts", "loadBalancerClass"]) if (unchanged(key)) delete spec[key];
  }
}

function portsOf(spec: JsonObject): readonly ServicePort[] {
  return typed<ServiceSpec>(spec).ports ?? [];
}

function validateService({ spec = {} }: Service): readonly FieldError[] {
  const errors: Errors = [];
  const type = spec.type ?? "";
  const headless = spec.clusterIP === none || spec.clusterIPs?.[0] === none;
  const ports = spec.ports ?? [];
  if (ports.length === 0 && !headless && type !== "ExternalName") errors.push(required("spec.ports"));
  checkServiceType(errors, spec, headless);
  checkPorts(errors, ports, type);
  errors.push(...validateLabels(spec.selector, "spec.selector"));
  checkAffinity(errors, spec);
  checkAddresses(errors, spec);
  checkTrafficPolicies(errors, spec);
  (spec.externalIPs ?? []).forEach((ip, i) => checkText(errors, `spec.externalIPs[${i}]`, ip, validIp));
  (spec.loadBalancerSourceRanges ?? []).forEach((range, i) => {
    checkText(errors, `spec.loadBalancerSourceRanges[${i}]`, range, validCidr);
  });
  if (type !== "LoadBalancer") {
    if ((spec.loadBalancerSourceRanges ?? []).length > 0) {
      errors.push(forbidden("spec.loadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'"));
    }
    for (const key of ["allocateLoadBalancerNodePorts", "loadBalancerClass"] as const) {
      if (spec[key] !== undefined)
        errors.push(forbidden(`spec.${key}`, "may only be used when `type` is 'LoadBalancer'"));
    }
  }
  return errors;
}

function checkServiceType(errors: Errors, spec: ServiceSpec, headless: boolean): void {
  const type = spec.type ?? "";
  checkEnum(errors, "spec.type", type, types);
  if (type === "ExternalName") {
    if ((spec.clusterIP ?? "") !== "" || (spec.clusterIPs ?? []).length > 0) {
      errors.push(forbidden("spec.clusterIPs", "may not be set for ExternalName services"));
    }
    const name = (spec.externalName ?? "").replace(/\.$/, "");
    if (name === "") errors.push(required("spec.externalName"));
    else checkText(errors, "spec.externalName", name, dns1123Subdomain);
  } else if (headless && (type === "NodePort" || type === "LoadBalancer")) {
    errors.push(invalid("spec.clusterIPs[0]", none, `may not be set to 'None' for ${type} services`));
  }
}

function checkPorts(errors: Errors, ports: readonly ServicePort[], type: string): void {
  const names = new Set<string>();
  const seen = new Set<string>();
  const nodePorts = new Set<string>();
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
    if ((type === "ClusterIP" || type === "ExternalName") && nodePort !== 0) {
      errors.push(forbidden(`${field}.nodePort`, `may not be used when \`type\` is '${type}'`));
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
  checkEnum(errors, "spec.sessionAffinity", spec.sessionAffinity, ["ClientIP", "None"]);
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const path = "spec.sessionAffinityConfig";
  if (spec.sessionAffinity === "None" && spec.sessionAffinityConfig !== undefined) {
    errors.push(forbidden(path, "must not be set when session affinity is None"));
  } else if (seconds !== undefined && (seconds <= 0 || seconds > affinitySecondsMax)) {
    const text = `must be greater than 0 and less than ${affinitySecondsMax}`;
    errors.push(invalid(`${path}.clientIP.timeoutSeconds`, seconds, text));
  }
}

function checkAddresses(errors: Errors, spec: ServiceSpec): void {
  if (spec.type === "ExternalName") return;
  const { clusterIP = "", clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec;
  if (clusterIP !== (clusterIPs[0] ?? clusterIP)) {
    errors.push(invalid("spec.clusterIPs", clusterIPs, "first value must match `clusterIP`"));
  }
  clusterIPs.forEach((ip, i) => {
    if (i === 0 && ip === none) {
      if (clusterIPs.length > 1)
        errors.push(invalid("spec.clusterIPs", clusterIPs, "'None' must be the first and only value"));
      return;
    }
    for (const text of validIp(ip)) errors.push(invalid(`spec.clusterIPs[${i}]`, ip, text));
    const family = ipFamilies[i];
    if (
      family !== undefined &&
      ipFamily(ip) !== undefined &&
      ipFamily(ip) !== family &&
      ["IPv4", "IPv6"].includes(family)
    ) {
      const text = `expected an ${family} value as indicated by \`ipFamilies[${i}]\``;
      errors.push(invalid(`spec.clusterIPs[${i}]`, ip, text));
    }
  });
  const seen = new Set<string>();
  ipFamilies.forEach((family, i) => {
    checkEnum(errors, `spec.ipFamilies[${i}]`, family, ["IPv4", "IPv6"], "unsupported");
    if (seen.has(family)) errors.push(duplicate(`spec.ipFamilies[${i}]`, family));
    seen.add(family);
  });
  if (ipFamilyPolicy !== undefined) {
    const policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    checkEnum(errors, "spec.ipFamilyPolicy", ipFamilyPolicy, policies, "unsupported");
  }
}

function checkTrafficPolicies(errors: Errors, spec: ServiceSpec): void {
  const policies = ["Cluster", "Local"];
  const external = spec.externalTrafficPolicy ?? "";
  const reachable = spec.type === "NodePort" || spec.type === "LoadBalancer" || (spec.externalIPs ?? []).length > 0;
  if (external !== "") {
    if (!reachable && types.includes(spec.type ?? "")) {
      const text = "may only be set for externally-accessible services";
      errors.push(invalid("spec.externalTrafficPolicy", external, text));
    } else {
      checkEnum(errors, "spec.externalTrafficPolicy", external, policies);
    }
  } else if (spec.type === "NodePort" || spec.type === "LoadBalancer") {
    errors.push(required("spec.externalTrafficPolicy"));
  }
  if (spec.internalTrafficPolicy !== undefined) {
    checkEnum(errors, "spec.internalTrafficPolicy", spec.internalTrafficPolicy, policies, "unsupported");
  }
}

function validateAddressChange(spec: JsonObject, oldSpec: JsonObject): readonly FieldError[] {
  if (!needsClusterIp(spec) || !needsClusterIp(oldSpec)) return [];
  const [ips, before] = [listAt(spec, "clusterIPs"), listAt(oldSpec, "clusterIPs")];
  const [first, oldFirst] = [ips[0], before[0]];
  if (oldFirst === undefined || first === oldFirst || first !== textAt(spec, "clusterIP")) return [];
  const wellFormed = first === none || ipFamily(first) !== undefined;
  return wellFormed ? [invalid("spec.clusterIPs[0]", ips, "may not change once set")] : [];
}
