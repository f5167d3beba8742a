// The current state of one resource in key order: namespaces, and in each its names. A lookup is a few binary searches; a
// whole list copies references. Order is that of the store's keys, so that pages from here and from the store fit together.
import { ChunkedMap, firstIndex } from "./chunked-map.ts";
import type { ObjectKey } from "./types.ts";
import type { StoredObject } from "./stored-object.ts";

interface Bucket {
  readonly namespace: string;
  readonly objects: ChunkedMap<StoredObject>;
}

export class OrderedObjects {
  readonly #buckets: Bucket[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get({ namespace, name }: ObjectKey): StoredObject | undefined {
    return this.#bucket(namespace)?.objects.get(name);
  }

  /** @returns what was there before */
  set(object: StoredObject): StoredObject | undefined {
    const { objects } = this.#bucket(object.namespace) ?? this.#addBucket(object.namespace);
    const previous = objects.set(object.name, object);
    if (previous === undefined) this.#count += 1;
    return previous;
  }

  /** @returns what was there */
  remove({ namespace, name }: ObjectKey): StoredObject | undefined {
    const bucket = this.#bucket(namespace);
    const removed = bucket?.objects.delete(name);
    if (bucket === undefined || removed === undefined) return undefined;
    this.#count -= 1;
    if (bucket.objects.size === 0) this.#buckets.splice(this.#buckets.indexOf(bucket), 1);
    return removed;
  }

  /** A copy in key order. @param namespace empty: all */
  list(namespace: string): StoredObject[] {
    if (namespace !== "") return this.#bucket(namespace)?.objects.values() ?? [];
    return this.#buckets.flatMap(({ objects }) => objects.values());
  }

  #bucket(namespace: string): Bucket | undefined {
    const bucket = this.#buckets[this.#bucketPosition(namespace)];
    return bucket?.namespace === namespace ? bucket : undefined;
  }

  #addBucket(namespace: string): Bucket {
    const bucket: Bucket = { namespace, objects: new ChunkedMap() };
    this.#buckets.splice(this.#bucketPosition(namespace), 0, bucket);
    return bucket;
  }

  #bucketPosition(namespace: string): number {
    const wanted = `${namespace}/`;
    return firstIndex(this.#buckets.length, (at) => `${this.#buckets[at]?.namespace ?? ""}/` >= wanted);
  }
}
