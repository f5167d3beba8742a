// By what the items of a list are known: the values of their keys, or themselves.
import type { JsonValue } from "../json.ts";
import { isObject, ownField } from "../meta/mutable.ts";
import type { ApplyList, ListKey } from "./apply-type.ts";
import { compareElements, compareValues, keyElement, type PathElement, valueElement } from "./path-element.ts";

/** An item by which nobody can know it; the text is Kubernetes'. */
export class ItemError extends Error {
  override readonly name = "ItemError";
}

/**
 * The step from a `set` or `map` list to one of its items.
 * @throws ItemError
 */
export function itemElement(list: ApplyList, item: JsonValue): PathElement {
  return list.relation === "map" ? keyedElement(list, item) : setElement(item);
}

/** Order of the steps to two items, without making the steps where keys tell. */
export function compareItems(list: ApplyList, left: JsonValue, right: JsonValue): number {
  if (list.relation !== "map") return compareValues(left, right);
  for (const key of list.keys) {
    const [mine, theirs] = [keyValue(key, left), keyValue(key, right)];
    if (mine === undefined || theirs === undefined) {
      return compareElements(itemElement(list, left), itemElement(list, right));
    }
    const order = compareValues(mine, theirs);
    if (order !== 0) return order;
  }
  return 0;
}

function keyValue(key: ListKey, item: JsonValue): JsonValue | undefined {
  return isObject(item) ? (ownField(item, key.name) ?? key.default) : undefined;
}

function keyedElement({ keys }: ApplyList, item: JsonValue): PathElement {
  if (item === null) throw new ItemError("associative list with keys may not have a null element");
  if (!isObject(item)) throw new ItemError("associative list with keys may not have non-map elements");
  const found: [string, JsonValue][] = [];
  for (const key of keys) {
    const value = keyValue(key, item);
    if (value !== undefined) found.push([key.name, value]);
  }
  if (found.length > 0) return keyElement(found);
  const names = keys.map(({ name }) => JSON.stringify(name)).join(" ");
  throw new ItemError(
    `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
  );
}

function setElement(item: JsonValue): PathElement {
  if (item === null) throw new ItemError("associative list without keys has an element that's an explicit null");
  if (isObject(item)) throw new ItemError("associative list without keys has an element that's a map type");
  if (typeof item === "object") {
    throw new ItemError("not supported: associative list with lists as elements");
  }
  return valueElement(item);
}
