// Labels of nodes: which ones a kubelet may set itself. Kubernetes' own names are for those who place pods by them, except
// those that say what a machine is.
import type { JsonObject } from "@triarch/api";

const kubeletLabels: ReadonlySet<string> = new Set([
  "kubernetes.io/hostname",
  "kubernetes.io/os",
  "kubernetes.io/arch",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/instance-type",
  "node.kubernetes.io/instance-type",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
  "failure-domain.kubernetes.io/zone",
  "failure-domain.kubernetes.io/region",
]);
const kubeletNamespaces = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const reservedNamespaces = ["kubernetes.io", "k8s.io"];
const restrictedNamespace = "node-restriction.kubernetes.io";

/** Keys that one of the two has and the other has not, or with another value; sorted. */
export function changedLabels(left: JsonObject, right: JsonObject): readonly string[] {
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].filter((key) => left[key] !== right[key]).sort();
}

export function forbiddenLabels(keys: readonly string[]): readonly string[] {
  return keys.filter((key) => {
    const slash = key.indexOf("/");
    const namespace = slash < 0 ? "" : key.slice(0, slash);
    if (isWithin(namespace, [restrictedNamespace])) return true;
    return (
      isWithin(namespace, reservedNamespaces) && !kubeletLabels.has(key) && !isWithin(namespace, kubeletNamespaces)
    );
  });
}

function isWithin(namespace: string, parents: readonly string[]): boolean {
  return parents.some((parent) => namespace === parent || namespace.endsWith(`.${parent}`));
}
