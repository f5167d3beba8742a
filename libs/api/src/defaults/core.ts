// Defaults of the core group, pods apart.
import { utf8 } from "@triarch/base";
import { setOwn } from "../meta/mutable.ts";
import type { MutableObject } from "../meta/mutable.ts";
import { base64Text } from "../protobuf/base64.ts";
import { defaultPod, defaultPodSpec, defaultPodTemplate } from "./pod.ts";
import { ensureObject, fillFrom, isEmptyMap, isUnset, objectIn, objectsIn, setDefaults, setMissing } from "./set.ts";
import type { Defaulter } from "./set.ts";
import { defaultVolumeSource } from "./volume.ts";

export const coreDefaults: Readonly<Record<string, Defaulter>> = {
  Pod: defaultPod,
  PodTemplate: (object) => {
    const template = objectIn(object, "template");
    if (template !== undefined) defaultPodSpec(ensureObject(template, "spec"));
  },
  ReplicationController: defaultReplicationController,
  Service: defaultService,
  Endpoints: (object) => {
    for (const subset of objectsIn(object, "subsets"))
      for (const port of objectsIn(subset, "ports")) setDefaults(port, { protocol: "TCP" });
  },
  Secret: (object) => {
    setDefaults(object, { type: "Opaque" });
    const texts = objectIn(object, "stringData");
    if (texts === undefined) return;
    const data = ensureObject(object, "data");
    for (const [key, text] of Object.entries(texts))
      setOwn(data, key, base64Text(utf8(typeof text === "string" ? text : "")));
    delete object["stringData"];
  },
  Namespace: (object) => {
    const metadata = ensureObject(object, "metadata");
    if (!isUnset(metadata["name"])) ensureObject(metadata, "labels")["kubernetes.io/metadata.name"] = metadata["name"];
    setDefaults(ensureObject(object, "status"), { phase: "Active" });
  },
  Node: (object) => {
    const status = ensureObject(object, "status");
    const capacity = objectIn(status, "capacity");
    if (status["allocatable"] === undefined && capacity !== undefined) status["allocatable"] = { ...capacity };
  },
  PersistentVolume: (object) => {
    const spec = ensureObject(object, "spec");
    setDefaults(spec, { persistentVolumeReclaimPolicy: "Retain" });
    setMissing(spec, { volumeMode: "Filesystem" });
    defaultVolumeSource(spec);
    setDefaults(ensureObject(object, "status"), { phase: "Pending" });
  },
  PersistentVolumeClaim: defaultClaim,
  LimitRange: (object) => {
    for (const item of objectsIn(ensureObject(object, "spec"), "limits")) defaultLimit(item);
  },
};

export function defaultClaim(claim: MutableObject): void {
  setMissing(ensureObject(claim, "spec"), { volumeMode: "Filesystem" });
  setDefaults(ensureObject(claim, "status"), { phase: "Pending" });
}

function defaultReplicationController(object: MutableObject): void {
  const spec = ensureObject(object, "spec");
  const template = objectIn(spec, "template");
  const labels = objectIn(objectIn(template ?? {}, "metadata") ?? {}, "labels");
  if (labels !== undefined) {
    if (isEmptyMap(objectIn(spec, "selector"))) spec["selector"] = { ...labels };
    const metadata = ensureObject(object, "metadata");
    if (isEmptyMap(objectIn(metadata, "labels"))) metadata["labels"] = { ...labels };
  }
  setDefaults(spec, { replicas: 1 });
  defaultPodTemplate(spec);
}

/** Addresses, node ports and IP families are the allocator's business. */
function defaultService(object: MutableObject): void {
  const spec = ensureObject(object, "spec");
  setDefaults(spec, { sessionAffinity: "None", type: "ClusterIP" });
  if (spec["sessionAffinity"] === "None") delete spec["sessionAffinityConfig"];
  if (spec["sessionAffinity"] === "ClientIP")
    setDefaults(ensureObject(ensureObject(spec, "sessionAffinityConfig"), "clientIP"), { timeoutSeconds: 10_800 });
  for (const port of objectsIn(spec, "ports")) {
    setDefaults(port, { protocol: "TCP" });
    if ((isUnset(port["targetPort"]) || port["targetPort"] === 0) && port["port"] !== undefined)
      port["targetPort"] = port["port"];
  }
  const type = spec["type"];
  const externalIps = spec["externalIPs"];
  const isExternal =
    type === "NodePort" ||
    type === "LoadBalancer" ||
    (type === "ClusterIP" && Array.isArray(externalIps) && externalIps.length > 0);
  if (isExternal) setDefaults(spec, { externalTrafficPolicy: "Cluster" });
  if (type === "NodePort" || type === "LoadBalancer" || type === "ClusterIP")
    setMissing(spec, { internalTrafficPolicy: "Cluster" });
  if (type === "LoadBalancer") setDefaults(spec, { allocateLoadBalancerNodePorts: true });
  const balancer = objectIn(objectIn(object, "status") ?? {}, "loadBalancer");
  if (balancer !== undefined)
    for (const ingress of objectsIn(balancer, "ingress"))
      if (!isUnset(ingress["ip"])) setDefaults(ingress, { ipMode: "VIP" });
}

/** For containers: what is not limited is limited to the maximum, what is not requested requests its limit. */
function defaultLimit(item: MutableObject): void {
  if (item["type"] !== "Container") return;
  const limits = ensureObject(item, "default");
  fillFrom(limits, objectIn(item, "max"));
  const requests = ensureObject(item, "defaultRequest");
  fillFrom(requests, limits);
  fillFrom(requests, objectIn(item, "min"));
  if (isEmptyMap(limits)) delete item["default"];
  if (isEmptyMap(requests)) delete item["defaultRequest"];
}
