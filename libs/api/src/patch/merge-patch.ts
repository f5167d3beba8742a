// JSON merge patch (RFC 7396): objects merge, null removes, anything else replaces.
import type { JsonObject, JsonValue } from "../json.ts";
import { deepCopy, deepCopyValue, isObject, type MutableObject, ownField, setOwn } from "../meta/mutable.ts";
import { jsonTypeName, malformedPatch } from "./patch-error.ts";

/**
 * The patched copy of `original`, which is left as it is.
 *
 * @throws PatchError 400 where the patch is no object
 * Cost: O(original + patch).
 */
export function applyMergePatch(original: JsonObject, patch: JsonValue): MutableObject {
  if (!isObject(patch)) {
    const type = jsonTypeName(patch);
    throw malformedPatch(
      `error decoding patch: json: cannot unmarshal ${type} into Go value of type map[string]interface {}`,
    );
  }
  const target = deepCopy(original);
  mergeInto(target, patch);
  return target;
}

function mergeInto(target: MutableObject, patch: JsonObject): void {
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === undefined) continue;
    if (value === null) {
      delete target[key];
    } else if (isObject(value)) {
      const current = ownField(target, key);
      const next: MutableObject = isObject(current) ? (current as MutableObject) : {};
      mergeInto(next, value);
      setOwn(target, key, next);
    } else {
      setOwn(target, key, deepCopyValue(value));
    }
  }
}
