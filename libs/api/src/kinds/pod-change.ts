// What may change in the spec of a pod that exists: images, a sooner end, more tolerations, fewer gates; and while it is
// gated, narrower choices of nodes. All else is fixed.
import type { NodeAffinity, NodeSelectorTerm, PodSpec } from "../generated/types.generated.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { type FieldError, forbidden, invalid, required } from "../meta/field-error.ts";
import {
  carryField,
  childOf,
  deepCopy,
  isObject,
  listAt,
  type MutableObject,
  objectAt,
  ownField,
  semanticEqual,
  textAt,
  typed,
} from "../meta/mutable.ts";
import { copyWithEmptied } from "../structure/emptied.ts";
import type { Errors } from "../validation/basics.ts";
import { checkTolerations } from "../validation/scheduling.ts";
import { structDiff } from "../validation/struct-diff.ts";

const int32Max = 2_147_483_647;
const immutableText =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
  "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
const requiredTerms = "requiredDuringSchedulingIgnoredDuringExecution";

export function validatePodChange(spec: JsonObject, oldSpec: JsonObject): readonly FieldError[] {
  const errors: Errors = [];
  for (const list of ["containers", "initContainers"]) {
    if (listAt(spec, list).length !== listAt(oldSpec, list).length) {
      return [...errors, forbidden(`spec.${list}`, "pod updates may not add or remove containers")];
    }
    checkImages(errors, list, spec);
  }
  if (!checkDeadline(errors, typed<PodSpec>(spec), typed<PodSpec>(oldSpec))) return errors;
  checkKeptTolerations(errors, spec, oldSpec);
  checkGates(errors, typed<PodSpec>(spec), typed<PodSpec>(oldSpec));
  if (semanticEqual(spec, oldSpec)) return errors;
  const rest = withOldMutableFields(spec, oldSpec);
  if (listAt(oldSpec, "schedulingGates").length > 0) checkGatedChange(errors, rest, oldSpec);
  if (!semanticEqual(rest, oldSpec)) {
    errors.push(forbidden("spec", `${immutableText}\n${structDiff("io.k8s.api.core.v1.PodSpec", oldSpec, rest)}`));
  }
  return errors;
}

/** An image may change but not go: said here again, beside what the check of the spec says. */
function checkImages(errors: Errors, list: string, spec: JsonObject): void {
  listAt(spec, list).forEach((container, i) => {
    if (!isObject(container)) return;
    const image = textAt(container, "image");
    const field = `spec.${list}[${i}].image`;
    if (image === "") errors.push(required(field));
    if (image !== image.trim()) errors.push(invalid(field, image, "must not have leading or trailing whitespace"));
  });
}

/** @returns false where nothing else is judged */
function checkDeadline(errors: Errors, spec: PodSpec, oldSpec: PodSpec): boolean {
  const field = "spec.activeDeadlineSeconds";
  const [seconds, oldSeconds] = [spec.activeDeadlineSeconds, oldSpec.activeDeadlineSeconds];
  if (seconds === undefined) {
    const text = "must not update from a positive integer to nil value";
    if (oldSeconds !== undefined) errors.push(invalid(field, undefined, text));
    return true;
  }
  if (seconds < 0 || seconds > int32Max) {
    errors.push(invalid(field, seconds, `must be between 0 and ${int32Max}, inclusive`));
    return false;
  }
  if (oldSeconds === undefined || seconds <= oldSeconds) return true;
  errors.push(invalid(field, seconds, "must be less than or equal to previous value"));
  return false;
}

/** Tolerations may be added, and their seconds changed; none may go or mean something else. */
function checkKeptTolerations(errors: Errors, spec: JsonObject, oldSpec: JsonObject): void {
  const withoutSeconds = (value: JsonValue): JsonValue => {
    if (!isObject(value)) return value;
    const copy = deepCopy(value);
    delete copy["tolerationSeconds"];
    return copy;
  };
  const present = listAt(spec, "tolerations").map(withoutSeconds);
  const kept = listAt(oldSpec, "tolerations").every((old) =>
    present.some((one) => semanticEqual(one, withoutSeconds(old))),
  );
  if (kept) checkTolerations(errors, "spec.tolerations", typed<PodSpec>(spec).tolerations ?? []);
  else {
    const text = "existing toleration can not be modified except its tolerationSeconds";
    errors.push(forbidden("spec.tolerations", text));
  }
}

