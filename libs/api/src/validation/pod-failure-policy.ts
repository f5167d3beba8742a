// A Job's rules for failed pods: by exit codes, or by conditions of the pod.
import type { JobSpec, PodSpec } from "../generated/types.generated.ts";
import { invalid, invalidAltogether, notSupported, required, tooMany } from "../meta/field-error.ts";
import { labelKey } from "../meta/names.ts";
import { checkText, type Errors } from "./basics.ts";

const actions = ["Count", "FailIndex", "FailJob", "Ignore"];
const operators = ["In", "NotIn"];
const statuses = ["False", "True", "Unknown"];
const rulesMax = 20;
const conditionsMax = 20;
const exitCodesMax = 255;

type Rule = NonNullable<JobSpec["podFailurePolicy"]>["rules"][number];

export function checkPodFailurePolicy(
  errors: Errors,
  path: string,
  spec: Partial<JobSpec>,
  podSpec: Partial<PodSpec>,
): void {
  const { rules = [] }: { readonly rules?: readonly Rule[] } = spec.podFailurePolicy ?? {};
  if (rules.length > rulesMax) errors.push(tooMany(`${path}.rules`, rules.length, rulesMax));
  const containers = [...(podSpec.initContainers ?? []), ...(podSpec.containers ?? [])].map(({ name }) => name);
  rules.forEach((rule: Partial<Rule>, i) => {
    const field = `${path}.rules[${i}]`;
    checkChoice(errors, `${field}.action`, rule.action, actions);
    if (rule.action === "FailIndex" && spec.backoffLimitPerIndex === undefined) {
      errors.push(invalid(`${field}.action`, rule.action, "requires the backoffLimitPerIndex to be set"));
    }
    const conditions = rule.onPodConditions ?? [];
    if (rule.onExitCodes !== undefined) {
      if (conditions.length > 0) {
        errors.push(invalidAltogether(field, "specifying both OnExitCodes and OnPodConditions is not supported"));
      }
      checkExitCodes(errors, `${field}.onExitCodes`, rule.onExitCodes, containers);
    } else if (conditions.length === 0) {
      errors.push(invalidAltogether(field, "specifying one of OnExitCodes and OnPodConditions is required"));
    }
    if (conditions.length > conditionsMax) {
      errors.push(tooMany(`${field}.onPodConditions`, conditions.length, conditionsMax));
    }
    conditions.forEach((condition, j) => {
      checkText(errors, `${field}.onPodConditions[${j}].type`, condition.type ?? "", labelKey);
      checkChoice(errors, `${field}.onPodConditions[${j}].status`, condition.status, statuses);
    });
  });
}

type ExitCodes = NonNullable<Rule["onExitCodes"]>;

function checkExitCodes(errors: Errors, path: string, codes: Partial<ExitCodes>, containers: readonly string[]): void {
  checkChoice(errors, `${path}.operator`, codes.operator, operators);
  const { containerName } = codes;
  if (containerName !== undefined && !containers.includes(containerName)) {
    const text = "must be one of the container or initContainer names in the pod template";
    errors.push(invalid(`${path}.containerName`, containerName, text));
  }
  const values = codes.values ?? [];
  if (values.length === 0) errors.push(invalid(`${path}.values`, codes.values, "at least one value is required"));
  else if (values.length > exitCodesMax) errors.push(tooMany(`${path}.values`, values.length, exitCodesMax));
  const seen = new Set<number>();
  values.forEach((value, i) => {
    if (codes.operator === "In" && value === 0) {
      errors.push(invalid(`${path}.values[${i}]`, value, "must not be 0 for the In operator"));
    }
    if (seen.has(value))
      errors.push({ type: "FieldValueDuplicate", field: `${path}.values[${i}]`, detail: "", badValue: value });
    seen.add(value);
  });
  if (values.some((value, i) => i > 0 && value < (values[i - 1] ?? value))) {
    errors.push(invalid(`${path}.values`, values, "must be ordered"));
  }
}

/** Jobs list the choices in Go's form where one is missing. */
function checkChoice(errors: Errors, path: string, value: string | undefined, choices: readonly string[]): void {
  if (value === undefined || value === "") {
    errors.push(required(path, `valid values: [${choices.map((choice) => JSON.stringify(choice)).join(" ")}]`));
  } else if (!choices.includes(value)) {
    errors.push(notSupported(path, value, choices));
  }
}
