// What every pod gets from the cluster: five minutes of patience with a lost node, a priority.
import {
  carryField,
  childOf,
  findResource,
  isObject,
  type JsonObject,
  listAt,
  type MutableObject,
  numberAt,
  objectAt,
  textAt,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";
import { readFresh } from "../identity/bound-objects.ts";
import type { ResourceStore } from "../storage/index.ts";
import { type AdmissionPlugin, type AdmissionRequest, isCore, refused } from "./admission.ts";

/** Seconds a pod stays on a node that is not ready or not reachable. */
const nodeTolerationSeconds = 300;
const toleratedTaints = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

export const defaultTolerations: AdmissionPlugin = {
  name: "DefaultTolerationSeconds",
  admitCreate: (request) => {
    if (isCore(request, "pods")) addTolerations(request.object);
  },
  // An update that takes them away gets them back.
  admitUpdate: (request, next) => {
    if (isCore(request, "pods")) addTolerations(next);
  },
};

function addTolerations(pod: MutableObject): void {
  const spec = childOf(pod, "spec");
  const given = listAt(spec, "tolerations").filter(isObject);
  const added = toleratedTaints.filter((key) => !given.some((toleration) => tolerates(toleration, key)));
  if (added.length === 0) return;
  spec["tolerations"] = [
    ...(given as MutableObject[]),
    ...added.map((key) => ({
      key,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: nodeTolerationSeconds,
    })),
  ];
}

function tolerates(toleration: JsonObject, key: string): boolean {
  const [own, effect] = [textAt(toleration, "key"), textAt(toleration, "effect")];
  return (own === key || own === "") && (effect === "NoExecute" || effect === "");
}

export function priority(store: ResourceStore): AdmissionPlugin {
  const classes = assertDefined(
    findResource("scheduling.k8s.io", "v1", "priorityclasses"),
    "priority classes are not served",
  );

  /** Of several global defaults the lowest counts, so that a mistake raises nobody. */
  const globalDefault = async (): Promise<JsonObject | undefined> => {
    const { items } = await store.list(classes, { resourceVersion: "0" });
    const marked = items.map((item) => item.object()).filter((object) => object["globalDefault"] === true);
    return marked.sort((left, right) => (numberAt(left, "value") ?? 0) - (numberAt(right, "value") ?? 0))[0];
  };

  const checkOnlyDefault = async (request: AdmissionRequest, next: JsonObject): Promise<void> => {
    if (next["globalDefault"] !== true) return;
    const other = nameOf((await globalDefault()) ?? {});
    if (other === "" || other === nameOf(next)) return;
    const why = `PriorityClass ${other} is already marked as default. Only one default can exist`;
    throw refused(request, next, why);
  };

  return {
    name: "Priority",
    admitCreate: async (request) => {
      if (!isCore(request, "pods")) return;
      const spec = childOf(request.object, "spec");
      const name = textAt(spec, "priorityClassName");
      const found = name === "" ? await globalDefault() : await readFresh(store, classes, "", name);
      if (name !== "" && found === undefined)
        throw refused(request, request.object, `no PriorityClass with name ${name} was found`);
      if (name === "" && found !== undefined) spec["priorityClassName"] = nameOf(found);
      const value = numberAt(found, "value") ?? 0;
      const given = spec["priority"];
      if (typeof given === "number" && given !== value) {
        const why = `the integer value of priority (${given}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`;
        throw refused(request, request.object, why);
      }
      spec["priority"] = value;
      const policy = textAt(found, "preemptionPolicy") || "PreemptLowerPriority";
      const givenPolicy = textAt(spec, "preemptionPolicy");
      if (givenPolicy !== "" && givenPolicy !== policy) {
        const why = `the string value of PreemptionPolicy (${givenPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`;
        throw refused(request, request.object, why);
      }
      spec["preemptionPolicy"] = policy;
    },
    // Pods without a class take the default one: there is one at most.
    validateCreate: async (request) => {
      if (isPriorityClass(request)) await checkOnlyDefault(request, request.object);
    },
    validateUpdate: async (request, next) => {
      if (isPriorityClass(request)) await checkOnlyDefault(request, next);
    },
    admitUpdate: (request, next, old) => {
      if (!isCore(request, "pods")) return;
      const [spec, oldSpec] = [childOf(next, "spec"), objectAt(old, "spec") ?? {}];
      for (const key of ["priority", "preemptionPolicy"]) if (spec[key] === undefined) carryField(spec, oldSpec, key);
    },
  };
}

function isPriorityClass({ resource, subresource = "" }: AdmissionRequest): boolean {
  return resource.group === "scheduling.k8s.io" && resource.resource === "priorityclasses" && subresource === "";
}

function nameOf(object: JsonObject): string {
  return textAt(objectAt(object, "metadata"), "name");
}
