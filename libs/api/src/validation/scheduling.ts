// Where a pod may run: node selectors, affinity, tolerations, spreading; and the taints of nodes, which mirror
// tolerations.
import type {
  Affinity,
  NodeSelectorTerm,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
  WeightedPodAffinityTerm,
} from "../generated/types.generated.ts";
import { duplicate, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { dns1123Label, labelKey, labelValue, qualifiedName } from "../meta/names.ts";
import { checkEnum, checkLabelSelector, checkPositive, checkText, type Errors } from "./basics.ts";

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
      checkNodeSelectorTerm(errors, `${at}.preference`, term.preference ?? {});
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

function checkNodeSelectorTerm(errors: Errors, path: string, term: NodeSelectorTerm): void {
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
    values.forEach((value, j) => checkText(errors, `${field}.values[${j}]`, value, labelValue));
  });
  (term.matchFields ?? []).forEach((expression, i) => {
    const field = `${path}.matchFields[${i}]`;
    if (expression.operator !== "In" && expression.operator !== "NotIn") {
      errors.push(invalid(`${field}.operator`, expression.operator ?? "", "not a valid selector operator"));
    } else if ((expression.values ?? []).length !== 1) {
      errors.push(
        required(
          `${field}.values`,
          "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        ),
      );
    }
    if (expression.key !== "metadata.name") {
      errors.push(invalid(`${field}.key`, expression.key ?? "", "not a valid field selector key"));
    }
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
  const topologyKey = term.topologyKey ?? "";
  if (topologyKey === "") errors.push(required(`${path}.topologyKey`, "can not be empty"));
  checkText(errors, `${path}.topologyKey`, topologyKey, labelKey);
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
        errors.push(invalid(`${field}.operator`, { ...toleration }, "value must be empty when `operator` is 'Exists'"));
    } else {
      errors.push(notSupported(`${field}.operator`, operator, ["Equal", "Exists"]));
    }
    checkEnum(errors, `${field}.effect`, effect, taintEffects, "allowed");
  });
}

export function checkTopologySpread(
  errors: Errors,
  path: string,
  constraints: readonly TopologySpreadConstraint[],
): void {
  const pairs = new Set<string>();
  constraints.forEach((constraint, i) => {
    const field = `${path}[${i}]`;
    const {
      maxSkew = 0,
      topologyKey = "",
      whenUnsatisfiable = "",
      minDomains,
    } = constraint as Partial<TopologySpreadConstraint>;
    checkPositive(errors, `${field}.maxSkew`, maxSkew);
    if (topologyKey === "") errors.push(required(`${field}.topologyKey`, "can not be empty"));
    else checkText(errors, `${field}.topologyKey`, topologyKey, qualifiedName);
    if (whenUnsatisfiable !== "DoNotSchedule" && whenUnsatisfiable !== "ScheduleAnyway") {
      errors.push(notSupported(`${field}.whenUnsatisfiable`, whenUnsatisfiable, ["DoNotSchedule", "ScheduleAnyway"]));
    }
    const pair = `{${topologyKey}, ${whenUnsatisfiable}}`;
    if (pairs.has(pair)) errors.push(duplicate(`${field}.{topologyKey, whenUnsatisfiable}`, pair));
    pairs.add(pair);
    if (minDomains !== undefined) {
      checkPositive(errors, `${field}.minDomains`, minDomains);
      if (whenUnsatisfiable !== "DoNotSchedule") {
        const text = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
        errors.push(invalid(`${field}.minDomains`, minDomains, text));
      }
    }
    for (const policy of ["nodeAffinityPolicy", "nodeTaintsPolicy"] as const) {
      if (constraint[policy] !== undefined) {
        checkEnum(errors, `${field}.${policy}`, constraint[policy], ["Honor", "Ignore"], "unsupported");
      }
    }
    checkLabelSelector(errors, `${field}.labelSelector`, constraint.labelSelector);
  });
}
