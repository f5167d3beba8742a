// Order in strategic merge patches. A merged list has two sorts of items: those the patch names, in the patch's order,
// and those only the stored object has, in its order. The two are woven together: an item of the patch comes first
// unless the stored list has both and the other way round. So a new item without place stands in front.
import type { JsonValue } from "../json.ts";
import { isList, isObject, type MutableValue, ownField } from "../meta/mutable.ts";
import { goValueText, malformedPatch } from "./patch-error.ts";

/** What identifies an item: the value of its merge key, or the item itself in a list of scalars. */
export function identity(item: JsonValue, mergeKey: string | undefined): JsonValue {
  if (mergeKey === undefined || !isObject(item)) return item;
  const value = ownField(item, mergeKey);
  if (value === undefined) {
    throw malformedPatch(`map: ${goValueText(item)} does not contain declared merge key: ${mergeKey}`);
  }
  return value;
}

/** Equal texts for equal values, whatever the order of their fields, and only for these. */
export function valueText(value: JsonValue): string {
  if (isList(value)) return `[${value.map(valueText).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const fields = Object.keys(value)
    .filter((name) => value[name] !== undefined)
    .sort();
  return `{${fields.map((name) => `${JSON.stringify(name)}:${valueText(value[name] ?? null)}`).join(",")}}`;
}

export function valueTexts(values: readonly JsonValue[]): ReadonlySet<string> {
  return new Set(values.map(valueText));
}

/** Where the items of a list are, by what identifies them: the first of equals. A lookup costs the same in any list. */
export class ItemIndex {
  readonly #mergeKey: string | undefined;
  readonly #positions = new Map<string, number>();
  /** An item without merge key is only a fault where the search would have come past it. */
  #firstWithoutKey: JsonValue | undefined;
  #length = 0;

  constructor(list: readonly JsonValue[], mergeKey: string | undefined) {
    this.#mergeKey = mergeKey;
    for (const item of list) this.push(item);
  }

  push(item: JsonValue): void {
    const position = this.#length++;
    if (this.#firstWithoutKey !== undefined) return;
    const hasKey = this.#mergeKey === undefined || !isObject(item) || ownField(item, this.#mergeKey) !== undefined;
    if (!hasKey) {
      this.#firstWithoutKey = item;
      return;
    }
    const text = valueText(identity(item, this.#mergeKey));
    if (!this.#positions.has(text)) this.#positions.set(text, position);
  }

  /** @returns -1 where the list has none. @throws PatchError 400 when the search meets an item without merge key */
  positionOf(wanted: JsonValue): number {
    const position = this.#positions.get(valueText(wanted));
    if (position === undefined && this.#firstWithoutKey !== undefined) identity(this.#firstWithoutKey, this.#mergeKey);
    return position ?? -1;
  }
}

export interface Orders {
  /** Order the patch wants for the items it names. */
  readonly patchOrder: readonly JsonValue[];
  /** Order of the stored list before the patch. */
  readonly storedOrder: readonly JsonValue[];
  readonly mergeKey: string | undefined;
}

/** Cost: O(n log n) in the length of the lists. */
export function orderMerged(merged: readonly MutableValue[], orders: Orders): MutableValue[] {
  const { patchOrder, storedOrder, mergeKey } = orders;
  const [patchIndex, storedIndex] = [new ItemIndex(patchOrder, mergeKey), new ItemIndex(storedOrder, mergeKey)];
  const placed = merged.map((item) => {
    const key = identity(item, mergeKey);
    return { item, inPatch: patchIndex.positionOf(key), inStored: storedIndex.positionOf(key) };
  });
  const named = placed.filter((one) => one.inPatch >= 0).sort((left, right) => left.inPatch - right.inPatch);
  const others = placed.filter((one) => one.inPatch < 0).sort((left, right) => left.inStored - right.inStored);
  const woven: MutableValue[] = [];
  let [n, o] = [0, 0];
  while (n < named.length || o < others.length) {
    const [fromPatch, stored] = [named[n], others[o]];
    const storedFirst =
      fromPatch === undefined ||
      (stored !== undefined && fromPatch.inStored >= 0 && stored.inStored >= 0 && stored.inStored < fromPatch.inStored);
    if (storedFirst && stored !== undefined) {
      woven.push(stored.item);
      o++;
    } else if (fromPatch !== undefined) {
      woven.push(fromPatch.item);
      n++;
    }
  }
  return woven;
}

/** The items of a patch's list must come in the order that its `$setElementOrder` list gives them. */
export function checkSetElementOrder(
  patchList: readonly JsonValue[],
  order: readonly JsonValue[],
  mergeKey: string | undefined,
): void {
  const positions = Map.groupBy(order.keys(), (i) => valueText(identity(order[i] ?? null, mergeKey)));
  const next = new Map<string, number>();
  let from = 0;
  for (const item of patchList) {
    if (isObject(item) && item["$patch"] !== undefined) continue;
    const wanted = valueText(identity(item, mergeKey));
    const all = positions.get(wanted) ?? [];
    let at = next.get(wanted) ?? 0;
    while (at < all.length && (all[at] ?? 0) < from) at++;
    next.set(wanted, at + 1);
    const found = all[at];
    if (found === undefined) {
      throw malformedPatch(
        `The order in patch list:\n${goValueText(patchList)}\n doesn't match $setElementOrder list:\n${goValueText(order)}\n`,
      );
    }
    from = found + 1;
  }
}
