// Setting defaults on a document: small words that read like the tables they implement. A field counts as not set where Go
// would see its zero value: absent, `null` or, for texts, empty.
import type { MutableObject, MutableValue } from "../meta/mutable.ts";

/** Fills in the defaults of one kind, or of one struct inside several kinds, in place. */
export type Defaulter = (object: MutableObject) => void;

export function isUnset(value: MutableValue | undefined): value is undefined | null | "" {
  return value === undefined || value === null || value === "";
}

/** Sets each field that is not set. Values that are lists or objects must be fresh. */
export function setDefaults(object: MutableObject, defaults: Readonly<Record<string, MutableValue>>): void {
  for (const [key, value] of Object.entries(defaults)) if (isUnset(object[key])) object[key] = value;
}

/** The same for fields that Go holds by pointer: there an empty text is a value, which validation may refuse. */
export function setMissing(object: MutableObject, defaults: Readonly<Record<string, MutableValue>>): void {
  for (const [key, value] of Object.entries(defaults)) object[key] ??= value;
}

/** The object at `key`, or `undefined`. */
export function objectIn(object: MutableObject, key: string): MutableObject | undefined {
  const value = object[key];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

/** The objects in the list at `key`. */
export function objectsIn(object: MutableObject, key: string): readonly MutableObject[] {
  const value = object[key];
  if (!Array.isArray(value)) return [];
  return value.filter(
    (item): item is MutableObject => typeof item === "object" && item !== null && !Array.isArray(item),
  );
}

/** The object at `key`, made where it is not set. */
export function ensureObject(object: MutableObject, key: string): MutableObject {
  const found = objectIn(object, key);
  if (found !== undefined) return found;
  const made: MutableObject = {};
  object[key] = made;
  return made;
}

/** Copies what `target` lacks from `source`. */
export function fillFrom(target: MutableObject, source: MutableObject | undefined): void {
  for (const [key, value] of Object.entries(source ?? {})) if (!Object.hasOwn(target, key)) target[key] = value;
}

export function isEmptyMap(object: MutableObject | undefined): boolean {
  return object === undefined || Object.keys(object).length === 0;
}
