// What a kubelet may change: its own Node, its own Lease, the pods bound to it. Pods are checked twice: here by verb,
// and at admission, where the pod's node is known.
import { nodeRules, writeVerbs } from "./builtin-rules.ts";
import { ruleAllows, type RequestAttributes } from "./policy-rule.ts";

/** Where every node's heartbeat Lease lives. */
export const nodeLeaseNamespace = "kube-node-lease";

export function nodeAllows(nodeName: string, attributes: RequestAttributes): boolean {
  if (nodeRules.some((rule) => ruleAllows(rule, attributes))) return true;
  if (attributes.kind === "path") return false;
  const { verb, apiGroup, resource, subresource, namespace, name } = attributes;
  // A create names its object in the body: admission compares it.
  const own = name === nodeName || (verb === "create" && name === "");
  if (apiGroup === "" && resource === "nodes") {
    if (subresource === "") return own && writeVerbs.includes(verb);
    return subresource === "status" && own && (verb === "update" || verb === "patch");
  }
  if (apiGroup === "" && resource === "pods") {
    if (subresource === "") return verb === "create" || verb === "delete";
    if (subresource === "status") return verb === "update" || verb === "patch";
    return subresource === "eviction" && verb === "create";
  }
  if (apiGroup === "coordination.k8s.io" && resource === "leases") {
    return own && namespace === nodeLeaseNamespace && (verb === "get" || writeVerbs.includes(verb));
  }
  return (
    apiGroup === "storage.k8s.io" && resource === "csinodes" && own && (verb === "get" || writeVerbs.includes(verb))
  );
}
