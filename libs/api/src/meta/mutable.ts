// Objects are plain JSON. What reads takes the readonly `JsonObject`; what changes takes a `MutableObject`, which is
// always somebody's own deep copy: cached and stored objects are shared and never written.
import type { JsonObject, JsonValue } from "../json.ts";

/** A JSON document its holder may change. Assignable to `JsonValue` wherever reading is enough. */
export type MutableValue = string | number | boolean | null | MutableValue[] | MutableObject;
export interface MutableObject {
  [key: string]: MutableValue | undefined;
}

/** A copy that shares nothing with `value`. Fields that are `undefined` are left out. Cost: O(size). */
export function deepCopy(value: JsonObject): MutableObject {
  const copy: MutableObject = {};
  for (const key of Object.keys(value)) {
    const field = value[key];
    if (field !== undefined) setOwn(copy, key, deepCopyValue(field));
  }
  return copy;
}

export function deepCopyValue(value: JsonValue): MutableValue {
  if (value === null || typeof value !== "object") return value;
  return isList(value) ? value.map(deepCopyValue) : deepCopy(value);
}

/** Writes a field whatever its name is: plain assignment to `__proto__` would change the prototype instead. */
export function setOwn(object: MutableObject, key: string, value: MutableValue): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    object[key] = value;
  }
}

/** Equality of JSON values: order of keys is free, absent and `undefined` are the same. */
export function deepEqual(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left === right) return true;
  if (left === undefined || right === undefined || left === null || right === null) return false;
  if (typeof left !== "object" || typeof right !== "object") return false;
  if (isList(left) || isList(right)) {
    if (!isList(left) || !isList(right) || left.length !== right.length) return false;
    return left.every((item, i) => deepEqual(item, right[i]));
  }
  let unmatched = 0;
  for (const key of Object.keys(left)) {
    const value = left[key];
    if (value === undefined) continue;
    if (!Object.hasOwn(right, key) || !deepEqual(value, right[key])) return false;
    unmatched++;
  }
  for (const key of Object.keys(right)) if (right[key] !== undefined) unmatched--;
  return unmatched === 0;
}

/**
 * Equality as Go's `equality.Semantic` sees it: an empty list or map is the same as an absent one.
 * Decides whether a spec changed, so that `{}` against nothing does not bump a generation.
 */
export function semanticEqual(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left === right) return true;
  if (isVoid(left) && isVoid(right)) return true;
  if (left === undefined || right === undefined || left === null || right === null) return false;
  if (typeof left !== "object" || typeof right !== "object") return false;
  if (isList(left) || isList(right)) {
    if (!isList(left) || !isList(right) || left.length !== right.length) return false;
    return left.every((item, i) => semanticEqual(item, right[i]));
  }
  for (const key of Object.keys(left)) if (!semanticEqual(left[key], ownField(right, key))) return false;
  for (const key of Object.keys(right)) if (!Object.hasOwn(left, key) && !isVoid(right[key])) return false;
  return true;
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The field of the object itself, never one inherited from `Object.prototype`. */
export function ownField(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function objectAt(object: JsonObject, key: string): JsonObject | undefined {
  const value = ownField(object, key);
  return isObject(value) ? value : undefined;
}

export function listAt(object: JsonObject, key: string): readonly JsonValue[] {
  const value = ownField(object, key);
  return isList(value) ? value : [];
}

/** The text at `key`, or `""`: Go's zero value, which is how Kubernetes reads a field that is not there. */
export function textAt(object: JsonObject | undefined, key: string): string {
  const value = object === undefined ? undefined : ownField(object, key);
  return typeof value === "string" ? value : "";
}

export function numberAt(object: JsonObject | undefined, key: string): number | undefined {
  const value = object === undefined ? undefined : ownField(object, key);
  return typeof value === "number" ? value : undefined;
}

/** The object at `key` for writing, made where it is missing. */
export function childOf(object: MutableObject, key: string): MutableObject {
  const value = object[key];
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  const made: MutableObject = {};
  object[key] = made;
  return made;
}

/**
 * Copies one field from `source` into `target`, or removes it where `source` has none.
 * Used to keep what an update may not touch.
 */
export function carryField(target: MutableObject, source: JsonObject, key: string): void {
  const value = ownField(source, key);
  if (value === undefined) delete target[key];
  else target[key] = deepCopyValue(value);
}

/**
 * Reads a document as one of the generated API types. Sound after the structure check, which has refused wrong types;
 * this is the one place that says so. Lists and maps that Go writes as `null` are absent in what is returned.
 * Cost: O(size) to look for nulls, and a copy where there are some.
 */
export function typed<T>(object: JsonObject): T {
  return (hasNull(object) ? withoutNulls(object) : object) as unknown as T;
}

function hasNull(value: JsonValue | undefined): boolean {
  if (value === null) return true;
  if (typeof value !== "object") return false;
  if (isList(value)) return value.some(hasNull);
  for (const key in value) if (hasNull(value[key])) return true; // no list of values is made: documents are plain
  return false;
}

function withoutNulls(value: JsonObject): JsonObject {
  const kept = Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
  return Object.fromEntries(kept.map(([key, field]) => [key, plain(field)]));
}

function plain(value: JsonValue | undefined): JsonValue | undefined {
  if (isList(value)) return value.map((item) => plain(item) ?? null);
  return isObject(value) ? withoutNulls(value) : value;
}

function isVoid(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null) return true;
  if (isList(value)) return value.length === 0;
  return typeof value === "object" && Object.keys(value).length === 0;
}
