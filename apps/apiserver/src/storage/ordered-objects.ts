// The current state of one resource in key order: namespaces, and in each its names, as sorted arrays side by side.
// A lookup is a binary search; an insert moves the tail of one namespace (100,000 names: tens of microseconds); a whole
// list copies references. Order is that of the store's keys, so that pages from here and from the store fit together.
import type { ObjectKey } from "./types.ts";
import type { StoredObject } from "./stored-object.ts";

interface Bucket {
  readonly namespace: string;
  readonly names: string[];
  readonly objects: StoredObject[];
}

export class OrderedObjects {
  readonly #buckets: Bucket[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get({ namespace, name }: ObjectKey): StoredObject | undefined {
    const bucket = this.#bucket(namespace);
    if (bucket === undefined) return undefined;
    const at = position(bucket.names, name);
    return bucket.names[at] === name ? bucket.objects[at] : undefined;
  }

  /** @returns what was there before */
  set(object: StoredObject): StoredObject | undefined {
    const bucket = this.#bucket(object.namespace) ?? this.#addBucket(object.namespace);
    const at = position(bucket.names, object.name);
    if (bucket.names[at] === object.name) {
      const previous = bucket.objects[at];
      bucket.objects[at] = object;
      return previous;
    }
    bucket.names.splice(at, 0, object.name);
    bucket.objects.splice(at, 0, object);
    this.#count += 1;
    return undefined;
  }

  /** @returns what was there */
  remove({ namespace, name }: ObjectKey): StoredObject | undefined {
    const bucket = this.#bucket(namespace);
    if (bucket === undefined) return undefined;
    const at = position(bucket.names, name);
    if (bucket.names[at] !== name) return undefined;
    bucket.names.splice(at, 1);
    const [removed] = bucket.objects.splice(at, 1);
    this.#count -= 1;
    if (bucket.names.length === 0) this.#buckets.splice(this.#buckets.indexOf(bucket), 1);
    return removed;
  }

  /** A copy in key order. @param namespace empty: all */
  list(namespace: string): StoredObject[] {
    if (namespace !== "") return this.#bucket(namespace)?.objects.slice() ?? [];
    if (this.#buckets.length === 1) return this.#buckets[0]?.objects.slice() ?? [];
    return this.#buckets.flatMap((bucket) => bucket.objects);
  }

  #bucket(namespace: string): Bucket | undefined {
    const bucket = this.#buckets[this.#bucketPosition(namespace)];
    return bucket?.namespace === namespace ? bucket : undefined;
  }

  #addBucket(namespace: string): Bucket {
    const bucket: Bucket = { namespace, names: [], objects: [] };
    this.#buckets.splice(this.#bucketPosition(namespace), 0, bucket);
    return bucket;
  }

  #bucketPosition(namespace: string): number {
    const wanted = `${namespace}/`;
    return firstIndex(this.#buckets.length, (at) => `${this.#buckets[at]?.namespace ?? ""}/` >= wanted);
  }
}

/** Where `name` is, or would be. Most additions come in order, so the end is tried first. */
function position(names: readonly string[], name: string): number {
  const last = names.at(-1);
  if (last === undefined || last < name) return names.length;
  return firstIndex(names.length, (at) => (names[at] as string) >= name);
}

/** The first index below `length` for which `isAtOrAfter` holds, or `length`. It holds from some index on. */
export function firstIndex(length: number, isAtOrAfter: (at: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAtOrAfter(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
