// Where a pod may run: node selectors, affinity, tolerations, spreading; and the taints of nodes, which mirror
// tolerations.
import type {
  Affinity,
  NodeSelectorTerm,
  PodAffinityTerm,
  Toleration,
  WeightedPodAffinityTerm,
} from "../generated/types.generated.ts";
import { forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { dns1123Label, dns1123Subdomain, labelKey, labelValue } from "../meta/names.ts";
import { checkEnum, checkLabelSelector, checkText, type Errors } from "./basics.ts";

const preferred = "preferredDuringSchedulingIgnoredDuringExecution";
const requiredTerms = "requiredDuringSchedulingIgnoredDuringExecution";
export const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function checkAffinity(errors: Errors, path: string, affinity: Affinity | undefined): void {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity ?? {};
  if (nodeAffinity !== undefined) {
    const field = `${path}.nodeAffinity`;
    const selector = nodeAffinity[requiredTerms];
    if (selector !== undefined) checkNodeSelector(errors, `${field}.${requiredTerms}`, selector.nodeSelectorTerms);
    (nodeAffinity[preferred] ?? []).forEach((term, i) => {
      const at = `${field}.${preferred}[${i}]`;
      checkWeight(errors, at, term.weight);
      // A wish that no node can fulfil does no harm, so its values are not looked at.
      checkNodeSelectorTerm(errors, `${at}.preference`, term.preference ?? {}, "anyValues");
    });
  }
  for (const [name, terms] of [
    ["podAffinity", podAffinity],
    ["podAntiAffinity", podAntiAffinity],
  ] as const) {
    (terms?.[requiredTerms] ?? []).forEach((term, i) =>
      checkPodTerm(errors, `${path}.${name}.${requiredTerms}[${i}]`, term),
    );
    (terms?.[preferred] ?? []).forEach((term, i) =>
      checkWeightedTerm(errors, `${path}.${name}.${preferred}[${i}]`, term),
    );
  }
}

export function checkNodeSelector(errors: Errors, path: string, terms: readonly NodeSelectorTerm[] | undefined): void {
  if (terms === undefined || terms.length === 0) {
    errors.push(required(`${path}.nodeSelectorTerms`, "must have at least one node selector term"));
  }
  (terms ?? []).forEach((term, i) => checkNodeSelectorTerm(errors, `${path}.nodeSelectorTerms[${i}]`, term));
}

function checkNodeSelectorTerm(errors: Errors, path: string, term: NodeSelectorTerm, values?: "anyValues"): void {
  checkNodeExpressions(errors, path, term, values);
  (term.matchFields ?? []).forEach((expression, i) => {
    const field = `${path}.matchFields[${i}]`;
    if (expression.operator !== "In" && expression.operator !== "NotIn") {
      errors.push(invalid(`${field}.operator`, expression.operator ?? "", "not a valid selector operator"));
    } else if ((expression.values ?? []).length !== 1) {
      const text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
      errors.push(required(`${field}.values`, text));
    }
    if (expression.key !== "metadata.name") {
      errors.push(invalid(`${field}.key`, expression.key ?? "", "not a valid field selector key"));
      return;
    }
    (expression.values ?? []).forEach((value, j) =>
      checkText(errors, `${field}.values[${j}]`, value, dns1123Subdomain),
    );
  });
}

function checkNodeExpressions(
  errors: Errors,
  path: string,
  term: NodeSelectorTerm,
  allowed: "anyValues" | undefined,
): void {
  (term.matchExpressions ?? []).forEach((expression, i) => {
    const field = `${path}.matchExpressions[${i}]`;
    const values = expression.values ?? [];
    const operator = expression.operator ?? "";
    switch (operator) {
      case "In":
      case "NotIn":
        if (values.length === 0) {
          errors.push(required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
        }
        break;
      case "Exists":
      case "DoesNotExist":
        if (values.length > 0) {
          errors.push(
            forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
          );
        }
        break;
      case "Gt":
      case "Lt":
        if (values.length !== 1) {
          errors.push(required(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
        }
        break;
      default:
        errors.push(invalid(`${field}.operator`, operator, "not a valid selector operator"));
    }
    checkText(errors, `${field}.key`, expression.key ?? "", labelKey);
    if (allowed === "anyValues") return;
    values.forEach((value, j) => checkText(errors, `${field}.values[${j}]`, value, labelValue));
  });
}

function checkWeight(errors: Errors, path: string, weight: number | undefined): void {
  if ((weight ?? 0) <= 0 || (weight ?? 0) > 100) {
    errors.push(invalid(`${path}.weight`, weight ?? 0, "must be in the range 1-100"));
  }
}

function checkWeightedTerm(errors: Errors, path: string, term: WeightedPodAffinityTerm): void {
  checkWeight(errors, path, term.weight);
  checkPodTerm(errors, `${path}.podAffinityTerm`, term.podAffinityTerm ?? {});
}

function checkPodTerm(errors: Errors, path: string, term: Partial<PodAffinityTerm>): void {
  checkLabelSelector(errors, `${path}.labelSelector`, term.labelSelector);
  checkLabelSelector(errors, `${path}.namespaceSelector`, term.namespaceSelector);
  for (const name of term.namespaces ?? []) checkText(errors, `${path}.namespace`, name, dns1123Label);
  checkLabelKeys(errors, path, term);
  const topologyKey = term.topologyKey ?? "";
  if (topologyKey === "") errors.push(required(`${path}.topologyKey`, "can not be empty"));
  checkText(errors, `${path}.topologyKey`, topologyKey, labelKey);
}

/**
 * Keys whose values are taken from the pod itself, to be matched or not. In a pod the selector has taken them up before
 * this, so that only what the client wrote there himself is one too many.
 */
export function checkLabelKeys(
  errors: Errors,
  path: string,
  term: Pick<Partial<PodAffinityTerm>, "matchLabelKeys" | "mismatchLabelKeys" | "labelSelector">,
): void {
  const { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector } = term;
  for (const [name, keys] of [
    ["matchLabelKeys", matchLabelKeys],
    ["mismatchLabelKeys", mismatchLabelKeys],
  ] as const) {
    if (keys.length > 0 && labelSelector === undefined) {
      errors.push(forbidden(`${path}.${name}`, "must not be specified when labelSelector is not set"));
    } else {
      keys.forEach((key, i) => checkText(errors, `${path}.${name}[${i}]`, key, labelKey));
    }
  }
  const seen = new Set(Object.keys(labelSelector?.matchLabels ?? {}));
  for (const { key } of labelSelector?.matchExpressions ?? []) {
    const i = matchLabelKeys.lastIndexOf(key);
    if (i >= 0 && seen.has(key)) {
      errors.push(invalid(`${path}[${i}]`, key, "exists in both matchLabelKeys and labelSelector"));
    }
    seen.add(key);
  }
  matchLabelKeys.forEach((key, i) => {
    if (!mismatchLabelKeys.includes(key)) return;
    errors.push(invalid(`${path}.matchLabelKeys[${i}]`, key, "exists in both matchLabelKeys and mismatchLabelKeys"));
  });
}

export function checkTolerations(errors: Errors, path: string, tolerations: readonly Toleration[]): void {
  tolerations.forEach((toleration, i) => {
    const field = `${path}[${i}]`;
    const { key = "", operator = "", value = "", effect = "" } = toleration;
    if (key !== "") checkText(errors, `${field}.key`, key, labelKey);
    if (key === "" && operator !== "Exists") {
      const text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(invalid(`${field}.operator`, operator, text));
    }
    if (toleration.tolerationSeconds !== undefined && effect !== "NoExecute") {
      errors.push(invalid(`${field}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    if (operator === "" || operator === "Equal") {
      const texts = labelValue(value);
      if (texts.length > 0) errors.push(invalid(`${field}.operator`, value, texts.join(";")));
    } else if (operator === "Exists") {
      if (value !== "")
        errors.push(invalid(`${field}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    } else {
      errors.push(notSupported(`${field}.operator`, operator, ["Equal", "Exists"]));
    }
    checkEnum(errors, `${field}.effect`, effect, taintEffects, "allowed");
  });
}
