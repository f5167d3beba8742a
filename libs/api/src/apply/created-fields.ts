// The fields that the creator of an object owns, straight as FieldsV1: what `compareObjects` finds between an object of
// which nothing is set and the new one. A create has nobody else's fields to look at, so it need not make path sets; creates are frequent.
import type { JsonObject, JsonValue } from "../json.ts";
import { deepEqual, isList, isObject, type MutableObject, ownField, setOwn } from "../meta/mutable.ts";
import type { ApplyList, ApplyMap, ApplyType } from "./apply-type.ts";
import { deducedMap } from "./field-set.ts";
import { leafNode } from "./fields-v1.ts";
import { itemElement } from "./list-items.ts";
import { compareElements, compareText, fieldElement, type PathElement } from "./path-element.ts";
import { below, emptyPathSet, isEmptySet, type PathSet } from "./path-set.ts";

type Value = JsonValue | undefined;
/** Undefined: nothing is owned. */
type Node = MutableObject | undefined;

/**
 * @param zero the object of which nothing is set
 * @param except not owned, with everything below
 * @returns FieldsV1, whose leaves are shared and must not be changed; undefined when nothing is owned
 * Cost: O(object).
 */
export function createdFields(
  type: ApplyMap,
  zero: JsonObject,
  object: JsonObject,
  except: PathSet,
): MutableObject | undefined {
  return mapNode(type, zero, object, except);
}

function nodeOf(type: ApplyType, zero: Value, value: Value): Node {
  if (value === undefined) return undefined;
  switch (type.kind) {
    case "scalar":
      return wholeNode(zero, value);
    case "deduced":
      if (type.atomic || !isObject(value)) return wholeNode(zero, value);
      return deducedNode(zero, value);
    case "list":
      return type.relation === "atomic" || !isList(value) || value.length === 0
        ? wholeNode(zero, value)
        : listNode(type, zero, value);
    case "map":
      return type.atomic || !isObject(value) || isEmpty(value)
        ? wholeNode(zero, value)
        : mapNode(type, zero, value, emptyPathSet);
  }
}

function wholeNode(zero: Value, value: JsonValue): Node {
  return zero === undefined || !deepEqual(zero, value) ? leafNode : undefined;
}

function mapNode(type: ApplyMap, zero: Value, object: JsonObject, except: PathSet): Node {
  const node: MutableObject = zero === undefined ? { ".": leafNode } : {};
  const zeroes = isObject(zero) ? zero : noFields;
  const isPlain = isEmptySet(except);
  let isOwner = zero === undefined;
  const add = (name: string, fieldType: ApplyType): void => {
    const value = object[name];
    if (value === undefined) return;
    const element = fieldElement(name);
    if (!isPlain && except.members.has(element) && !except.children.has(element)) return;
    const inside = isPlain ? emptyPathSet : below(except, element);
    const child =
      isEmptySet(inside) || fieldType.kind !== "map" || !isObject(value)
        ? nodeOf(fieldType, ownField(zeroes, name), value)
        : mapNode(fieldType, ownField(zeroes, name), value, inside);
    if (child === undefined) return;
    isOwner = true;
    setOwn(node, element, child);
  };
  if (type.values === undefined) for (const [name, fieldType] of type.fields) add(name, fieldType);
  else for (const name of Object.keys(object).sort(compareText)) add(name, type.fields.get(name) ?? type.values);
  return isOwner ? node : undefined;
}

const noFields: JsonObject = {};

function listNode(type: ApplyList, zero: Value, items: readonly JsonValue[]): Node {
  const node: MutableObject = zero === undefined ? { ".": leafNode } : {};
  const children = new Map<PathElement, MutableObject>();
  for (const item of items) {
    const element = itemElement(type, item);
    // An item whose key repeats is owned by its key alone.
    children.set(element, children.has(element) ? leafNode : (nodeOf(type.items, undefined, item) ?? leafNode));
  }
  const elements = children.size < 2 ? children.keys() : [...children.keys()].sort(compareElements);
  for (const element of elements) node[element] = children.get(element);
  return node;
}

function deducedNode(zero: Value, object: JsonObject): Node {
  if (isEmpty(object)) return wholeNode(zero, object);
  return mapNode(deducedMap, zero, object, emptyPathSet);
}

function isEmpty(object: JsonObject): boolean {
  for (const key in object) if (Object.hasOwn(object, key)) return false;
  return true;
}
