/**
 * Where rows live. The store reads through this and never writes: each change hands out the rows to persist, and the
 * caller writes them, with the applied index, in its own batches.
 */
import { compareBytes, fromByteString, toByteString, type ByteString } from "@triarch/base";

/** `key` is a revision key, `value` an encoded `mvccpb.KeyValue`. */
export interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** The rows of the `key` bucket, ordered by key. */
export interface RowBackend {
  getSync(key: Uint8Array): Uint8Array | undefined;
  /** All rows in key order, in batches, as they were when iteration began. */
  rows(): AsyncIterable<readonly Row[]>;
}

/** Lets other work run; the edge passes something like `setImmediate`. Long work calls it between bounded slices. */
export type Pause = () => Promise<void>;

/** Rows in memory: the twin of the real backend in tests, and a store without a disk. */
export class MemoryBackend implements RowBackend {
  readonly #rows = new Map<ByteString, Uint8Array>();

  get size(): number {
    return this.#rows.size;
  }

  getSync(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(toByteString(key));
  }

  write(batch: { readonly puts?: readonly Row[]; readonly deletes?: readonly Uint8Array[] }): void {
    for (const { key, value } of batch.puts ?? []) this.#rows.set(toByteString(key), value);
    for (const key of batch.deletes ?? []) this.#rows.delete(toByteString(key));
  }

  async *rows(): AsyncIterable<readonly Row[]> {
    const all = [...this.#rows].map(([key, value]) => ({ key: fromByteString(key), value }));
    all.sort((left, right) => compareBytes(left.key, right.key));
    for (let start = 0; start < all.length; start += 1000) yield all.slice(start, start + 1000);
  }
}
