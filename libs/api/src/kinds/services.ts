// Services. Addresses and ports are allocated by the server between `prepare…` and the store; here is what a Service may
// ask for, what an update keeps when it says nothing, and what goes when the type changes.
import type { Service, ServicePort, ServiceSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import {
  carryField,
  childOf,
  deepEqual,
  isObject,
  listAt,
  type MutableObject,
  numberAt,
  objectAt,
  textAt,
  typed,
} from "../meta/mutable.ts";
import { dns1123Label } from "../meta/names.ts";
import {
  isExternallyAccessible,
  validateService,
  validateServiceChange,
  validateServiceStatus,
} from "../validation/service-spec.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

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
  validateChange: (next, old) => validateServiceChange(specOf(next), specOf(old)),
  validateStatus: (next) => validateServiceStatus(specOf(next), typed<Service>(next).status ?? {}),
});

function specOf(object: JsonObject): ServiceSpec {
  return typed<ServiceSpec>(objectAt(object, "spec") ?? {});
}

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
  if (needsNodePort(spec) && needsNodePort(oldSpec)) keepNodePorts(spec, oldSpec);
  if (
    needsHealthCheckNodePort(spec) &&
    needsHealthCheckNodePort(oldSpec) &&
    (numberAt(spec, "healthCheckNodePort") ?? 0) === 0
  ) {
    carryField(spec, oldSpec, "healthCheckNodePort");
  }
}

/** A port keeps its node port by its name, unless another one of the new ports asks for that. */
function keepNodePorts(spec: MutableObject, oldSpec: JsonObject): void {
  const byName = new Map(portsOf(oldSpec).map(({ name = "", nodePort = 0 }) => [name, nodePort]));
  const asked = new Set(portsOf(spec).map(({ nodePort = 0 }) => nodePort));
  for (const port of listAt(spec, "ports").filter(isObject)) {
    if ((numberAt(port, "nodePort") ?? 0) !== 0) continue;
    const old = byName.get(textAt(port, "name")) ?? 0;
    if (old !== 0 && !asked.has(old)) (port as MutableObject)["nodePort"] = old;
  }
}

/** Fields that only another type has, and that the client did not set with this update, go with the type. */
function dropFieldsOfOtherTypes(spec: MutableObject, oldSpec: JsonObject): void {
  const unchanged = (key: string): boolean => deepEqual(spec[key], oldSpec[key]);
  const drop = (needed: (spec: JsonObject) => boolean, keys: readonly string[]): void => {
    if (!needed(oldSpec) || needed(spec)) return;
    for (const key of keys) if (unchanged(key)) delete spec[key];
  };
  drop(needsClusterIp, ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]);
  if (needsNodePort(oldSpec) && !needsNodePort(spec) && sameNodePorts(spec, oldSpec)) {
    for (const port of listAt(spec, "ports").filter(isObject)) delete (port as MutableObject)["nodePort"];
  }
  drop(needsHealthCheckNodePort, ["healthCheckNodePort"]);
  drop(isLoadBalancer, ["allocateLoadBalancerNodePorts", "loadBalancerClass"]);
  drop((one) => isExternallyAccessible(typed<ServiceSpec>(one)), ["externalTrafficPolicy"]);
}

function isLoadBalancer(spec: JsonObject): boolean {
  return textAt(spec, "type") === "LoadBalancer";
}

function sameNodePorts(spec: JsonObject, oldSpec: JsonObject): boolean {
  const sorted = (of: JsonObject): string =>
    portsOf(of)
      .map(({ nodePort = 0 }) => nodePort)
      .sort((left, right) => left - right)
      .join();
  return sorted(spec) === sorted(oldSpec);
}

function portsOf(spec: JsonObject): readonly ServicePort[] {
  return typed<ServiceSpec>(spec).ports ?? [];
}
