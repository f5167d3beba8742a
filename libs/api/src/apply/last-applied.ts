// The annotation with which kubectl's client-side apply remembers what it applied. When kubectl changes over to
// server-side apply, fields that the annotation names and nobody changed since are taken without a conflict, and the
// annotation follows, so that it can change back.
import type { JsonObject, JsonValue } from "../json.ts";
import { childOf, deepCopy, isObject, type MutableObject, objectAt, textAt } from "../meta/mutable.ts";
import { compareObjects } from "./compare.ts";
import { configurationErrors } from "./configuration-errors.ts";
import type { Conflict } from "./conflicts.ts";
import { fieldSet } from "./field-set.ts";
import type { OwnershipScope } from "./ownership.ts";
import { compareText } from "./path-element.ts";
import { difference, isEmptySet, type PathSet, union } from "./path-set.ts";

export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";
/** The one manager that changes over; others keep conflicts and annotation as they are. */
export const lastAppliedManager = "kubectl";

/** The conflicts that are left when fields that client-side apply owned are free to take. */
export function conflictsBeyondLastApplied(
  scope: OwnershipScope,
  live: JsonObject,
  conflicts: readonly Conflict[],
): readonly Conflict[] {
  const free = lastAppliedFields(scope, live);
  if (free === undefined) return conflicts;
  return conflicts
    .map(({ owner, fields }) => ({ owner, fields: difference(fields, free) }))
    .filter(({ fields }) => !isEmptySet(fields));
}

/** Undefined without the annotation, or where it does not fit. */
function lastAppliedFields({ type, apiVersion }: OwnershipScope, live: JsonObject): PathSet | undefined {
  const lastApplied = parsed(annotationOf(live));
  if (lastApplied === undefined || textAt(lastApplied, "apiVersion") !== apiVersion) return undefined;
  if (configurationErrors(type, lastApplied).length > 0) return undefined;
  const { added, modified, removed } = compareObjects(type, lastApplied, live);
  return difference(fieldSet(type, lastApplied), union(modified, union(added, removed)));
}

/** Brings the annotation of `object` to `config` where it has one. */
export function followLastApplied(object: MutableObject, config: JsonObject): void {
  if (annotationOf(object) === "") return;
  const applied = deepCopy(config);
  const meta = childOf(applied, "metadata");
  delete meta["managedFields"];
  const annotations = objectAt(meta, "annotations");
  if (annotations !== undefined) delete childOf(meta, "annotations")[lastAppliedAnnotation];
  childOf(childOf(object, "metadata"), "annotations")[lastAppliedAnnotation] = `${sortedJson(applied)}\n`;
}

function annotationOf(object: JsonObject): string {
  return textAt(objectAt(objectAt(object, "metadata") ?? {}, "annotations"), lastAppliedAnnotation);
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Keys in Go's order of maps. */
function sortedJson(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => sortedJson(item)).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value ?? null);
  const names = Object.keys(value)
    .filter((name) => value[name] !== undefined)
    .sort(compareText);
  return `{${names.map((name) => `${JSON.stringify(name)}:${sortedJson(value[name])}`).join(",")}}`;
}
