// Admission policies in CEL, validating and mutating, and their bindings. Expressions are judged by their grammar and by
// the variables that they name; their types are not.
import type {
  MutatingAdmissionPolicySpec,
  MutatingAdmissionPolicyBindingSpec,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicyBindingSpec,
  ValidatingAdmissionPolicySpec,
  Variable,
} from "../generated/types.generated.ts";
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { objectAt, textAt } from "../meta/mutable.ts";
import { dns1035Label, dns1123Subdomain, pathSegment, qualifiedName } from "../meta/names.ts";
import {
  checkExpression,
  checkFailurePolicy,
  checkMatchConditions,
  checkMatchResources,
} from "../validation/admission-rules.ts";
import { checkEnum, checkLabelSelector, checkText, type Errors } from "../validation/basics.ts";
import { celMembers, isCelIdentifier } from "../validation/cel-syntax.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { defineStrategy, type KindRules } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"];
const actions = ["Audit", "Deny", "Warn"];
const annotationsMax = 20;
const annotationExpressionMax = 5 * 1024;

const shared: KindRules = { namespaced: false, generationFields: ["spec"], metaPasses: ["object"] };

export const validatingAdmissionPolicies: KindStrategy = defineStrategy({
  ...shared,
  initialStatus: {},
  validate: (object) => {
    const spec = sparse<ValidatingAdmissionPolicySpec>(objectAt(object, "spec") ?? {});
    const { validations = [], auditAnnotations = [] } = spec;
    const errors: Errors = [];
    checkPolicy(errors, spec);
    if (validations.length === 0 && auditAnnotations.length === 0) {
      const text = "validations or auditAnnotations must contain at least one item";
      errors.push(required("spec.validations", text), required("spec.auditAnnotations", text));
    }
    const known = variableNames(spec.variables ?? []);
    validations.forEach(({ expression = "", message = "", messageExpression = "", reason }, i) => {
      const path = `spec.validations[${i}]`;
      checkPolicyExpression(errors, `${path}.expression`, expression, {
        known,
        whenMissing: "expression is not specified",
      });
      const field = `${path}.messageExpression`;
      if (messageExpression !== "" && messageExpression.trim() === "") {
        errors.push(invalid(field, messageExpression, "must be non-empty if specified"));
      } else if (messageExpression !== "") {
        checkPolicyExpression(errors, field, messageExpression, { known, whenMissing: "" });
      }
      checkMessage(errors, path, message);
      if (reason !== undefined && !reasons.includes(reason))
        errors.push(notSupported(`${path}.reason`, reason, reasons));
    });
    checkAnnotations(errors, textAt(objectAt(object, "metadata"), "name"), auditAnnotations, known);
    return errors;
  },
});

export const mutatingAdmissionPolicies: KindStrategy = defineStrategy({
  ...shared,
  validate: (object) => {
    const spec = sparse<MutatingAdmissionPolicySpec>(objectAt(object, "spec") ?? {});
    const errors: Errors = [];
    checkPolicy(errors, spec);
    const { mutations = [], reinvocationPolicy = "" } = spec;
    const known = variableNames(spec.variables ?? []);
    if (mutations.length === 0) errors.push(required("spec.mutations", "mutations must contain at least one item"));
    mutations.forEach(({ patchType = "", applyConfiguration, jsonPatch }, i) => {
      const path = `spec.mutations[${i}]`;
      checkEnum(errors, `${path}.patchType`, patchType, ["ApplyConfiguration", "JSONPatch"]);
      for (const [type, field, own] of [
        ["ApplyConfiguration", "applyConfiguration", applyConfiguration],
        ["JSONPatch", "jsonPatch", jsonPatch],
      ] as const) {
        const at = `${path}.${field}`;
        if (type === patchType && own === undefined) errors.push(required(at));
        else if (type !== patchType && own !== undefined && patchType !== "") {
          errors.push(forbidden(at, `may not be set when patchType is ${patchType}`));
        } else if (own !== undefined) {
          const whenMissing = "expression is not specified";
          checkPolicyExpression(errors, `${at}.expression`, own.expression ?? "", { known, whenMissing });
        }
      }
    });
    checkEnum(errors, "spec.reinvocationPolicy", reinvocationPolicy, ["IfNeeded", "Never"]);
    return errors;
  },
});

