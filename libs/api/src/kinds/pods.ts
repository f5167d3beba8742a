// Pods: phase and QoS class at birth, a spec that is nearly immutable, deletion with grace, binding to a node.
import type { Binding, Container, Pod, PodSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden } from "../meta/field-error.ts";
import { carryField, childOf, isObject, listAt, type MutableObject, objectAt, textAt, typed } from "../meta/mutable.ts";
import { timeText } from "../meta/time.ts";
import { parseQuantity } from "../quantity/quantity.ts";
import type { Errors } from "../validation/basics.ts";
import {
  validatePodAnnotationChange,
  validatePodAnnotations,
  validateProfilesAgree,
} from "../validation/pod-annotations.ts";
import { validatePodSpec } from "../validation/pod-spec.ts";
import { isHugePage } from "../validation/resources.ts";
import { defineStrategy } from "./generic.ts";
import { validatePodChange } from "./pod-change.ts";
import { dropUnservedPodFields, prepareNewPod } from "./pod-preparation.ts";
import { keepStatusFields, validatePodStatus } from "./pod-status.ts";
import type { DeletionRequest, KindStrategy } from "./strategy.ts";

export const pods: KindStrategy = defineStrategy({
  namespaced: true,
  generationFields: ["spec"],
  initialStatus: { phase: "Pending" },
  prepareCreate: (object, { nowMs }) => {
    childOf(object, "status")["qosClass"] = qosClass(object);
    prepareNewPod(object, nowMs);
  },
  prepareUpdate: (next, old) => dropUnservedPodFields(childOf(next, "spec"), objectAt(old, "spec") ?? {}),
  prepareStatusUpdate: (next, old) => {
    carryField(childOf(next, "metadata"), objectAt(old, "metadata") ?? {}, "ownerReferences");
    keepStatusFields(childOf(next, "status"), objectAt(old, "status") ?? {});
  },
  validate: validatePod,
  validateNew: validateNewPod,
  validateChange: (next, old) => [
    ...validatePodAnnotationChange(next, old, "metadata.annotations"),
    ...validatePodChange(objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}),
  ],
  validateStatus: (next, old) => [
    ...validatePodAnnotationChange(next, old, "metadata.annotations"),
    ...validatePodStatus(next, old),
  ],
  selectorFields: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.podIPs",
    "status.nominatedNodeName",
  ],
  selectorValues: (object) => {
    const spec = objectAt(object, "spec");
    const status = objectAt(object, "status");
    return {
      "spec.nodeName": textAt(spec, "nodeName"),
      "spec.restartPolicy": textAt(spec, "restartPolicy"),
      "spec.schedulerName": textAt(spec, "schedulerName"),
      "spec.serviceAccountName": textAt(spec, "serviceAccountName"),
      "spec.hostNetwork": String(spec?.["hostNetwork"] === true),
      "status.phase": textAt(status, "phase"),
      "status.podIP": textAt(status, "podIP"),
      "status.podIPs": textAt(status, "podIP"),
      "status.nominatedNodeName": textAt(status, "nominatedNodeName"),
    };
  },
  gracePeriodSeconds: podGracePeriodSeconds,
});

function validatePod(object: JsonObject): readonly FieldError[] {
  const spec = objectAt(object, "spec") ?? {};
  const name = textAt(objectAt(object, "metadata"), "name");
  return [
    ...validatePodAnnotations(object, "metadata.annotations"),
    ...validatePodSpec(spec, "spec", { name }),
    ...validateTokens(spec),
  ];
}

/** A token is somebody's. Admission names the account, so this is for pods that went past it. */
function validateTokens(spec: JsonObject): readonly FieldError[] {
  if (textAt(spec, "serviceAccountName") !== "") return [];
  return (typed<PodSpec>(spec).volumes ?? []).flatMap(({ projected }, i) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }, j) => {
      const path = `spec.volumes[${i}].projected.sources[${j}].serviceAccountToken`;
      const text = "must not be specified when serviceAccountName is not set";
      return serviceAccountToken === undefined ? [] : [forbidden(path, text)];
    }),
  );
}

