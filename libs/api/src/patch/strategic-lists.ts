// Order in strategic merge patches. A merged list has two sorts of items: those the patch names, in the patch's order,
// and those only the stored object has, in its order. The two are woven together: an item of the patch comes first
// unless the stored list has both and the other way round. So a new item without place stands in front.
import type { JsonValue } from "../json.ts";
import { deepEqual, isObject, type MutableValue, ownField } from "../meta/mutable.ts";
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

export function indexOfItem(list: readonly JsonValue[], wanted: JsonValue, mergeKey: string | undefined): number {
  return list.findIndex((item) => deepEqual(identity(item, mergeKey), wanted));
}

export interface Orders {
  /** Order the patch wants for the items it names. */
  readonly patchOrder: readonly JsonValue[];
  /** Order of the stored list before the patch. */
  readonly storedOrder: readonly JsonValue[];
  readonly mergeKey: string | undefined;
}

/** Cost: O(n²) in the length of the lists at worst, as every position is looked up. */
export function orderMerged(merged: readonly MutableValue[], orders: Orders): MutableValue[] {
  const { patchOrder, storedOrder, mergeKey } = orders;
  const placed = merged.map((item) => {
    const key = identity(item, mergeKey);
    return {
      item,
      inPatch: indexOfItem(patchOrder, key, mergeKey),
      inStored: indexOfItem(storedOrder, key, mergeKey),
    };
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
  let from = 0;
  for (const item of patchList) {
    if (isObject(item) && item["$patch"] !== undefined) continue;
    const wanted = identity(item, mergeKey);
    const found = order.findIndex((one, i) => i >= from && deepEqual(identity(one, mergeKey), wanted));
    if (found < 0) {
      throw malformedPatch(
        `The order in patch list:\n${goValueText(patchList)}\n doesn't match $setElementOrder list:\n${goValueText(order)}\n`,
      );
    }
    from = found + 1;
  }
}
