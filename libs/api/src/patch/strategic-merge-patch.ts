// Strategic merge patch: JSON merge patch that knows from the schema which lists are sets of named items and merges them
// item by item. Directives inside the patch say more: `$patch` (replace, delete, merge), `$retainKeys`,
// `$setElementOrder/FIELD`, `$deleteFromPrimitiveList/FIELD`.
import type { JsonObject, JsonValue } from "../json.ts";
import {
  deepCopy,
  deepCopyValue,
  isList,
  isObject,
  type MutableObject,
  type MutableValue,
  ownField,
  setOwn,
} from "../meta/mutable.ts";
import type { FieldSchema, ValueSchema } from "../schema/type-schema.ts";
import { goValueText, inapplicablePatch, jsonTypeName, malformedPatch } from "./patch-error.ts";
import { checkSetElementOrder, identity, ItemIndex, orderMerged, valueText, valueTexts } from "./strategic-lists.ts";

/** The fields of a type, by the type's name in the schema; `undefined` for a type it does not know. */
export type TypeFieldsLookup = (typeName: string) => ReadonlyMap<string, FieldSchema> | undefined;

const patchDirective = "$patch";
const retainKeysDirective = "$retainKeys";
const setOrderPrefix = "$setElementOrder/";
const deletePrefix = "$deleteFromPrimitiveList/";

/**
 * The patched copy of `original`, which is left as it is.
 *
 * @param typeName schema type of the object, as in `ResourceInfo.typeName`
 * @throws PatchError 400 on malformed patches and directives, 422 on what can't be merged
 * Cost: O(original + patch), and n log n in the length of each merged list.
 */
export function applyStrategicMergePatch(
  original: JsonObject,
  patch: JsonValue,
  typeName: string,
  fieldsOf: TypeFieldsLookup,
): MutableObject {
  if (!isObject(patch)) {
    throw malformedPatch(`json: cannot unmarshal ${jsonTypeName(patch)} into Go value of type map[string]interface {}`);
  }
  return new StrategicMerge(fieldsOf).mergeMap(deepCopy(original), patch, { kind: "object", typeName });
}

class StrategicMerge {
  readonly #fieldsOf: TypeFieldsLookup;

  constructor(fieldsOf: TypeFieldsLookup) {
    this.#fieldsOf = fieldsOf;
  }

  /** Merges into `target`, which the caller owns. Without a schema maps merge and lists are replaced. */
  mergeMap(target: MutableObject, patch: JsonObject, schema: ValueSchema | undefined): MutableObject {
    const directive = ownField(patch, patchDirective);
    if (directive === "delete") return {};
    if (directive === "replace") return withoutDirectives(patch);
    if (directive !== undefined && directive !== "merge") {
      throw malformedPatch(`unknown patch type: ${goValueText(directive)} in map: ${goValueText(patch)}`);
    }
    applyRetainKeys(target, patch);
    const ordered = this.#mergeOrderedLists(target, patch, schema);
    for (const key of Object.keys(patch)) {
      if (key === patchDirective || key === retainKeysDirective || key.startsWith(setOrderPrefix)) continue;
      if (!ordered.has(key)) this.#mergeField(target, key, patch[key], schema);
    }
    return target;
  }

  #mergeField(target: MutableObject, key: string, value: JsonValue | undefined, schema: ValueSchema | undefined): void {
    if (value === undefined) return;
    if (key.startsWith(deletePrefix)) {
      deleteFromPrimitiveList(target, key.slice(deletePrefix.length), value);
      return;
    }
    if (value === null) {
      delete target[key];
      return;
    }
    const current = ownField(target, key) as MutableValue | undefined;
    const field = this.#field(schema, key);
    if (isObject(value) && isObject(current) && !strategyOf(field).includes("replace")) {
      setOwn(target, key, this.mergeMap(current, value, field.value));
    } else if (isList(value) && isList(current) && strategyOf(field).includes("merge")) {
      setOwn(target, key, this.#mergeList(current, value, field));
    } else if (!isDirectedAtNothing(current, value)) {
      setOwn(target, key, cleanValue(value));
    }
  }

