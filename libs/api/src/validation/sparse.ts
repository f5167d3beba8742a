// Objects under validation may lack any field that their type demands: that is what validation finds out.
import type { JsonObject } from "../json.ts";
import { typed } from "../meta/mutable.ts";

/** `T` with every field optional, all the way down; maps stay maps. */
export type Sparse<T> = T extends readonly (infer Item)[]
  ? readonly Sparse<Item>[]
  : string extends keyof T
    ? { readonly [Key in keyof T]: Sparse<T[Key]> }
    : T extends object
      ? { readonly [Key in keyof T]?: Sparse<T[Key]> }
      : T;

/** `typed` for readers that expect any field to be missing. Same demands on the object, same cost. */
export function sparse<T>(object: JsonObject): Sparse<T> {
  return typed<Sparse<T>>(object);
}
