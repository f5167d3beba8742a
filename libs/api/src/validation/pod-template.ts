// Pod templates of workloads and the selectors that must fit them.
import type { LabelSelector, PodSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { listAt, objectAt, typed } from "../meta/mutable.ts";
import { validateAnnotations, validateLabels } from "../meta/object-meta.ts";
import { labelSelectorMatcher, type Labels, SelectorError } from "../selectors/label-selector.ts";
import { fieldOrEmptied } from "../structure/emptied.ts";
import { checkLabelSelector, type Errors } from "./basics.ts";
import { validatePodAnnotations, validateProfilesAgree } from "./pod-annotations.ts";
import { validatePodSpec } from "./pod-spec.ts";

export function validatePodTemplate(template: JsonObject, path: string): readonly FieldError[] {
  const meta = objectAt(template, "metadata");
  return [
    // Kubernetes leaves `metadata` out of these two paths.
    ...validateLabels(meta?.["labels"], `${path}.labels`),
    ...validateAnnotations(meta?.["annotations"], `${path}.annotations`),
    ...validatePodAnnotations(template, `${path}.annotations`),
    ...validatePodSpec(objectAt(template, "spec") ?? {}, `${path}.spec`),
    ...validateProfilesAgree(template, `${path}.spec`),
    ...validateNoEphemeral(template, path),
  ];
}

function validateNoEphemeral(template: JsonObject, path: string): readonly FieldError[] {
  if (listAt(objectAt(template, "spec") ?? {}, "ephemeralContainers").length === 0) return [];
  return [forbidden(`${path}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template")];
}

export interface WorkloadRules {
  /** How the kind is called in the error for a selector that selects everything. */
  readonly name: string;
  /** True where a missing selector has its own error; a DaemonSet's is only said not to match. */
  readonly selectorRequired: boolean;
  /** What comes of a selector that can't be read: it is reported as a whole, too, and the template is not looked at. */
  readonly badSelector: "isNotSaidAgain" | "hidesTemplate" | "endsAll";
}

/** Selector and template of a workload whose pods restart always. */
export function validateWorkload(spec: JsonObject, rules: WorkloadRules): readonly FieldError[] {
  const errors: Errors = [];
  const selectorObject = objectAt(spec, "selector");
  const selector = selectorObject === undefined ? undefined : typed<LabelSelector>(selectorObject);
  const template = objectAt(spec, "template") ?? {};
  if (selector === undefined) {
    if (rules.selectorRequired) errors.push(required("spec.selector"));
  } else {
    checkLabelSelector(errors, "spec.selector", selector);
    const empty = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
    if (empty) errors.push(invalid("spec.selector", {}, `empty selector is invalid for ${rules.name}`));
  }
  const matcher = compiled(selector);
  if (matcher === undefined && rules.badSelector !== "isNotSaidAgain") {
    const ends = rules.badSelector === "endsAll";
    errors.push(invalid("spec.selector", selectorObject, ends ? "invalid label selector" : ""));
    return ends ? errors : [...errors, ...validateAlwaysRestarts(template)];
  }
  const labels = fieldOrEmptied(objectAt(template, "metadata") ?? {}, "labels") as JsonObject | undefined;
  if (matcher !== undefined && !matcher.matchesEverything && !matcher.matches(typed<Labels>(labels ?? {}))) {
    errors.push(invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
  }
  return [...errors, ...validatePodTemplate(template, "spec.template"), ...validateAlwaysRestarts(template)];
}

function validateAlwaysRestarts(template: JsonObject): readonly FieldError[] {
  const { restartPolicy, activeDeadlineSeconds } = typed<Partial<PodSpec>>(objectAt(template, "spec") ?? {});
  const errors: Errors = [];
  if (restartPolicy !== undefined && restartPolicy !== "Always") {
    errors.push(notSupported("spec.template.spec.restartPolicy", restartPolicy, ["Always"]));
  }
  if (activeDeadlineSeconds !== undefined) {
    errors.push(
      forbidden("spec.template.spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported"),
    );
  }
  return errors;
}

function compiled(selector: LabelSelector | undefined): ReturnType<typeof labelSelectorMatcher> | undefined {
  try {
    return labelSelectorMatcher(selector);
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
}
