// Pods: phase and QoS class at birth, a spec that is nearly immutable, deletion with grace, binding to a node.
import type { Binding, Container, Pod, PodSpec } from "../generated/types.generated.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import {
  childOf,
  deepCopy,
  deepEqual,
  isObject,
  listAt,
  type MutableObject,
  objectAt,
  semanticEqual,
  textAt,
  typed,
  carryField,
} from "../meta/mutable.ts";
import { type FieldError, forbidden, invalid, required } from "../meta/field-error.ts";
import { parseQuantity } from "../quantity/quantity.ts";
import { timeText } from "../meta/time.ts";
import type { Errors } from "../validation/basics.ts";
import { validatePodSpec } from "../validation/pod-spec.ts";
import { checkTolerations } from "../validation/scheduling.ts";
import { defineStrategy } from "./generic.ts";
import type { DeletionRequest, KindStrategy } from "./strategy.ts";

const immutableText =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
  "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

export const pods: KindStrategy = defineStrategy({
  namespaced: true,
  generationFields: ["spec"],
  initialStatus: { phase: "Pending" },
  prepareCreate: (object) => {
    childOf(object, "status")["qosClass"] = qosClass(object);
  },
  prepareStatusUpdate: (next, old) => {
    carryField(childOf(next, "metadata"), objectAt(old, "metadata") ?? {}, "ownerReferences");
    carryField(childOf(next, "status"), objectAt(old, "status") ?? {}, "qosClass");
  },
  validate: (object) => validatePodSpec(objectAt(object, "spec") ?? {}, "spec"),
  validateChange: (next, old) => validatePodChange(next, old),
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

/** What the client asked for, else the pod's own; nothing where no kubelet has to stop anything. */
function podGracePeriodSeconds(object: JsonObject, request: DeletionRequest): number {
  const { spec = {} as PodSpec, status } = typed<Pod>(object);
  if ((spec.nodeName ?? "") === "" || status?.phase === "Failed" || status?.phase === "Succeeded") return 0;
  const seconds = request.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}

/** `Guaranteed`, `Burstable` or `BestEffort`, from the CPU and memory of all containers. */
export function qosClass(object: JsonObject): "Guaranteed" | "Burstable" | "BestEffort" {
  const { spec } = typed<Pod>(object);
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  let [some, all] = [false, true];
  for (const { resources } of containers) {
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

function isPositive(quantity: string | undefined): boolean {
  return quantity !== undefined && parseQuantity(quantity).nanos > 0n;
}

function sameQuantity(left: string, right: string): boolean {
  return parseQuantity(left).nanos === parseQuantity(right).nanos;
}

function validatePodChange(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const [spec, oldSpec] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
  for (const list of ["containers", "initContainers"]) {
    if (listAt(spec, list).length !== listAt(oldSpec, list).length) {
      return [forbidden(`spec.${list}`, "pod updates may not add or remove containers")];
    }
  }
  const errors = [
    ...imageErrors(spec),
    ...deadlineErrors(typed<PodSpec>(spec), typed<PodSpec>(oldSpec)),
    ...tolerationErrors(spec, oldSpec),
  ];
  if (errors.length > 0) return errors;
  return semanticEqual(withOldMutableFields(spec, oldSpec), oldSpec) ? [] : [forbidden("spec", immutableText)];
}

/** An image may change but not go: said here again, beside what the check of the spec says. */
function imageErrors(spec: JsonObject): readonly FieldError[] {
  return ["containers", "initContainers"].flatMap((list) =>
    listAt(spec, list).flatMap((container, i) =>
      isObject(container) && textAt(container, "image") === "" ? [required(`spec.${list}[${i}].image`)] : [],
    ),
  );
}

function deadlineErrors(spec: PodSpec, oldSpec: PodSpec): readonly FieldError[] {
  const field = "spec.activeDeadlineSeconds";
  const [seconds, oldSeconds] = [spec.activeDeadlineSeconds, oldSpec.activeDeadlineSeconds];
  if (seconds === undefined)
    return oldSeconds === undefined
      ? []
      : [invalid(field, undefined, "must not update from a positive integer to nil value")];
  if (oldSeconds !== undefined && seconds > oldSeconds) {
    return [invalid(field, seconds, "must be less than or equal to previous value")];
  }
  return [];
}

/** Tolerations may be added, and their seconds changed; none may go or mean something else. */
function tolerationErrors(spec: JsonObject, oldSpec: JsonObject): readonly FieldError[] {
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
  if (kept) {
    const errors: Errors = [];
    checkTolerations(errors, "spec.tolerations", typed<PodSpec>(spec).tolerations ?? []);
    return errors;
  }
  return [forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")];
}

/** The new spec with everything an update may change put back: what differs then is forbidden. */
function withOldMutableFields(spec: JsonObject, oldSpec: JsonObject): JsonObject {
  const copy = deepCopy(spec);
  for (const list of ["containers", "initContainers"]) {
    const old = listAt(oldSpec, list);
    listAt(copy, list).forEach((container, i) => {
      const oldContainer = old[i];
      if (isObject(container) && isObject(oldContainer)) carryField(container as MutableObject, oldContainer, "image");
    });
  }
  carryField(copy, oldSpec, "activeDeadlineSeconds");
  carryField(copy, oldSpec, "tolerations");
  if (copy["terminationGracePeriodSeconds"] === 1 && Number(oldSpec["terminationGracePeriodSeconds"] ?? 0) < 0) {
    carryField(copy, oldSpec, "terminationGracePeriodSeconds");
  }
  // Gates may be opened one by one; until the last is, the pod is not scheduled.
  const gates = listAt(copy, "schedulingGates");
  const oldGates = listAt(oldSpec, "schedulingGates");
  if (gates.every((gate) => oldGates.some((old) => deepEqual(gate, old)))) carryField(copy, oldSpec, "schedulingGates");
  return copy;
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
