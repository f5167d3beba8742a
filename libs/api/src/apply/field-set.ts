// The fields that a document names, as a path set: what an applied configuration owns.
import type { JsonObject, JsonValue } from "../json.ts";
import { isList, isObject } from "../meta/mutable.ts";
import type { ApplyList, ApplyMap, ApplyType } from "./apply-type.ts";
import { itemElement } from "./list-items.ts";
import { fieldElement, type PathElement } from "./path-element.ts";
import { type PathSet, PathSetBuilder } from "./path-set.ts";

/**
 * Scalars and atomic values, every item of a list, every key of a map, and fields that hold `null` or `{}`.
 * @param document of the right structure; an item that a list can't know is passed over
 * Cost: O(document).
 */
export function fieldSet(type: ApplyType, document: JsonValue): PathSet {
  const builder = new PathSetBuilder();
  visit(type, document, [], builder);
  return builder.set;
}

function visit(type: ApplyType, value: JsonValue, path: PathElement[], set: PathSetBuilder): void {
  switch (type.kind) {
    case "scalar":
      return set.insert(path);
    case "list":
      if (type.relation === "atomic") set.insert(path);
      else if (isList(value)) visitItems(type, value, path, set);
      return;
    case "map":
      if (type.atomic) set.insert(path);
      else if (isObject(value)) visitFields(type, value, path, set);
      return;
    case "deduced":
      if (type.atomic || !isObject(value)) set.insert(path);
      else visitFields(deducedMap, value, path, set);
  }
}

/** What a free-form object is. */
export const deducedMap: ApplyMap = {
  kind: "map",
  atomic: false,
  fields: new Map(),
  values: { kind: "deduced", atomic: false },
};

function visitFields(type: ApplyMap, object: JsonObject, path: PathElement[], set: PathSetBuilder): void {
  for (const name of Object.keys(object)) {
    const value = object[name];
    const field = type.fields.get(name);
    const fieldType = field ?? type.values;
    if (value === undefined || fieldType === undefined) continue;
    path.push(fieldElement(name));
    visit(fieldType, value, path, set);
    if (field === undefined || value === null || isEmptyObject(value)) set.insert(path);
    path.pop();
  }
}

/** Items that are there twice are owned by their key alone: nobody could say which one's fields are meant. */
function visitItems(type: ApplyList, items: readonly JsonValue[], path: PathElement[], set: PathSetBuilder): void {
  const elements = items.map((item) => itemElement(type, item));
  const counts = new Map<PathElement, number>();
  for (const element of elements) counts.set(element, (counts.get(element) ?? 0) + 1);
  for (const [index, element] of elements.entries()) {
    path.push(element);
    if (counts.get(element) === 1) visit(type.items, items[index] as JsonValue, path, set);
    set.insert(path);
    path.pop();
  }
}

function isEmptyObject(value: JsonValue): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}
