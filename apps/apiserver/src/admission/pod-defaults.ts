// What every pod gets from the cluster: five minutes of patience with a lost node, a priority.
import {
  carryField,
  childOf,
  findResource,
  forbiddenRequest,
  isObject,
  type JsonObject,
  listAt,
  type MutableObject,
  numberAt,
  objectAt,
  StatusError,
  textAt,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";
import { type ResourceStore, StorageError } from "../storage/index.ts";
import { type AdmissionPlugin, type CreateAdmission, isCore } from "./admission.ts";

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

  const byName = async (name: string): Promise<JsonObject | undefined> => {
    for (const resourceVersion of ["0", ""]) {
      try {
        return (await store.get(classes, { namespace: "", name }, { resourceVersion })).object();
      } catch (error) {
        if (!(error instanceof StorageError) || error.failure.code !== "notFound") throw error;
      }
    }
    return undefined;
  };
  /** Of several global defaults the lowest counts, so that a mistake raises nobody. */
  const globalDefault = async (): Promise<JsonObject | undefined> => {
    const { items } = await store.list(classes, { resourceVersion: "0" });
    const marked = items.map((item) => item.object()).filter((object) => object["globalDefault"] === true);
    return marked.sort((left, right) => (numberAt(left, "value") ?? 0) - (numberAt(right, "value") ?? 0))[0];
  };

  return {
    name: "Priority",
    admitCreate: async (request) => {
      if (!isCore(request, "pods")) return;
      const spec = childOf(request.object, "spec");
      const name = textAt(spec, "priorityClassName");
      const found = name === "" ? await globalDefault() : await byName(name);
      if (name !== "" && found === undefined) throw refused(request, `no PriorityClass with name ${name} was found`);
      if (name === "" && found !== undefined)
        spec["priorityClassName"] = textAt(childOf({ ...found } as MutableObject, "metadata"), "name");
      const value = numberAt(found, "value") ?? 0;
      const given = spec["priority"];
      if (typeof given === "number" && given !== value) {
        const why = `the integer value of priority (${given}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`;
        throw refused(request, why);
      }
      spec["priority"] = value;
      const policy = textAt(found, "preemptionPolicy");
      spec["preemptionPolicy"] ??= policy === "" ? "PreemptLowerPriority" : policy;
    },
    admitUpdate: (request, next, old) => {
      if (!isCore(request, "pods")) return;
      const [spec, oldSpec] = [childOf(next, "spec"), objectAt(old, "spec") ?? {}];
      for (const key of ["priority", "preemptionPolicy"]) if (spec[key] === undefined) carryField(spec, oldSpec, key);
    },
  };
}

function refused({ resource, object }: CreateAdmission, why: string): StatusError {
  return new StatusError(forbiddenRequest(resource, textAt(childOf(object, "metadata"), "name"), why));
}
