// Lays an applied configuration over an object: what the configuration names wins, everything else stays.
import type { JsonObject, JsonValue } from "../json.ts";
import {
  deepCopyValue,
  isList,
  isObject,
  type MutableObject,
  type MutableValue,
  ownField,
  setOwn,
} from "../meta/mutable.ts";
import type { ApplyList, ApplyMap, ApplyType } from "./apply-type.ts";
import { deducedMap } from "./field-set.ts";
import { itemElement } from "./list-items.ts";
import type { PathElement } from "./path-element.ts";

type Value = JsonValue | undefined;

/**
 * @param config has passed `configurationErrors`: the right structure, no key twice in a list
 * @returns a copy that shares nothing with either
 * Cost: O(both).
 */
export function mergeConfiguration(type: ApplyMap, live: JsonObject, config: JsonObject): MutableObject {
  return mergeFields(type, live, config);
}

/** Undefined: neither has it. */
function merge(type: ApplyType, live: Value, config: Value): MutableValue | undefined {
  switch (type.kind) {
    case "scalar":
      return whole(live, config);
    case "list":
      if (type.relation === "atomic" || (isVoid(live) && isVoid(config))) return whole(live, config);
      return mergeItems(type, isList(live) ? live : [], isList(config) ? config : []);
    case "map":
      if (type.atomic || (isVoid(live) && isVoid(config))) return whole(live, config);
      return mergeFields(type, isObject(live) ? live : {}, isObject(config) ? config : {});
    case "deduced":
      if (type.atomic || (config !== undefined && !isObject(config))) return whole(live, config);
      return isObject(live) ? merge(deducedMap, live, config) : whole(live, config);
  }
}

function whole(live: Value, config: Value): MutableValue | undefined {
  const chosen = config === undefined ? live : config;
  return chosen === undefined ? undefined : deepCopyValue(chosen);
}

function mergeFields(type: ApplyMap, live: JsonObject, config: JsonObject): MutableObject {
  const merged: MutableObject = {};
  for (const name of new Set([...Object.keys(live), ...Object.keys(config)])) {
    const fieldType = type.fields.get(name) ?? type.values;
    if (fieldType === undefined) continue;
    const value = merge(fieldType, ownField(live, name), ownField(config, name));
    if (value !== undefined) setOwn(merged, name, value);
  }
  return merged;
}

/**
 * The configuration decides the order of the items it names; the others keep their place before the named item that
 * followed them. Live items whose key repeats are kept unless the configuration names that key.
 *   live a b c d, configuration d b -> a c d b
 */
function mergeItems(type: ApplyList, live: readonly JsonValue[], config: readonly JsonValue[]): MutableValue[] {
  const liveElements = live.map((item) => itemElement(type, item));
  const configElements = config.map((item) => itemElement(type, item));
  const liveByElement = onlyOnce(live, liveElements);
  const named = new Set(configElements);
  const present = new Set(liveElements);
  const shared = configElements.filter((element) => present.has(element));
  const merged: MutableValue[] = [];
  const taken = new Set<PathElement>();
  let nextShared = 0;
  const takeNamed = (at: number): void => {
    const element = configElements[at] as PathElement;
    taken.add(element);
    if (shared[nextShared] === element) nextShared++;
    const value = merge(type.items, liveByElement.get(element), config[at]);
    if (value !== undefined) merged.push(value);
  };
  let [left, right] = [0, 0];
  while (left < live.length || right < config.length) {
    const element = liveElements[left];
    if (element !== undefined && right < config.length) {
      if (element === configElements[right]) {
        takeNamed(right++);
        left++;
        continue;
      }
      // Its turn comes where the configuration has it.
      if (named.has(element) && nextShared < shared.length && shared[nextShared] !== element) {
        left++;
        continue;
      }
    }
    if (element !== undefined) {
      if (!named.has(element)) {
        merged.push(deepCopyValue(live[left++] as JsonValue));
        continue;
      }
      if (taken.has(element)) left++;
    }
    if (right < config.length) takeNamed(right++);
  }
  return merged;
}

/** Items by their key, without those whose key repeats: they can't be merged with one configured item. */
function onlyOnce(
  items: readonly JsonValue[],
  elements: readonly PathElement[],
): ReadonlyMap<PathElement, JsonValue | undefined> {
  const found = new Map<PathElement, JsonValue | undefined>();
  for (const [index, element] of elements.entries()) found.set(element, found.has(element) ? undefined : items[index]);
  return found;
}

/** Nothing to merge: absent, null or empty. */
function isVoid(value: Value): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
