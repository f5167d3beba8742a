// The fields that the creator of an object owns, straight as FieldsV1: what `compareObjects` finds between an object of
// which nothing is set and the new one. Creates are frequent and look at nobody else's fields, so no path sets are made.
import type { JsonObject, JsonValue } from "../json.ts";
import { deepEqual, isList, isObject, type MutableObject, ownField } from "../meta/mutable.ts";
import type { ApplyList, ApplyMap, ApplyType } from "./apply-type.ts";
import { deducedMap } from "./field-set.ts";
import { leafNode } from "./fields-v1.ts";
import { compareItems, itemElement } from "./list-items.ts";
import { compareText, fieldElement, type PathElement } from "./path-element.ts";
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

function nodeOf(type: ApplyType, zero: Value, value: JsonValue): Node {
  switch (type.kind) {
    case "scalar":
      return wholeNode(zero, value);
    case "deduced":
      return type.atomic || !isObject(value) || isEmpty(value)
        ? wholeNode(zero, value)
        : mapNode(deducedMap, zero, value, emptyPathSet);
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
  const zeroes = isObject(zero) ? zero : undefined;
  const isPlain = isEmptySet(except);
  let isOwner = zero === undefined;
  for (const { element, name, fieldType } of sortedSteps(type, object)) {
    const value = object[name] as JsonValue;
    const zeroValue = zeroes === undefined ? undefined : ownField(zeroes, name);
    const child = isPlain
      ? nodeOf(fieldType, zeroValue, value)
      : exceptNode(fieldType, zeroValue, value, { except, element });
    if (child === undefined) continue;
    isOwner = true;
    node[element] = child;
  }
  return isOwner ? node : undefined;
}

/** What is a member goes with everything below, unless more than it alone is said of what is below. */
function exceptNode(
  type: ApplyType,
  zero: Value,
  value: JsonValue,
  { except, element }: { readonly except: PathSet; readonly element: PathElement },
): Node {
  const inside = below(except, element);
  if (isEmptySet(inside)) return except.members.has(element) ? undefined : nodeOf(type, zero, value);
  return type.kind === "map" && isObject(value) ? mapNode(type, zero, value, inside) : nodeOf(type, zero, value);
}

interface Step {
  readonly name: string;
  readonly element: PathElement;
  readonly fieldType: ApplyType;
  /** Place among the fields of a struct. */
  readonly rank: number;
}

/** Steps into the fields of each struct, made on first use; as many as there are struct types. */
const stepsOfStruct = new WeakMap<ApplyMap["fields"], ReadonlyMap<string, Step>>();

/** The steps to the fields that an object has, in FieldsV1's order. */
function sortedSteps(type: ApplyMap, object: JsonObject): readonly Step[] {
  const steps: Step[] = [];
  const known = stepsOf(type);
  for (const name of Object.keys(object)) {
    if (object[name] === undefined) continue;
    const step = known.get(name);
    if (step !== undefined) steps.push(step);
    else if (type.values !== undefined) {
      steps.push({ name, element: fieldElement(name), fieldType: type.values, rank: 0 });
    }
  }
  if (steps.length < 2) return steps;
  return steps.sort(
    type.values === undefined
      ? (left, right) => left.rank - right.rank
      : (left, right) => compareText(left.name, right.name),
  );
}

function stepsOf({ fields }: ApplyMap): ReadonlyMap<string, Step> {
  const known = stepsOfStruct.get(fields);
  if (known !== undefined) return known;
  const steps = new Map<string, Step>();
  for (const [name, fieldType] of fields) {
    steps.set(name, { name, element: fieldElement(name), fieldType, rank: steps.size });
  }
  stepsOfStruct.set(fields, steps);
  return steps;
}

function listNode(type: ApplyList, zero: Value, items: readonly JsonValue[]): Node {
  const node: MutableObject = zero === undefined ? { ".": leafNode } : {};
  for (const item of inOrder(type, items)) {
    const element = itemElement(type, item);
    // An item whose key repeats is owned by its key alone.
    node[element] = node[element] === undefined ? (nodeOf(type.items, undefined, item) ?? leafNode) : leafNode;
  }
  return node;
}

function inOrder(type: ApplyList, items: readonly JsonValue[]): readonly JsonValue[] {
  const isSorted = items.every((item, at) => at === 0 || compareItems(type, items[at - 1] as JsonValue, item) <= 0);
  return isSorted ? items : [...items].sort((left, right) => compareItems(type, left, right));
}

function isEmpty(object: JsonObject): boolean {
  for (const key in object) if (Object.hasOwn(object, key)) return false;
  return true;
}