/** Gates are opened one by one; until the last is, the pod is not scheduled. */
function checkGates(errors: Errors, spec: PodSpec, oldSpec: PodSpec): void {
  const before = new Set((oldSpec.schedulingGates ?? []).map(({ name }) => name));
  (spec.schedulingGates ?? []).forEach(({ name }, i) => {
    if (before.has(name)) return;
    const text = `only deletion is allowed, but found new scheduling gate '${name}'`;
    errors.push(forbidden(`spec.schedulingGates[${i}].name`, text));
  });
}

/** The new spec with everything an update may change put back: what differs then is forbidden. */
function withOldMutableFields(spec: JsonObject, oldSpec: JsonObject): MutableObject {
  const copy = copyWithEmptied(spec);
  for (const list of ["containers", "initContainers"]) {
    const old = listAt(oldSpec, list);
    listAt(copy, list).forEach((container, i) => {
      const oldContainer = old[i];
      if (isObject(container) && isObject(oldContainer)) carryField(container as MutableObject, oldContainer, "image");
    });
  }
  for (const field of ["activeDeadlineSeconds", "schedulingGates", "tolerations"]) carryField(copy, oldSpec, field);
  if (copy["terminationGracePeriodSeconds"] === 1 && Number(oldSpec["terminationGracePeriodSeconds"] ?? 0) < 0) {
    carryField(copy, oldSpec, "terminationGracePeriodSeconds");
  }
  return copy;
}

/** A gated pod may be told more exactly where to run. Puts back in `rest` what is judged here. */
function checkGatedChange(errors: Errors, rest: MutableObject, oldSpec: JsonObject): void {
  const [selector, before] = [objectAt(rest, "nodeSelector") ?? {}, objectAt(oldSpec, "nodeSelector") ?? {}];
  if (Object.keys(before).some((key) => ownField(selector, key) !== before[key])) {
    const text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
    errors.push(invalid("spec.nodeSelector", selector, text));
  }
  carryField(rest, oldSpec, "nodeSelector");
  const nodeAffinity = (spec: JsonObject): JsonObject | undefined =>
    objectAt(objectAt(spec, "affinity") ?? {}, "nodeAffinity");
  const [next, old] = [nodeAffinity(rest), nodeAffinity(oldSpec)];
  if (semanticEqual(next, old)) return;
  checkNarrowed(errors, typed<NodeAffinity>(next ?? {}), typed<NodeAffinity>(old ?? {}));
  carryField(childOf(rest, "affinity"), objectAt(oldSpec, "affinity") ?? {}, "nodeAffinity");
}

function checkNarrowed(errors: Errors, next: NodeAffinity, old: NodeAffinity): void {
  const [terms, before] = [next[requiredTerms]?.nodeSelectorTerms ?? [], old[requiredTerms]?.nodeSelectorTerms ?? []];
  if (before.length === 0) return;
  const path = `spec.affinity.nodeAffinity.${requiredTerms}.nodeSelectorTerms`;
  if (terms.length !== before.length) {
    const text = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
    errors.push(invalid(path, terms as unknown as JsonValue, text));
    return;
  }
  before.forEach((term, i) => {
    if (onlyAdds(terms[i] ?? {}, term)) return;
    const text = "only additions are allowed (no mutations or deletions)";
    errors.push(invalid(`${path}[${i}]`, (terms[i] ?? {}) as unknown as JsonValue, text));
  });
}

/** A term without any expression matches no node, and expressions would make it match some. */
function onlyAdds(term: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const lists = ["matchExpressions", "matchFields"] as const;
  if (lists.every((list) => (old[list] ?? []).length === 0)) {
    return lists.every((list) => (term[list] ?? []).length === 0);
  }
  return lists.every((list) => {
    const before = old[list] ?? [];
    return semanticEqual(
      (term[list] ?? []).slice(0, before.length) as unknown as JsonValue,
      before as unknown as JsonValue,
    );
  });
}
