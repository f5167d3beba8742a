// Which fields differ between two versions of an object: there only now, changed, or there no more.
// Values that are owned whole are compared whole. A list or map that is empty on both sides counts as one value, so that
// `{}` and `null` stay different.
import type { JsonObject, JsonValue } from "../json.ts";
import { deepEqual, isList, isObject, ownField } from "../meta/mutable.ts";
import type { ApplyList, ApplyMap, ApplyType } from "./apply-type.ts";
import { deducedMap } from "./field-set.ts";
import { itemElement } from "./list-items.ts";
import { fieldElement, type PathElement } from "./path-element.ts";
import { isEmptySet, type PathSet, PathSetBuilder } from "./path-set.ts";

export interface Comparison {
  readonly added: PathSet;
  readonly modified: PathSet;
  readonly removed: PathSet;
}

type Value = JsonValue | undefined;

/**
 * @param left, right both of `type` and of the right structure; keys in lists may repeat
 * Cost: O(both), and for the sets O(differences · depth).
 */
export function compareObjects(type: ApplyType, left: JsonObject, right: JsonObject): Comparison {
  const walk = new Walk();
  walk.compare(type, left, right);
  return { added: walk.added.set, modified: walk.modified.set, removed: walk.removed.set };
}

export function isSame({ added, modified, removed }: Comparison): boolean {
  return isEmptySet(added) && isEmptySet(modified) && isEmptySet(removed);
}

class Walk {
  readonly added = new PathSetBuilder();
  readonly modified = new PathSetBuilder();
  readonly removed = new PathSetBuilder();
  readonly #path: PathElement[] = [];

  compare(type: ApplyType, left: Value, right: Value): void {
    if (left === right) return;
    switch (type.kind) {
      case "scalar":
        return this.#whole(left, right);
      case "list":
        return this.#list(type, left, right);
      case "map":
        return this.#map(type, left, right);
      case "deduced":
        return this.#deduced(type.atomic, left, right);
    }
  }

  #whole(left: Value, right: Value): void {
    if (left === undefined) this.added.insert(this.#path);
    else if (right === undefined) this.removed.insert(this.#path);
    else if (!deepEqual(left, right)) this.modified.insert(this.#path);
  }

  /** A list or map itself is new or gone when one side lacks it; what is in it has been compared. */
  #presence(left: Value, right: Value): void {
    if (left === undefined) this.added.insert(this.#path);
    else if (right === undefined) this.removed.insert(this.#path);
  }

  #map(type: ApplyMap, left: Value, right: Value): void {
    const [mine, theirs] = [entriesOf(left), entriesOf(right)];
    if (type.atomic || (mine === undefined && theirs === undefined)) return this.#whole(left, right);
    if (mine !== undefined) {
      for (const name of Object.keys(mine)) {
        this.#field(type, name, mine[name], theirs === undefined ? undefined : ownField(theirs, name));
      }
    }
    if (theirs !== undefined) {
      for (const name of Object.keys(theirs)) {
        if (mine === undefined || ownField(mine, name) === undefined) {
          this.#field(type, name, undefined, theirs[name]);
        }
      }
    }
    this.#presence(left, right);
  }

  #field(type: ApplyMap, name: string, left: Value, right: Value): void {
    const fieldType = type.fields.get(name) ?? type.values;
    if (fieldType === undefined || left === right) return;
    this.#path.push(fieldElement(name));
    this.compare(fieldType, left, right);
    this.#path.pop();
  }

  #list(type: ApplyList, left: Value, right: Value): void {
    const [mine, theirs] = [itemsOf(left), itemsOf(right)];
    if (type.relation === "atomic" || (mine.length === 0 && theirs.length === 0)) return this.#whole(left, right);
    // Most lists of most updates are as they were; to look is much cheaper than to bring items together by key.
    if (deepEqual(left, right)) return;
    const [mineByElement, theirsByElement] = [byElement(type, mine), byElement(type, theirs)];
    for (const element of new Set([...mineByElement.keys(), ...theirsByElement.keys()])) {
      this.#path.push(element);
      this.#item(type, mineByElement.get(element) ?? [], theirsByElement.get(element) ?? []);
      this.#path.pop();
    }
    this.#presence(left, right);
  }

  /** The items of one key; more than one of a key count as one value. */
  #item(type: ApplyList, mine: readonly JsonValue[], theirs: readonly JsonValue[]): void {
    if (mine.length < 2 && theirs.length < 2) return this.compare(type.items, mine[0], theirs[0]);
    if (mine.length >= 2 && theirs.length >= 2) {
      if (!deepEqual(mine, theirs)) this.modified.insert(this.#path);
    } else if (mine.length >= 2) {
      if (theirs.length > 0) this.compare(type.items, undefined, theirs[0]);
      this.removed.insert(this.#path);
    } else {
      if (mine.length > 0) this.compare(type.items, mine[0], undefined);
      this.added.insert(this.#path);
    }
  }

  #deduced(atomic: boolean, left: Value, right: Value): void {
    if (atomic) return this.#whole(left, right);
    const [leftIsMap, rightIsMap] = [isObject(left), isObject(right)];
    if (leftIsMap && (rightIsMap || right === undefined)) return this.#map(deducedMap, left, right);
    if (rightIsMap && left === undefined) return this.#map(deducedMap, left, right);
    // A map became something else, or the other way round: its fields and it itself.
    if (leftIsMap) this.#map(deducedMap, left, null);
    else if (rightIsMap) this.#map(deducedMap, null, right);
    this.#whole(left, right);
  }
}

/** Undefined for what is no map, or an empty one. */
function entriesOf(value: Value): JsonObject | undefined {
  return isObject(value) && Object.keys(value).length > 0 ? value : undefined;
}

function itemsOf(value: Value): readonly JsonValue[] {
  return isList(value) ? value : [];
}

function byElement(type: ApplyList, items: readonly JsonValue[]): ReadonlyMap<PathElement, readonly JsonValue[]> {
  const found = new Map<PathElement, JsonValue[]>();
  for (const item of items) {
    const element = itemElement(type, item);
    const same = found.get(element);
    if (same === undefined) found.set(element, [item]);
    else same.push(item);
  }
  return found;
}
