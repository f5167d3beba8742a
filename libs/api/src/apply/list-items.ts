// By what the items of a list are known: the values of their keys, or themselves.
import type { JsonValue } from "../json.ts";
import { isObject, ownField } from "../meta/mutable.ts";
import type { ApplyList } from "./apply-type.ts";
import { keyElement, type PathElement, valueElement } from "./path-element.ts";

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

function keyedElement({ keys }: ApplyList, item: JsonValue): PathElement {
  if (item === null) throw new ItemError("associative list with keys may not have a null element");
  if (!isObject(item)) throw new ItemError("associative list with keys may not have non-map elements");
  const found: [string, JsonValue][] = [];
  for (const key of keys) {
    const value = ownField(item, key.name) ?? key.default;
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
