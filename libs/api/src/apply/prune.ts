// Takes fields out of a document, or everything else: by path set and type.
import type { JsonObject, JsonValue } from "../json.ts";
import { deepCopyValue, isList, isObject, type MutableObject, type MutableValue, setOwn } from "../meta/mutable.ts";
import type { ApplyList, ApplyMap, ApplyType } from "./apply-type.ts";
import { deducedMap } from "./field-set.ts";
import { itemElement } from "./list-items.ts";
import { fieldElement, fieldNameOf, type PathElement } from "./path-element.ts";
import { below, isEmptySet, type PathSet } from "./path-set.ts";

/**
 * A copy of `object` without the fields of `gone`, and what is below them. A list or map of which nothing is left
 * becomes null.
 */
export function removeFields(type: ApplyMap, object: JsonObject, gone: PathSet): MutableObject {
  return (pick(type, object, gone, false) ?? {}) as MutableObject;
}

/** A copy of `object` with the fields of `kept` alone, and the keys by which list items are known. */
export function extractFields(type: ApplyMap, object: JsonObject, kept: PathSet): MutableObject {
  return (pick(type, object, kept, true) ?? {}) as MutableObject;
}

function pick(type: ApplyType, value: JsonValue, set: PathSet, keep: boolean): MutableValue {
  switch (type.kind) {
    case "scalar":
      return deepCopyValue(value);
    case "list":
      if (type.relation === "atomic" || !isList(value)) return keep ? deepCopyValue(value) : null;
      return pickItems(type, value, set, keep);
    case "map":
      if (type.atomic || !isObject(value)) return keep ? deepCopyValue(value) : null;
      return pickFields(type, value, set, keep);
    case "deduced":
      return !type.atomic && isObject(value) ? pickFields(deducedMap, value, set, keep) : deepCopyValue(value);
  }
}

function pickFields(type: ApplyMap, object: JsonObject, set: PathSet, keep: boolean): MutableValue {
  const picked: MutableObject = {};
  for (const name of Object.keys(object)) {
    const value = object[name];
    if (value === undefined) continue;
    const fieldType = type.fields.get(name) ?? type.values;
    const result = pickOne(fieldType, value, set, fieldElement(name), keep);
    if (result !== undefined) setOwn(picked, name, result);
  }
  return Object.keys(picked).length > 0 ? picked : isKeptEmpty(object, keep);
}

function pickItems(type: ApplyList, items: readonly JsonValue[], set: PathSet, keep: boolean): MutableValue {
  const picked: MutableValue[] = [];
  for (const item of items) {
    const result = pickOne(type.items, item, set, itemElement(type, item), keep);
    if (result !== undefined) picked.push(result);
  }
  return picked.length > 0 ? picked : isKeptEmpty(items, keep);
}

/** Undefined: it goes. */
function pickOne(
  type: ApplyType | undefined,
  value: JsonValue,
  set: PathSet,
  element: PathElement,
  keep: boolean,
): MutableValue | undefined {
  const isMember = set.members.has(element);
  const inside = below(set, element);
  if (isMember && !keep) return undefined;
  if (isEmptySet(inside)) return keep && !isMember ? undefined : deepCopyValue(value);
  return type === undefined ? deepCopyValue(value) : pick(type, value, inside, keep);
}

/** What was empty before is shown as it was when fields are extracted. */
function isKeptEmpty(value: JsonObject | readonly JsonValue[], keep: boolean): MutableValue {
  return keep && Object.keys(value).length === 0 ? deepCopyValue(value) : null;
}

/**
 * `set` with every field of a struct that the set only passes through: `spec.replicas` becomes `spec`, `spec.replicas`.
 * Keys of maps and items of lists are not added.
 */
export function withNamedFields(type: ApplyType | undefined, set: PathSet): PathSet {
  const members = new Set(set.members);
  const children = new Map<PathElement, PathSet>();
  for (const [element, child] of set.children) {
    const name = fieldNameOf(element);
    const field = type?.kind === "map" && name !== undefined ? type.fields.get(name) : undefined;
    if (field !== undefined) members.add(element);
    children.set(element, withNamedFields(field ?? contentType(type), child));
  }
  return { members, children };
}

function contentType(type: ApplyType | undefined): ApplyType | undefined {
  if (type?.kind === "map") return type.values;
  return type?.kind === "list" ? type.items : type;
}

/** Sets of earlier schemas may go into what is owned whole now: they are cut off there. */
export function collapseAtomic(type: ApplyType | undefined, set: PathSet): PathSet {
  let changed = false;
  const members = new Set(set.members);
  const children = new Map<PathElement, PathSet>();
  for (const [element, child] of set.children) {
    const name = fieldNameOf(element);
    const own = type?.kind === "map" && name !== undefined ? type.fields.get(name) : undefined;
    const childType = own ?? contentType(type);
    if (isWhole(childType)) {
      members.add(element);
      changed = true;
      continue;
    }
    const collapsed = collapseAtomic(childType, child);
    changed ||= collapsed !== child;
    children.set(element, collapsed);
  }
  return changed ? { members, children } : set;
}

function isWhole(type: ApplyType | undefined): boolean {
  return (type?.kind === "map" && type.atomic) || (type?.kind === "list" && type.relation === "atomic");
}
