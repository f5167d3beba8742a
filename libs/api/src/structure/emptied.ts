// Canonical documents have no empty lists and maps, Go's structs do: where a client wrote `[]`, errors that show the value
// show `[]`, not `null`, and a default that is for absent lists stays away. So reading notes beside the document what it
// left out; nothing stored, sent or compared knows of it, and a copy has it only if `copyWithEmptied` made it.
import type { JsonObject, JsonValue } from "../json.ts";
import { isObject, type MutableObject, type MutableValue, ownField, setOwn } from "../meta/mutable.ts";

type Empty = readonly [] | Readonly<Record<string, never>>;

const notes = new WeakMap<JsonObject, Map<string, Empty>>();

/** `object` came with the empty list or map `value` at `key`, which is left out. */
export function noteEmptied(object: JsonObject, key: string, value: JsonValue): void {
  const known = notes.get(object);
  const empty = Array.isArray(value) ? [] : {};
  if (known === undefined) notes.set(object, new Map([[key, empty]]));
  else known.set(key, empty);
}

/** The field, or the empty list or map that the client wrote where there is none. */
export function fieldOrEmptied(object: JsonObject, key: string): JsonValue | undefined {
  return ownField(object, key) ?? notes.get(object)?.get(key);
}

/** As `deepCopy`, together with the notes. Cost: O(size). */
export function copyWithEmptied(object: JsonObject): MutableObject {
  const copy: MutableObject = {};
  for (const key of Object.keys(object)) {
    const field = object[key];
    if (field !== undefined) setOwn(copy, key, copyOf(field));
  }
  const known = notes.get(object);
  if (known !== undefined) notes.set(copy, known);
  return copy;
}

function copyOf(value: JsonValue): MutableValue {
  if (isObject(value)) return copyWithEmptied(value);
  return Array.isArray(value) ? (value as readonly JsonValue[]).map(copyOf) : (value as MutableValue);
}
