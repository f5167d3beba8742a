// Defaults of the groups that have few: discovery, networking, rbac, resource, scheduling, storage.
import type { MutableObject } from "../meta/mutable.ts";
import { ensureObject, isUnset, objectIn, objectsIn, setDefaults, setMissing } from "./set.ts";
import type { Defaulter } from "./set.ts";
import { defaultVolumeSource } from "./volume.ts";

const rbacGroup = "rbac.authorization.k8s.io";

export const discoveryDefaults: Readonly<Record<string, Defaulter>> = {
  EndpointSlice: (object) => {
    for (const port of objectsIn(object, "ports")) setMissing(port, { name: "", protocol: "TCP" });
  },
};

export const networkingDefaults: Readonly<Record<string, Defaulter>> = {
  NetworkPolicy: (object) => {
    const spec = ensureObject(object, "spec");
    for (const rule of [...objectsIn(spec, "ingress"), ...objectsIn(spec, "egress")])
      for (const port of objectsIn(rule, "ports")) setMissing(port, { protocol: "TCP" });
    const types = spec["policyTypes"];
    if (!Array.isArray(types) || types.length === 0)
      spec["policyTypes"] = objectsIn(spec, "egress").length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
  },
  IngressClass: (object) => {
    const parameters = objectIn(ensureObject(object, "spec"), "parameters");
    if (parameters !== undefined) setMissing(parameters, { scope: "Cluster" });
  },
};

export const rbacDefaults: Readonly<Record<string, Defaulter>> = {
  RoleBinding: defaultBinding,
  ClusterRoleBinding: defaultBinding,
};

export const schedulingDefaults: Readonly<Record<string, Defaulter>> = {
  PriorityClass: (object) => {
    setMissing(object, { preemptionPolicy: "PreemptLowerPriority" });
  },
};

export const storageDefaults: Readonly<Record<string, Defaulter>> = {
  StorageClass: (object) => {
    setMissing(object, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" });
  },
  CSIDriver: (object) => {
    setMissing(ensureObject(object, "spec"), {
      attachRequired: true,
      podInfoOnMount: false,
      volumeLifecycleModes: ["Persistent"],
      storageCapacity: false,
      fsGroupPolicy: "ReadWriteOnceWithFSType",
      requiresRepublish: false,
      seLinuxMount: false,
    });
  },
  VolumeAttachment: (object) => {
    const inline = objectIn(objectIn(ensureObject(object, "spec"), "source") ?? {}, "inlineVolumeSpec");
    if (inline === undefined) return;
    setDefaults(inline, { volumeMode: "Filesystem" });
    defaultVolumeSource(inline);
  },
};

export const resourceDefaults: Readonly<Record<string, Defaulter>> = {
  ResourceClaim: (object) => {
    defaultClaimSpec(ensureObject(object, "spec"));
  },
  ResourceClaimTemplate: (object) => {
    defaultClaimSpec(ensureObject(ensureObject(object, "spec"), "spec"));
  },
};

function defaultBinding(object: MutableObject): void {
  setDefaults(ensureObject(object, "roleRef"), { apiGroup: rbacGroup });
  for (const subject of objectsIn(object, "subjects"))
    if (isUnset(subject["apiGroup"]) && (subject["kind"] === "User" || subject["kind"] === "Group"))
      subject["apiGroup"] = rbacGroup;
}

function defaultClaimSpec(spec: MutableObject): void {
  const devices = objectIn(spec, "devices");
  if (devices === undefined) return;
  for (const request of objectsIn(devices, "requests")) {
    const exactly = objectIn(request, "exactly");
    for (const part of exactly === undefined ? objectsIn(request, "firstAvailable") : [exactly]) {
      setDefaults(part, { allocationMode: "ExactCount" });
      if (part["allocationMode"] === "ExactCount" && (part["count"] === undefined || part["count"] === 0))
        part["count"] = 1;
      for (const toleration of objectsIn(part, "tolerations")) setDefaults(toleration, { operator: "Equal" });
    }
  }
}
