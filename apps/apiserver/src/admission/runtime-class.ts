// A pod that names a RuntimeClass gets what the class costs and where it runs.
import {
  compareQuantities,
  findResource,
  isObject,
  type JsonObject,
  listAt,
  type MutableObject,
  objectAt,
  parseQuantity,
  setOwn,
  childOf,
  deepCopy,
  textAt,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";
import { readFresh } from "../identity/bound-objects.ts";
import type { ResourceStore } from "../storage/index.ts";
import { type AdmissionPlugin, type CreateAdmission, isCore, refused } from "./admission.ts";
import { mergeTolerations } from "./tolerations.ts";

const otherOverhead = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
const unfoundedOverhead = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";

export function runtimeClass(store: ResourceStore): AdmissionPlugin {
  const classes = assertDefined(findResource("node.k8s.io", "v1", "runtimeclasses"), "runtime classes are not served");

  const classOf = async (request: CreateAdmission): Promise<JsonObject | undefined> => {
    const name = textAt(objectAt(request.object, "spec"), "runtimeClassName");
    if (name === "") return undefined;
    const found = await readFresh(store, classes, "", name);
    if (found !== undefined) return found;
    throw refused(request, request.object, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  };

  return {
    name: "RuntimeClass",
    admitCreate: async (request) => {
      if (!isCore(request, "pods")) return;
      const found = await classOf(request);
      if (found === undefined) return;
      const spec = childOf(request.object, "spec");
      setOverhead(request, spec, overheadOf(found));
      const scheduling = objectAt(found, "scheduling");
      if (scheduling !== undefined) setScheduling(request, spec, scheduling);
    },
    validateCreate: async (request) => {
      if (!isCore(request, "pods")) return;
      const wanted = overheadOf(await classOf(request));
      const given = objectAt(objectAt(request.object, "spec") ?? {}, "overhead");
      if (sameAmounts(wanted, given)) return;
      throw refused(request, request.object, wanted === undefined ? unfoundedOverhead : otherOverhead);
    },
  };
}

function overheadOf(found: JsonObject | undefined): JsonObject | undefined {
  const overhead = objectAt(found ?? {}, "overhead");
  return overhead === undefined ? undefined : (objectAt(overhead, "podFixed") ?? {});
}

function setOverhead(request: CreateAdmission, spec: MutableObject, wanted: JsonObject | undefined): void {
  if (wanted === undefined) return;
  const given = objectAt(spec, "overhead");
  if (given !== undefined && !sameAmounts(given, wanted)) throw refused(request, request.object, otherOverhead);
  if (Object.keys(wanted).length > 0) spec["overhead"] = deepCopy(wanted);
}

/** Both may select nodes, unless they contradict each other. */
function setScheduling(request: CreateAdmission, spec: MutableObject, scheduling: JsonObject): void {
  const selector = childOf(spec, "nodeSelector");
  const wanted = objectAt(scheduling, "nodeSelector") ?? {};
  for (const key of Object.keys(wanted)) {
    const [value, own] = [textAt(wanted, key), textAt(selector, key)];
    if (Object.hasOwn(selector, key) && own !== value) {
      const conflict = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}`;
      throw refused(request, request.object, `${conflict}; pod.spec.nodeSelector[${key}] = ${own}`);
    }
    setOwn(selector, key, value);
  }
  if (Object.keys(selector).length === 0) delete spec["nodeSelector"];
  const tolerations = [...listAt(spec, "tolerations"), ...listAt(scheduling, "tolerations")].filter(isObject);
  if (tolerations.length > 0) spec["tolerations"] = mergeTolerations(tolerations).map(deepCopy);
}

/** `1000m` is `1`; nothing at all is an empty list. */
function sameAmounts(left: JsonObject = {}, right: JsonObject = {}): boolean {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => {
      const [one, other] = [textAt(left, name), textAt(right, name)];
      return one !== "" && other !== "" && compareQuantities(parseQuantity(one), parseQuantity(other)) === 0;
    })
  );
}