type AnyPolicySpec = Sparse<
  Pick<
    ValidatingAdmissionPolicySpec,
    "failurePolicy" | "paramKind" | "matchConstraints" | "matchConditions" | "variables"
  >
>;

function checkPolicy(errors: Errors, spec: AnyPolicySpec): void {
  const { failurePolicy, paramKind, matchConstraints, matchConditions = [], variables = [] } = spec;
  checkFailurePolicy(errors, "spec.failurePolicy", failurePolicy);
  if (paramKind !== undefined) checkParamKind(errors, "spec.paramKind", paramKind);
  if (matchConstraints === undefined) errors.push(required("spec.matchConstraints"));
  else checkMatchResources(errors, "spec.matchConstraints", matchConstraints, true);
  checkMatchConditions(errors, "spec.matchConditions", matchConditions);
  variables.forEach(({ name = "", expression = "" }, i) => {
    const path = `spec.variables[${i}]`;
    if (name.trim() === "") errors.push(required(`${path}.name`, "name is not specified"));
    else if (!isCelIdentifier(name)) errors.push(invalid(`${path}.name`, name, "must be a valid CEL identifier"));
    // A variable may use those before it.
    const known = variableNames(variables.slice(0, i));
    checkPolicyExpression(errors, `${path}.expression`, expression, {
      known,
      whenMissing: "expression is not specified",
    });
  });
}

/** Names of variables that can be used: those that are names and have a value. */
function variableNames(variables: readonly Sparse<Variable>[]): ReadonlySet<string> {
  const usable = variables.filter(
    ({ name = "", expression = "" }) => isCelIdentifier(name) && expression.trim() !== "",
  );
  return new Set(usable.map(({ name = "" }) => name));
}

function checkPolicyExpression(
  errors: Errors,
  path: string,
  expression: string,
  { known, whenMissing }: { readonly known: ReadonlySet<string>; readonly whenMissing: string },
): void {
  const found: Errors = [];
  checkExpression(found, path, expression, whenMissing);
  errors.push(...found);
  if (found.length > 0) return;
  const unknown = celMembers(expression, "variables").find((name) => !known.has(name));
  if (unknown !== undefined) errors.push(invalid(path, expression, `compilation failed: undefined field '${unknown}'`));
}

