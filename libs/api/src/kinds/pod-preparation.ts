// What becomes of a pod, and of the template of one, before it is judged: fields whose feature is off go, selectors take up
// the pod's own labels, old annotations become fields, a gated pod says so.
import type { AppArmorProfile, PodAffinityTerm, PodSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import {
  childOf,
  deepCopyValue,
  isObject,
  listAt,
  type MutableObject,
  objectAt,
  textAt,
  typed,
} from "../meta/mutable.ts";
import { timeText } from "../meta/time.ts";
import { appArmorAnnotation, appArmorProfileOf } from "../validation/pod-annotations.ts";

/** Sources of projected volumes that are not served. */
const unservedProjections = ["clusterTrustBundle", "podCertificate"];

/** Drops what belongs to features that are off by default, unless the old spec has it already. Changes `spec` in place. */
export function dropUnservedPodFields(spec: MutableObject, oldSpec: JsonObject | undefined): void {
  if (objectAt(oldSpec ?? {}, "schedulingGroup") === undefined) delete spec["schedulingGroup"];
  for (const name of unservedProjections) {
    if (oldSpec !== undefined && projections(oldSpec).some((source) => objectAt(source, name) !== undefined)) continue;
    for (const source of projections(spec)) delete (source as MutableObject)[name];
  }
}

/** The same for the template of a workload. @param holder the object with the `template`; a spec, or a PodTemplate itself */
export function dropUnservedTemplateFields(holder: JsonObject | undefined, oldHolder?: JsonObject): void {
  const specOf = (one: JsonObject | undefined): JsonObject | undefined =>
    objectAt(objectAt(one ?? {}, "template") ?? {}, "spec");
  const spec = specOf(holder);
  if (spec !== undefined) dropUnservedPodFields(spec as MutableObject, specOf(oldHolder));
}

function projections(spec: JsonObject): readonly JsonObject[] {
  return listAt(spec, "volumes")
    .filter(isObject)
    .flatMap((volume) => listAt(objectAt(volume, "projected") ?? {}, "sources"))
    .filter(isObject);
}

/** What a new pod gets beside its defaults. */
export function prepareNewPod(pod: MutableObject, nowMs: number): void {
  const spec = childOf(pod, "spec");
  dropUnservedPodFields(spec, undefined);
  if (listAt(spec, "schedulingGates").length > 0) childOf(pod, "status")["conditions"] = [gatedCondition(nowMs)];
  const labels = objectAt(objectAt(pod, "metadata") ?? {}, "labels") ?? {};
  for (const term of termsOf(spec)) takeUpLabels(term, labels);
  profilesFromAnnotations(pod, spec);
}

function gatedCondition(nowMs: number): MutableObject {
  return {
    type: "PodScheduled",
    status: "False",
    lastProbeTime: null,
    lastTransitionTime: timeText(nowMs),
    reason: "SchedulingGated",
    message: "Scheduling is blocked due to non-empty scheduling gates",
  };
}

/** Everything in a spec that selects pods by labels of this one: terms of affinity, constraints of spreading. */
function termsOf(spec: JsonObject): readonly JsonObject[] {
  const affinity = objectAt(spec, "affinity") ?? {};
  const terms = ["podAffinity", "podAntiAffinity"].flatMap((name) => {
    const rules = objectAt(affinity, name) ?? {};
    const wished = listAt(rules, "preferredDuringSchedulingIgnoredDuringExecution").filter(isObject);
    return [
      ...wished.map((one) => objectAt(one, "podAffinityTerm") ?? {}),
      ...listAt(rules, "requiredDuringSchedulingIgnoredDuringExecution").filter(isObject),
    ];
  });
  return [...terms, ...listAt(spec, "topologySpreadConstraints").filter(isObject)];
}

/** Keys whose values are the pod's become expressions of the selector. A term without selector matches nothing anyway. */
function takeUpLabels(term: JsonObject, labels: JsonObject): void {
  const { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector } = typed<Partial<PodAffinityTerm>>(term);
  if (labelSelector === undefined) return;
  const expressions = [
    ...matchLabelKeys.map((key) => ({ key, operator: "In" })),
    ...mismatchLabelKeys.map((key) => ({ key, operator: "NotIn" })),
  ]
    .filter(({ key }) => Object.hasOwn(labels, key))
    .map(({ key, operator }) => ({ key, operator, values: [textAt(labels, key)] }));
  if (expressions.length === 0) return;
  const selector = childOf(term as MutableObject, "labelSelector");
  const given = listAt(selector, "matchExpressions").map(deepCopyValue);
  selector["matchExpressions"] = [...given, ...expressions];
}

/** How containers were confined before there was a field for it. What the whole pod says already is not said again. */
function profilesFromAnnotations(pod: JsonObject, spec: JsonObject): void {
  const { os, securityContext } = typed<Partial<PodSpec>>(spec);
  if (os?.name === "windows") return;
  const annotations = objectAt(objectAt(pod, "metadata") ?? {}, "annotations") ?? {};
  for (const container of ["initContainers", "containers", "ephemeralContainers"].flatMap((list) =>
    listAt(spec, list),
  )) {
    if (!isObject(container)) continue;
    const context = objectAt(container, "securityContext");
    if (objectAt(context ?? {}, "appArmorProfile") !== undefined) continue;
    const profile = appArmorProfileOf(textAt(annotations, `${appArmorAnnotation}${textAt(container, "name")}`));
    if (profile === undefined || sameProfile(profile, securityContext?.appArmorProfile)) continue;
    childOf(container as MutableObject, "securityContext")["appArmorProfile"] = { ...profile };
  }
}

function sameProfile(left: AppArmorProfile, right: AppArmorProfile | undefined): boolean {
  return left.type === right?.type && left.localhostProfile === right.localhostProfile;
}
