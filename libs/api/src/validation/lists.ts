// Lists with a most number of items. Of a list that is too long the items are not looked at: that would cost too much.
import { duplicate, tooMany } from "../meta/field-error.ts";
import type { Errors } from "./basics.ts";

/** Judges one item, at its path: `spec.devices[2]`. */
export type ItemCheck<T> = (item: T, path: string) => void;

export function checkItems<T>(
  errors: Errors,
  path: string,
  items: readonly T[],
  { max, check }: { readonly max: number; readonly check: ItemCheck<T> },
): void {
  if (items.length > max) errors.push(tooMany(path, items.length, max));
  else items.forEach((item, i) => check(item, `${path}[${i}]`));
}

/** The same where no two items may have one key. First comes what is wrong with items, then which came before. */
export function checkSet<T>(
  errors: Errors,
  path: string,
  items: readonly T[],
  rules: { readonly max: number; readonly check: ItemCheck<T>; readonly keyOf: (item: T) => string },
): void {
  checkItems(errors, path, items, rules);
  if (items.length > rules.max) return;
  const seen = new Set<string>();
  items.forEach((item, i) => {
    const key = rules.keyOf(item);
    if (seen.has(key)) errors.push(duplicate(`${path}[${i}]`, key));
    seen.add(key);
  });
}
