// A map from strings to values in the strings' order, as chunks of sorted arrays: a lookup is two binary searches, an
// insert moves at most one chunk, a whole copy is one pass.
import { assertDefined } from "@triarch/base";

/** Entries of one chunk. A full one is split; an insert at the very end starts a new one instead. */
export const chunkEntriesMax = 512;

interface Chunk<V> {
  readonly keys: string[];
  readonly values: V[];
}

export class ChunkedMap<V> {
  /** Never empty ones, but for a first one. */
  readonly #chunks: Chunk<V>[] = [{ keys: [], values: [] }];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const { keys, values } = this.#chunkOf(key);
    const at = position(keys, key);
    return keys[at] === key ? values[at] : undefined;
  }

  /** @returns what was there before */
  set(key: string, value: V): V | undefined {
    const chunk = this.#chunkOf(key);
    const at = position(chunk.keys, key);
    if (chunk.keys[at] === key) {
      const previous = chunk.values[at];
      chunk.values[at] = value;
      return previous;
    }
    this.#size += 1;
    if (chunk.keys.length < chunkEntriesMax) insert(chunk, at, key, value);
    else this.#insertIntoFull(chunk, at, key, value);
    return undefined;
  }

  /** @returns what was there */
  delete(key: string): V | undefined {
    const chunk = this.#chunkOf(key);
    const at = position(chunk.keys, key);
    if (chunk.keys[at] !== key) return undefined;
    chunk.keys.splice(at, 1);
    const [removed] = chunk.values.splice(at, 1);
    this.#size -= 1;
    if (chunk.keys.length === 0 && this.#chunks.length > 1) this.#chunks.splice(this.#chunks.indexOf(chunk), 1);
    return removed;
  }

  /** A copy, in the keys' order. */
  values(): V[] {
    return this.#chunks.flatMap(({ values }) => values);
  }

  #insertIntoFull(chunk: Chunk<V>, at: number, key: string, value: V): void {
    const next = this.#chunks.indexOf(chunk) + 1;
    if (at === chunkEntriesMax && next === this.#chunks.length) {
      this.#chunks.push({ keys: [key], values: [value] });
      return;
    }
    const half = chunkEntriesMax / 2;
    const second: Chunk<V> = { keys: chunk.keys.splice(half), values: chunk.values.splice(half) };
    this.#chunks.splice(next, 0, second);
    if (at <= half) insert(chunk, at, key, value);
    else insert(second, at - half, key, value);
  }

  /** The last chunk that begins at or before `key`, or the first one. */
  #chunkOf(key: string): Chunk<V> {
    const chunks = this.#chunks;
    const after = firstIndex(chunks.length, (at) => beginsAfter(chunks[at], key));
    return assertDefined(chunks[Math.max(after - 1, 0)], "there is always a chunk");
  }
}

function beginsAfter(chunk: Chunk<unknown> | undefined, key: string): boolean {
  const first = chunk?.keys[0];
  return first !== undefined && first > key;
}

function insert<V>(chunk: Chunk<V>, at: number, key: string, value: V): void {
  chunk.keys.splice(at, 0, key);
  chunk.values.splice(at, 0, value);
}

/** Where `key` is, or would be. Most additions come in order, so the end is tried first. */
function position(keys: readonly string[], key: string): number {
  const last = keys.at(-1);
  if (last === undefined || last < key) return keys.length;
  return firstIndex(keys.length, (at) => (keys[at] as string) >= key);
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
