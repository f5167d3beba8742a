// What the paths `ephemeralcontainers` and `resize` may change of a running pod, and nothing else: everything else that
// is sent is put back before it is looked at.
import type { Container, Pod, ResourceRequirements } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid } from "../meta/field-error.ts";
import {
  carryField,
  childOf,
  deepCopy,
  isObject,
  listAt,
  type MutableObject,
  objectAt,
  semanticEqual,
  textAt,
  typed,
} from "../meta/mutable.ts";
import { dns1123Subdomain } from "../meta/names.ts";
import { generationOf, validateObjectMetaUpdate } from "../meta/object-meta.ts";
import { validatePodSpec } from "../validation/pod-spec.ts";
import { qosClass } from "./pods.ts";
import type { SubresourceRules } from "./strategy.ts";

const mirrorAnnotation = "kubernetes.io/config.mirror";
const resizable = ["cpu", "memory"];

export const podEphemeralContainers: SubresourceRules = {
  prepare: (next, old) => {
    const wanted = objectAt(next, "spec") ?? {};
    confine(next, old, (spec) => carryField(spec, wanted, "ephemeralContainers"));
  },
  validate: (next, old) => {
    if (isMirror(old)) return [forbidden("", "static pods do not support ephemeral containers")];
    return [...commonErrors(next, old), ...keptErrors(next, old)];
  },
};

export const podResize: SubresourceRules = {
  prepare: (next, old) => {
    const wanted = objectAt(next, "spec") ?? {};
    confine(next, old, (spec) => {
      for (const list of ["containers", "initContainers"])
        takeResources(listAt(spec, list), listAt(wanted, list), list);
    });
  },
  validate: (next, old) => {
    if (isMirror(old)) return [forbidden("", "static pods cannot be resized")];
    const [pod, oldPod] = [typed<Pod>(next), typed<Pod>(old)];
    if (oldPod.spec?.os?.name === "windows") return [forbidden("", "windows pods cannot be resized")];
    const errors = [...commonErrors(next, old)];
    const before = oldPod.status?.qosClass ?? qosClass(old);
    if (before !== qosClass(next)) {
      errors.push(invalid("spec", before, "Pod QOS Class may not change as a result of resizing"));
    }
    if (!canResize(oldPod)) errors.push(forbidden("spec", "Pod running on node without support for resize"));
    return [...errors, ...removedErrors(pod, oldPod), ...otherResourceErrors(next, old)];
  },
};

/** The old pod with what `change` makes of its spec, as of the version that the client meant. */
function confine(next: MutableObject, old: JsonObject, change: (spec: MutableObject) => void): void {
  const meta = childOf(next, "metadata");
  const kept = deepCopy(old);
  const keptMeta = childOf(kept, "metadata");
  for (const key of ["name", "namespace", "uid", "resourceVersion", "managedFields"]) carryField(keptMeta, meta, key);
  change(childOf(kept, "spec"));
  const changed = !semanticEqual(objectAt(kept, "spec"), objectAt(old, "spec"));
  if (changed) keptMeta["generation"] = generationOf(old) + 1;
  for (const key of Object.keys(next)) delete next[key];
  Object.assign(next, kept);
}

/** A container that was not there, or an init container that ends by itself, has nothing to be resized. */
function takeResources(containers: readonly unknown[], wanted: readonly unknown[], list: string): void {
  for (const one of containers as readonly MutableObject[]) {
    if (list === "initContainers" && textAt(one, "restartPolicy") !== "Always") continue;
    const same = (wanted as readonly JsonObject[]).find((other) => textAt(other, "name") === textAt(one, "name"));
    if (same === undefined) continue;
    for (const key of ["resources", "resizePolicy"]) carryField(one, same, key);
  }
}

function isMirror(pod: JsonObject): boolean {
  return textAt(objectAt(objectAt(pod, "metadata") ?? {}, "annotations"), mirrorAnnotation) !== "";
}

function commonErrors(next: JsonObject, old: JsonObject): FieldError[] {
  return [
    ...validateObjectMetaUpdate(next, old, { namespaced: true, nameCheck: dns1123Subdomain }),
    ...validatePodSpec(objectAt(next, "spec") ?? {}, "spec", { name: textAt(objectAt(next, "metadata"), "name") }),
  ];
}

/** Ephemeral containers are added and never taken away or changed: what ran, ran. */
function keptErrors(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const field = "spec.ephemeralContainers";
  const listOf = (pod: JsonObject): JsonObject[] =>
    listAt(objectAt(pod, "spec") ?? {}, "ephemeralContainers").filter(isObject);
  const now = new Map(listOf(next).map((one) => [textAt(one, "name"), one]));
  return listOf(old).flatMap((one) => {
    const same = now.get(textAt(one, "name"));
    const name = JSON.stringify(textAt(one, "name"));
    if (same === undefined) return [forbidden(field, `existing ephemeral containers ${name} may not be removed\n`)];
    if (semanticEqual(one, same)) return [];
    return [forbidden(field, `existing ephemeral containers ${name} may not be changed\n`)];
  });
}

/** Kubelets that can resize report the resources of running containers. Without a running one nobody knows: allowed. */
function canResize({ status }: Pod): boolean {
  const running = (status?.containerStatuses ?? []).find((one) => one.state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}

type Part = "requests" | "limits";

function removedErrors(next: Pod, old: Pod): readonly FieldError[] {
  const lists = ["containers", "initContainers"] as const;
  return lists.flatMap((list) =>
    (old.spec?.[list] ?? []).flatMap((container: Container, i) => {
      const now = next.spec?.[list]?.[i]?.resources;
      return (["limits", "requests"] as const).flatMap((part: Part) =>
        isRemoved(part, container.resources, now)
          ? [forbidden(`spec.${list}[${i}].resources.${part}`, `resource ${part} cannot be removed`)]
          : [],
      );
    }),
  );
}

function isRemoved(part: Part, old: ResourceRequirements | undefined, now: ResourceRequirements | undefined): boolean {
  return resizable.some((name) => old?.[part]?.[name] !== undefined && now?.[part]?.[name] === undefined);
}

/** With CPU, memory and their policies put back nothing may be left that differs. */
function otherResourceErrors(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const spec = deepCopy(objectAt(next, "spec") ?? {});
  const oldSpec = objectAt(old, "spec") ?? {};
  for (const list of ["containers", "initContainers"]) {
    const before = listAt(oldSpec, list);
    listAt(spec, list).forEach((container, i) => {
      const oldContainer = before[i];
      if (isObject(container) && isObject(oldContainer)) putBack(container as MutableObject, oldContainer);
    });
  }
  return semanticEqual(spec, oldSpec) ? [] : [forbidden("spec", "only cpu and memory resources are mutable")];
}

function putBack(container: MutableObject, old: JsonObject): void {
  carryField(container, old, "resizePolicy");
  const resources = childOf(container, "resources");
  const oldResources = objectAt(old, "resources") ?? {};
  for (const part of ["requests", "limits"]) {
    const [amounts, oldAmounts] = [childOf(resources, part), objectAt(oldResources, part) ?? {}];
    for (const name of resizable) carryField(amounts, oldAmounts, name);
    if (Object.keys(amounts).length === 0 && oldResources[part] === undefined) delete resources[part];
  }
  if (Object.keys(resources).length === 0 && old["resources"] === undefined) delete container["resources"];
}
