/**
 * Which watchers care for a key. Watchers of the same range share a group, so an event is matched and built once for
 * all of them. One key and prefixes are found by hash (one probe for each distinct prefix length); other ranges are
 * tried one by one.
 */
import type { ByteString } from "@triarch/base";
import { isInRange, isPrefixRange, keyRange, type KeyRange } from "./key-range.ts";

export class WatchGroup<W> {
  readonly range: KeyRange;
  readonly watchers = new Set<W>();

  constructor(range: KeyRange) {
    this.range = range;
  }
}

export class WatchIndex<W> {
  readonly #single = new Map<ByteString, WatchGroup<W>>();
  readonly #prefixes = new Map<ByteString, WatchGroup<W>>();
  /** Distinct prefix lengths and how many prefixes have each. */
  readonly #prefixLengths = new Map<number, number>();
  readonly #ranges = new Map<string, WatchGroup<W>>();

  add(key: Uint8Array, rangeEnd: Uint8Array, watcher: W): WatchGroup<W> {
    const range = keyRange(key, rangeEnd);
    const { table, name } = this.#place(range, isPrefixRange(key, rangeEnd));
    let group = table.get(name);
    if (group === undefined) {
      group = new WatchGroup<W>(range);
      table.set(name, group);
      if (table === this.#prefixes) this.#countPrefix(name.length, 1);
    }
    group.watchers.add(watcher);
    return group;
  }

  remove(group: WatchGroup<W>, watcher: W): void {
    group.watchers.delete(watcher);
    if (group.watchers.size > 0) return;
    const { start } = group.range;
    if (this.#single.get(start) === group) this.#single.delete(start);
    else if (this.#prefixes.get(start) === group) {
      this.#prefixes.delete(start);
      this.#countPrefix(start.length, -1);
    } else this.#ranges.delete(rangeName(group.range));
  }

  matching(key: ByteString): WatchGroup<W>[] {
    const groups: WatchGroup<W>[] = [];
    const single = this.#single.get(key);
    if (single !== undefined) groups.push(single);
    for (const length of this.#prefixLengths.keys()) {
      if (length > key.length) continue;
      const group = this.#prefixes.get(key.slice(0, length));
      if (group !== undefined) groups.push(group);
    }
    for (const group of this.#ranges.values()) if (isInRange(key, group.range)) groups.push(group);
    return groups;
  }

  *groups(): Iterable<WatchGroup<W>> {
    yield* this.#single.values();
    yield* this.#prefixes.values();
    yield* this.#ranges.values();
  }

  #place(range: KeyRange, prefix: boolean): { table: Map<string, WatchGroup<W>>; name: string } {
    if (range.single) return { table: this.#single, name: range.start };
    if (prefix && range.end !== undefined) return { table: this.#prefixes, name: range.start };
    return { table: this.#ranges, name: rangeName(range) };
  }

  #countPrefix(length: number, change: 1 | -1): void {
    const count = (this.#prefixLengths.get(length) ?? 0) + change;
    if (count === 0) this.#prefixLengths.delete(length);
    else this.#prefixLengths.set(length, count);
  }
}

function rangeName({ start, end }: KeyRange): string {
  return `${start.length}:${start}${end === undefined ? "" : `:${end}`}`;
}