function checkParamKind(errors: Errors, path: string, { apiVersion = "", kind = "" }: Sparse<ParamKind>): void {
  const parts = apiVersion.split("/");
  if (apiVersion === "") errors.push(required(`${path}.apiVersion`));
  else if (parts.length > 2) {
    errors.push(invalid(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  } else {
    const [group, version = ""] = parts.length === 2 ? parts : ["", ...parts];
    if (group !== undefined && group !== "") checkText(errors, `${path}.apiVersion`, group, dns1123Subdomain);
    if (version === "") errors.push(invalid(`${path}.apiVersion`, apiVersion, "version must be specified"));
    else checkText(errors, `${path}.apiVersion`, version, dns1035Label);
  }
  if (kind === "") errors.push(required(`${path}.kind`));
  else {
    for (const text of dns1035Label(kind.toLowerCase())) {
      errors.push(invalid(`${path}.kind`, kind, `may have mixed case, but should otherwise match: ${text}`));
    }
  }
}

function checkMessage(errors: Errors, path: string, message: string): void {
  if (message !== "" && message.trim() === "") {
    errors.push(invalid(`${path}.message`, message, "message must be non-empty if specified"));
  } else if (/[\r\n]/.test(message.trim())) {
    errors.push(invalid(`${path}.message`, message, "message must not contain line breaks"));
  }
}

function checkAnnotations(
  errors: Errors,
  policyName: string,
  annotations: NonNullable<Sparse<ValidatingAdmissionPolicySpec>["auditAnnotations"]>,
  known: ReadonlySet<string>,
): void {
  const path = "spec.auditAnnotations";
  if (annotations.length > annotationsMax) {
    errors.push(invalid(path, annotations.length, `must not have more than ${annotationsMax} auditAnnotations`));
  }
  const keys = annotations.map(({ key = "" }) => key);
  annotations.forEach(({ valueExpression = "" }, i) => {
    const field = `${path}[${i}]`;
    const key = keys[i] ?? "";
    // The annotation will be called after the policy and the key.
    if (policyName === "") errors.push(invalid(`${field}.key`, key, "requires metadata.name be non-empty"));
    else for (const text of qualifiedName(`${policyName}/${key}`)) errors.push(invalid(`${field}.key`, key, text));
    if (valueExpression.length > annotationExpressionMax) {
      errors.push(required(`${field}.valueExpression`, `must not exceed ${annotationExpressionMax} bytes in length`));
    } else {
      const whenMissing = "valueExpression is not specified";
      checkPolicyExpression(errors, `${field}.valueExpression`, valueExpression, { known, whenMissing });
    }
    if (keys.indexOf(key) < i) errors.push(duplicate(`${field}.key`, key));
  });
}

export const validatingAdmissionPolicyBindings: KindStrategy = defineStrategy({
  ...shared,
  validate: (object) => {
    const spec = sparse<ValidatingAdmissionPolicyBindingSpec>(objectAt(object, "spec") ?? {});
    const errors: Errors = [];
    checkBinding(errors, spec);
    const { validationActions = [] } = spec;
    const path = "spec.validationActions";
    if (validationActions.length === 0) errors.push(required(path, "at least one validation action is required"));
    validationActions.forEach((action, i) => {
      if (!actions.includes(action)) errors.push(notSupported(`${path}[${i}]`, action, actions));
      if (validationActions.indexOf(action) < i) errors.push(duplicate(`${path}[${i}]`, action));
    });
    if (validationActions.includes("Deny") && validationActions.includes("Warn")) {
      const text =
        "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
      errors.push(invalid(path, validationActions, text));
    }
    return errors;
  },
});

export const mutatingAdmissionPolicyBindings: KindStrategy = defineStrategy({
  ...shared,
  validate: (object): readonly FieldError[] => {
    const errors: Errors = [];
    checkBinding(errors, sparse<MutatingAdmissionPolicyBindingSpec>(objectAt(object, "spec") ?? {}));
    return errors;
  },
});

type AnyBindingSpec = Sparse<Pick<ValidatingAdmissionPolicyBindingSpec, "policyName" | "paramRef" | "matchResources">>;

function checkBinding(errors: Errors, { policyName = "", paramRef, matchResources }: AnyBindingSpec): void {
  if (policyName === "") errors.push(required("spec.policyName"));
  else checkText(errors, "spec.policyName", policyName, dns1123Subdomain);
  if (paramRef !== undefined) checkParamRef(errors, "spec.paramRef", paramRef);
  // Spelt as in Kubernetes' errors.
  if (matchResources !== undefined) checkMatchResources(errors, "spec.matchResouces", matchResources, false);
}

function checkParamRef(errors: Errors, path: string, reference: Sparse<ParamRef>): void {
  const { name = "", selector, parameterNotFoundAction } = reference;
  if (name !== "") {
    checkText(errors, `${path}.name`, name, pathSegment);
    if (selector !== undefined) errors.push(forbidden(`${path}.name`, "name and selector are mutually exclusive"));
  }
  if (selector !== undefined) {
    checkLabelSelector(errors, `${path}.selector`, selector);
    if (name !== "") errors.push(forbidden(`${path}.selector`, "name and selector are mutually exclusive"));
  }
  if (name === "" && selector === undefined) errors.push(required(path, "one of name or selector must be specified"));
  checkEnum(errors, `${path}.parameterNotFoundAction`, parameterNotFoundAction, ["Deny", "Allow"]);
}
