/**
 * Every key's history, by key and in key order: a hash map beside a list of sorted chunks. A lookup is one hash, an
 * insertion moves at most one chunk, a scan walks chunks. A million keys make about 3,000 chunks.
 */
import { assert, type ByteString } from "@triarch/base";
import { KeyHistory } from "./key-history.ts";

/** A chunk that reaches this splits in two. */
const chunkKeysMax = 512;

export class KeyIndex {
  readonly #byKey = new Map<ByteString, KeyHistory>();
  /** Sorted, none empty. */
  readonly #chunks: KeyHistory[][] = [];

  /** Keys known, the deleted ones not yet compacted away included. */
  get size(): number {
    return this.#byKey.size;
  }

  get(key: ByteString): KeyHistory | undefined {
    return this.#byKey.get(key);
  }

  getOrCreate(key: ByteString): KeyHistory {
    let history = this.#byKey.get(key);
    if (history === undefined) {
      history = new KeyHistory(key);
      this.#byKey.set(key, history);
      this.#insert(history);
    }
    return history;
  }

  remove(key: ByteString): void {
    if (!this.#byKey.delete(key)) return;
    const chunkAt = this.#chunkFor(key);
    const chunk = this.#chunks[chunkAt];
    const at = chunk === undefined ? -1 : lowerBound(chunk, key);
    assert(chunk?.[at]?.key === key, "every key of the map is in a chunk");
    chunk.splice(at, 1);
    if (chunk.length === 0) this.#chunks.splice(chunkAt, 1);
  }

  /**
   * Some keys of `[start, end)`, at least one if there is one, in order: a copy, so the index may change before the
   * next page is asked for with `successor(last key)`.
   * Cost: O(log n + chunk).
   */
  page(start: ByteString, end: ByteString | undefined): readonly KeyHistory[] {
    for (let chunkAt = this.#chunkFor(start); chunkAt < this.#chunks.length; chunkAt++) {
      const chunk = this.#chunks[chunkAt] as KeyHistory[];
      const from = lowerBound(chunk, start);
      if (from === chunk.length) continue;
      const to = end === undefined ? chunk.length : lowerBound(chunk, end);
      return chunk.slice(from, Math.max(from, to));
    }
    return [];
  }

  #insert(history: KeyHistory): void {
    const last = this.#chunks.length - 1;
    const chunkAt = Math.min(this.#chunkFor(history.key), Math.max(last, 0));
    const chunk = this.#chunks[chunkAt];
    if (chunk === undefined) {
      this.#chunks.push([history]);
      return;
    }
    chunk.splice(lowerBound(chunk, history.key), 0, history);
    if (chunk.length < chunkKeysMax) return;
    // Appending in order, as a restore does, leaves full chunks behind instead of half-full ones.
    const appending = chunkAt === last && chunk.at(-1) === history;
    const cut = appending ? chunk.length - 1 : chunk.length >>> 1;
    this.#chunks.splice(chunkAt + 1, 0, chunk.splice(cut));
  }

  /** The first chunk whose last key is at or after `key`; the number of chunks if there is none. */
  #chunkFor(key: ByteString): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = this.#chunks[middle] as KeyHistory[];
      if ((chunk[chunk.length - 1] as KeyHistory).key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function lowerBound(chunk: readonly KeyHistory[], key: ByteString): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((chunk[middle] as KeyHistory).key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