  #mergeList(current: readonly MutableValue[], patch: readonly JsonValue[], field: Field): MutableValue[] {
    const items = itemsOf(field.value);
    const mergeKey = [...current, ...patch].some(isObject) ? field.mergeKey : undefined;
    if ([...current, ...patch].some(isList)) throw inapplicablePatch("lists of lists are not supported");
    if (mergeKey === undefined) {
      if (patch.some(isObject)) throw inapplicablePatch("cannot merge lists without merge key");
      const different = new Map<string, MutableValue>();
      for (const value of [...current, ...patch]) {
        const text = valueText(value);
        if (!different.has(text)) different.set(text, deepCopyValue(value));
      }
      const merged = [...different.values()];
      return orderMerged(merged, { patchOrder: patch, storedOrder: current, mergeKey });
    }
    const special = applyItemDirectives(current, patch, mergeKey);
    const storedOrder = [...special.current];
    const merged = [...special.current];
    const index = new ItemIndex(merged, mergeKey);
    for (const item of special.patch) {
      const at = index.positionOf(identity(item, mergeKey));
      const found = at < 0 ? undefined : merged[at];
      if (found !== undefined && isObject(found)) {
        merged[at] = this.mergeMap(found, item, items);
        continue;
      }
      const added = withoutDirectives(item);
      merged.push(added);
      index.push(added);
    }
    return orderMerged(merged, { patchOrder: special.patch, storedOrder, mergeKey });
  }

  /** Fields with a `$setElementOrder/` list: merged like others, then brought into that order. Names what it did. */
  #mergeOrderedLists(target: MutableObject, patch: JsonObject, schema: ValueSchema | undefined): ReadonlySet<string> {
    const done = new Set<string>();
    for (const directive of Object.keys(patch)) {
      if (!directive.startsWith(setOrderPrefix)) continue;
      const order = patch[directive];
      if (!isList(order)) throw malformedPatch("invalid patch format of setElementOrder list");
      const key = directive.slice(setOrderPrefix.length);
      const field = this.#field(schema, key);
      const current = ownField(target, key);
      const patchList = ownField(patch, key);
      if (patchList === null || !strategyOf(field).includes("merge")) continue;
      const mergeKey = order.some(isObject) ? field.mergeKey : undefined;
      const stored = isList(current) ? (current as readonly MutableValue[]) : [];
      if (!isList(current) && !isList(patchList)) continue;
      if (isList(patchList)) checkSetElementOrder(patchList, order, mergeKey);
      const deletions = ownField(patch, deletePrefix + key);
      const kept = isList(deletions) ? without(stored, deletions) : stored;
      const merged = isList(patchList) ? this.#mergeList(kept, patchList, field) : [...kept];
      setOwn(target, key, orderMerged(merged, { patchOrder: order, storedOrder: stored, mergeKey }));
      done.add(key);
      done.add(deletePrefix + key);
    }
    return done;
  }

  #field(schema: ValueSchema | undefined, key: string): Field {
    if (schema?.kind === "map") return { value: schema.values, patchStrategy: [], mergeKey: undefined };
    if (schema?.kind !== "object") return unknownField;
    const field = this.#fieldsOf(schema.typeName)?.get(key);
    if (field === undefined) return unknownField;
    return { value: field.value, patchStrategy: field.patchStrategy, mergeKey: field.patchMergeKey };
  }
}

interface Field {
  readonly value: ValueSchema | undefined;
  readonly patchStrategy: readonly string[];
  readonly mergeKey: string | undefined;
}

const unknownField: Field = { value: undefined, patchStrategy: [], mergeKey: undefined };

/** Some tables keep strategies as one text, `merge,retainKeys`. */
function strategyOf(field: Field): readonly string[] {
  return field.patchStrategy.flatMap((strategy) => strategy.split(","));
}

function itemsOf(value: ValueSchema | undefined): ValueSchema | undefined {
  return value?.kind === "list" ? value.items : undefined;
}

