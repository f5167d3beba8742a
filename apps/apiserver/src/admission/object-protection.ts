// Two small additions of Kubernetes: volumes and claims are kept while in use, a new node takes no pods until it is ready.
import { childOf, isObject, listAt, type MutableObject } from "@triarch/api";
import { type AdmissionPlugin, isCore } from "./admission.ts";

const protectedBy: Readonly<Record<string, string>> = {
  "/persistentvolumes": "kubernetes.io/pv-protection",
  "/persistentvolumeclaims": "kubernetes.io/pvc-protection",
  "storage.k8s.io/volumeattributesclasses": "kubernetes.io/vac-protection",
};
const notReadyTaint = "node.kubernetes.io/not-ready";

/** The finalizers that the volume protection controllers remove. */
export const storageProtection: AdmissionPlugin = {
  name: "StorageObjectInUseProtection",
  admitCreate: ({ resource, object }) => {
    const finalizer = protectedBy[`${resource.group}/${resource.resource}`];
    if (finalizer === undefined) return;
    const meta = childOf(object, "metadata");
    const finalizers = listAt(meta, "finalizers").filter((one) => typeof one === "string");
    if (!finalizers.includes(finalizer)) meta["finalizers"] = [...finalizers, finalizer];
  },
};

/** The node lifecycle controller takes the taint away once the node is ready. */
export const taintNewNodes: AdmissionPlugin = {
  name: "TaintNodesByCondition",
  admitCreate: (request) => {
    if (!isCore(request, "nodes")) return;
    const spec = childOf(request.object, "spec");
    const taints = listAt(spec, "taints").filter(isObject) as MutableObject[];
    if (taints.some((taint) => taint["key"] === notReadyTaint && taint["effect"] === "NoSchedule")) return;
    spec["taints"] = [...taints, { key: notReadyTaint, effect: "NoSchedule" }];
  },
};
