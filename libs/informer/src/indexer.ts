import type { KubeObject } from "@triarch/client";
import { namespaceIndex, type Lister } from "./types.ts";

/** Gives the values under which an object is found in one index. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** `namespace/name`, or `name` for cluster-scoped objects. */
export function objectKey(object: KubeObject): string {
  const { namespace, name } = object.metadata ?? {};
  return namespace === undefined || namespace === "" ? (name ?? "") : `${namespace}/${name ?? ""}`;
}

export function splitKey(key: string): { readonly namespace?: string; readonly name: string } {
  const slash = key.indexOf("/");
  return slash === -1 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Objects by key, with secondary indexes that are kept at each change. */
export class Indexer<T extends KubeObject> implements Lister<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, { readonly of: IndexFunction<T>; readonly keys: Map<string, Set<string>> }>();

  constructor(indexers: Readonly<Record<string, IndexFunction<T>>> = {}) {
    const all = { [namespaceIndex]: (object: T) => [object.metadata?.namespace ?? ""], ...indexers };
    for (const [name, of] of Object.entries(all)) this.#indexes.set(name, { of, keys: new Map() });
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new RangeError(`there is no index named "${index}"`);
    return [...(found.keys.get(value) ?? [])].map((key) => this.#objects.get(key) as T);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  /** @returns what was there before */
  set(key: string, object: T): T | undefined {
    const previous = this.#objects.get(key);
    if (previous !== undefined) this.#unindex(key, previous);
    this.#objects.set(key, object);
    for (const { of, keys } of this.#indexes.values()) {
      for (const value of of(object)) {
        const members = keys.get(value);
        if (members === undefined) keys.set(value, new Set([key]));
        else members.add(key);
      }
    }
    return previous;
  }

  delete(key: string): T | undefined {
    const previous = this.#objects.get(key);
    if (previous === undefined) return undefined;
    this.#unindex(key, previous);
    this.#objects.delete(key);
    return previous;
  }

  #unindex(key: string, object: T): void {
    for (const { of, keys } of this.#indexes.values()) {
      for (const value of of(object)) {
        const members = keys.get(value);
        members?.delete(key);
        if (members?.size === 0) keys.delete(value);
      }
    }
  }
}
