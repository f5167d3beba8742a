// Namespaces: everything in them goes before they do.
import type { JsonObject } from "../json.ts";
import { type FieldError, invalid } from "../meta/field-error.ts";
import { carryField, childOf, listAt, type MutableObject, objectAt, textAt } from "../meta/mutable.ts";
import { dns1123Label } from "../meta/names.ts";
import { validateFinalizer } from "../meta/object-meta.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const nameLabel = "kubernetes.io/metadata.name";
const contentFinalizer = "kubernetes";

/** The label by which selectors find one namespace; it can't be lost or lie. */
function labelWithName(object: MutableObject): void {
  const meta = childOf(object, "metadata");
  const name = textAt(meta, "name");
  if (name !== "") childOf(meta, "labels")[nameLabel] = name;
}

export const namespaces: KindStrategy = defineStrategy({
  namespaced: false,
  nameCheck: dns1123Label,
  initialStatus: { phase: "Active" },
  selectorFields: ["status.phase"],
  selectorValues: (object) => ({ "status.phase": textAt(objectAt(object, "status"), "phase") }),
  prepareCreate: (object) => {
    labelWithName(object);
    const spec = childOf(object, "spec");
    const present = listAt(spec, "finalizers") as readonly string[];
    spec["finalizers"] = present.includes(contentFinalizer) ? [...present] : [...present, contentFinalizer];
  },
  prepareUpdate: (next, old) => {
    labelWithName(next);
    carryField(childOf(next, "spec"), objectAt(old, "spec") ?? {}, "finalizers");
  },
  validate: (object) => finalizersOf(object).flatMap((finalizer) => validateFinalizer(finalizer, "spec.finalizers")),
  holdsDeletion: (object) => listAt(objectAt(object, "spec") ?? {}, "finalizers").length > 0,
  onMarkedForDeletion: (next) => {
    childOf(next, "status")["phase"] = "Terminating";
  },
  validateStatus: (next) => {
    const phase = textAt(objectAt(next, "status"), "phase");
    const deleted = textAt(objectAt(next, "metadata"), "deletionTimestamp") !== "";
    if (deleted && phase !== "Terminating") {
      return [invalid("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")];
    }
    if (!deleted && phase !== "Active") {
      return [invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")];
    }
    return [];
  },
});

function finalizersOf(object: JsonObject): readonly string[] {
  return listAt(objectAt(object, "spec") ?? {}, "finalizers").filter((finalizer) => typeof finalizer === "string");
}

/** Everything stays but `spec.finalizers`, which the namespace controller empties. */
function prepareForFinalize(next: MutableObject, old: JsonObject): void {
  const finalizers = [...(listAt(objectAt(next, "spec") ?? {}, "finalizers") as readonly string[])];
  for (const key of new Set([...Object.keys(next), ...Object.keys(old)])) {
    if (key !== "metadata") carryField(next, old, key);
  }
  const spec = childOf(next, "spec");
  if (finalizers.length > 0) spec["finalizers"] = finalizers;
  else delete spec["finalizers"];
}

/** A write through `namespaces/finalize`. */
export const namespaceFinalize = {
  prepare: prepareForFinalize,
  validate: (next: JsonObject): readonly FieldError[] =>
    finalizersOf(next).flatMap((finalizer, i) => validateFinalizer(finalizer, `spec.finalizers[${i}]`)),
};
