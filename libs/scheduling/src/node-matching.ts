// Does a pod ask for this node, and does it bear the node's taints?
import type { NodeSelectorRequirement, NodeSelectorTerm, Pod, Taint, Toleration } from "@triarch/api";
import type { NodeInfo } from "./snapshot.ts";

export function matchesNodeSelector(pod: Pod, info: NodeInfo): boolean {
  const selector = pod.spec?.nodeSelector ?? {};
  if (Object.entries(selector).some(([key, value]) => info.labels[key] !== value)) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, info));
}

/** An empty term matches nothing. */
export function matchesTerm(term: NodeSelectorTerm, info: NodeInfo): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  return (
    expressions.every((one) => matchesRequirement(one, info.labels)) &&
    fields.every((one) => matchesRequirement(one, { "metadata.name": info.name }))
  );
}

function matchesRequirement(one: NodeSelectorRequirement, labels: Readonly<Record<string, string>>): boolean {
  const value = labels[one.key];
  const values = one.values ?? [];
  switch (one.operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return isInteger(value) && isInteger(values[0]) && BigInt(value) > BigInt(values[0]);
    case "Lt":
      return isInteger(value) && isInteger(values[0]) && BigInt(value) < BigInt(values[0]);
    default:
      return false;
  }
}

function isInteger(text: string | undefined): text is string {
  return text !== undefined && /^-?\d+$/.test(text);
}

export function tolerates(tolerations: readonly Toleration[], taint: Taint): boolean {
  return tolerations.some((one) => {
    if (one.effect !== undefined && one.effect !== "" && one.effect !== taint.effect) return false;
    const key = one.key ?? "";
    if (key !== "" && key !== taint.key) return false;
    switch (one.operator ?? "Equal") {
      case "":
      case "Equal":
        return key !== "" && (one.value ?? "") === (taint.value ?? "");
      case "Exists":
        return true;
      default:
        return false;
    }
  });
}

/** The first taint that keeps the pod away. */
export function untoleratedTaint(pod: Pod, taints: readonly Taint[], effects: readonly string[]): Taint | undefined {
  const tolerations = pod.spec?.tolerations ?? [];
  return taints.find((taint) => effects.includes(taint.effect) && !tolerates(tolerations, taint));
}