/** Removes from `target` every field that `$retainKeys` does not list; the patch itself may set only listed ones. */
function applyRetainKeys(target: MutableObject, patch: JsonObject): void {
  const retained = ownField(patch, retainKeysDirective);
  if (retained === undefined) return;
  if (!isList(retained) || retained.some((key) => typeof key !== "string")) {
    throw malformedPatch("invalid patch format of retainKeys");
  }
  for (const key of Object.keys(patch)) {
    const named = key.startsWith(setOrderPrefix) ? key.slice(setOrderPrefix.length) : key;
    if (named.startsWith("$") || patch[key] === null) continue;
    if (!retained.includes(named)) throw inapplicablePatch("patch content doesn't match retainKeys list");
  }
  for (const key of Object.keys(target)) if (!retained.includes(key)) delete target[key];
}

function deleteFromPrimitiveList(target: MutableObject, key: string, values: JsonValue): void {
  if (!isList(values)) throw malformedPatch("invalid patch format of primitive list");
  const current = ownField(target, key);
  if (!isList(current)) return;
  setOwn(target, key, without(current as readonly MutableValue[], values));
}

function without(list: readonly MutableValue[], values: readonly JsonValue[]): MutableValue[] {
  const gone = valueTexts(values);
  return list.filter((item) => !gone.has(valueText(item)));
}

/** Items of a patch's list that carry `$patch`: `delete` removes its namesakes, `replace` drops all stored items. */
function applyItemDirectives(
  current: readonly MutableValue[],
  patch: readonly JsonValue[],
  mergeKey: string,
): { readonly current: readonly MutableValue[]; readonly patch: readonly JsonObject[] } {
  const gone = new Set<string>();
  let replace = false;
  const plain: JsonObject[] = [];
  for (const item of patch) {
    if (!isObject(item)) throw inapplicablePatch("a list mixes objects with other values");
    const directive = ownField(item, patchDirective);
    if (directive === undefined) plain.push(item);
    else if (directive === "replace") replace = true;
    else if (directive === "delete") {
      gone.add(valueText(identity(item, mergeKey)));
    } else if (directive === "merge") {
      throw malformedPatch("merging lists cannot yet be specified in the patch");
    } else {
      throw malformedPatch(`unknown patch type: ${goValueText(directive)} in map: ${goValueText(item)}`);
    }
  }
  const kept = gone.size === 0 ? current : current.filter((one) => !gone.has(valueText(identity(one, mergeKey))));
  return { current: replace ? [] : kept, patch: plain };
}

/** A value of the patch as it is stored where nothing was before: directives and nulls are gone, lists keep the rest. */
function cleanValue(value: JsonValue): MutableValue {
  if (isList(value)) {
    return value
      .filter((item) => !(isObject(item) && isBareDirective(item)))
      .map((item) => (isObject(item) ? withoutDirectives(item) : deepCopyValue(item)));
  }
  return isObject(value) ? withoutDirectives(value) : value;
}

/** Items that only say what to do with other items. */
function isBareDirective(item: JsonObject): boolean {
  return item[patchDirective] === "delete" || item[patchDirective] === "replace";
}

function withoutDirectives(patch: JsonObject): MutableObject {
  const plain: MutableObject = {};
  if (ownField(patch, patchDirective) === "delete") return plain;
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    const directive =
      key === patchDirective ||
      key === retainKeysDirective ||
      key.startsWith(setOrderPrefix) ||
      key.startsWith(deletePrefix);
    if (directive || value === null || value === undefined || isDirectedAtNothing(undefined, value)) continue;
    setOwn(plain, key, cleanValue(value));
  }
  return plain;
}

/** A map with a directive where nothing is: as in Kubernetes, nothing comes of it, whatever else the map holds. */
function isDirectedAtNothing(current: JsonValue | undefined, value: JsonValue): boolean {
  return (
    (current === undefined || current === null) && isObject(value) && ownField(value, patchDirective) !== undefined
  );
}