function validateNewPod(object: JsonObject): readonly FieldError[] {
  const spec = objectAt(object, "spec") ?? {};
  const errors: Errors = [];
  if (listAt(spec, "ephemeralContainers").length > 0) {
    errors.push(forbidden("spec.ephemeralContainers", "cannot be set on create"));
  }
  if (textAt(spec, "nodeName") !== "" && listAt(spec, "schedulingGates").length > 0) {
    errors.push(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"));
  }
  return [...errors, ...validateProfilesAgree(object, "spec")];
}

/** What the client asked for, else the pod's own; nothing where no kubelet has to stop anything. */
function podGracePeriodSeconds(object: JsonObject, request: DeletionRequest): number {
  const { spec = {} as PodSpec, status } = typed<Pod>(object);
  if ((spec.nodeName ?? "") === "" || status?.phase === "Failed" || status?.phase === "Succeeded") return 0;
  const seconds = request.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}

/** `Guaranteed`, `Burstable` or `BestEffort`, from the CPU and memory of the pod where it has its own, else of all containers. */
export function qosClass(object: JsonObject): "Guaranteed" | "Burstable" | "BestEffort" {
  const { spec } = typed<Pod>(object);
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const parts: readonly Pick<PodSpec, "resources">[] = countsItself(spec?.resources) ? [{ ...spec }] : containers;
  let [some, all] = [false, true];
  for (const { resources } of parts) {
    for (const name of ["cpu", "memory"]) {
      const request = resources?.requests?.[name];
      const limit = resources?.limits?.[name];
      if (isPositive(request) || isPositive(limit)) some = true;
      const wanted = request ?? limit;
      const equal = isPositive(limit) && wanted !== undefined && limit !== undefined && sameQuantity(wanted, limit);
      if (!equal) all = false;
    }
  }
  if (!some) return "BestEffort";
  return all ? "Guaranteed" : "Burstable";
}

function countsItself(resources: PodSpec["resources"]): boolean {
  const names = Object.keys({ ...resources?.requests, ...resources?.limits });
  return names.some((name) => name === "cpu" || name === "memory" || isHugePage(name));
}

function isPositive(quantity: string | undefined): boolean {
  return quantity !== undefined && parseQuantity(quantity).nanos > 0n;
}

function sameQuantity(left: string, right: string): boolean {
  return parseQuantity(left).nanos === parseQuantity(right).nanos;
}

/**
 * Binds a pod to the Binding's node: sets `spec.nodeName` and the condition PodScheduled, adds the Binding's labels
 * and annotations. The generation stays.
 *
 * @returns why not, to be answered as a conflict on `pods/binding`; `undefined` when bound
 */
export function bindPod(pod: MutableObject, binding: JsonObject, nowMs: number): string | undefined {
  const { metadata, target } = typed<Binding>(binding);
  const meta = childOf(pod, "metadata");
  const spec = childOf(pod, "spec");
  const name = textAt(meta, "name");
  if (textAt(meta, "deletionTimestamp") !== "") return `pod ${name} is being deleted, cannot be assigned to a host`;
  const nodeName = textAt(spec, "nodeName");
  if (nodeName !== "") return `pod ${name} is already assigned to node "${nodeName}"`;
  if (listAt(spec, "schedulingGates").length > 0) return `pod ${name} has non-empty .spec.schedulingGates`;
  spec["nodeName"] = target.name ?? "";
  for (const key of ["annotations", "labels"] as const) {
    const added = metadata?.[key];
    if (added !== undefined && Object.keys(added).length > 0) Object.assign(childOf(meta, key), added);
  }
  const status = childOf(pod, "status");
  const conditions = listAt(status, "conditions").filter((one) => !(isObject(one) && one["type"] === "PodScheduled"));
  const scheduled = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: timeText(nowMs) };
  status["conditions"] = [...(conditions as MutableObject[]), scheduled];
  return undefined;
}

/** The container whose log is meant where the request names none; the pod must have exactly one, or say which. */
export function containerNames(object: JsonObject): readonly string[] {
  const { spec } = typed<Pod>(object);
  const names = (list: readonly Container[] | undefined): readonly string[] => (list ?? []).map(({ name }) => name);
  return [...names(spec?.initContainers), ...names(spec?.containers)];
}
