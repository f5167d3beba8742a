/** Ranges of keys as etcd's requests give them, turned into half-open intervals of byte strings. */
import { prefixEnd, toByteString, type ByteString } from "@triarch/base";

export interface KeyRange {
  readonly start: ByteString;
  /** Not included; undefined: no end. For one key it is the key's immediate successor. */
  readonly end: ByteString | undefined;
  /** Made of one key, without a range end. */
  readonly single: boolean;
}

/** @param rangeEnd empty: the one key; `"\0"`: every key from `key` on; else not included */
export function keyRange(key: Uint8Array, rangeEnd: Uint8Array): KeyRange {
  const start = toByteString(key);
  if (rangeEnd.length === 0) return { start, end: successor(start), single: true };
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return { start, end: undefined, single: false };
  return { start, end: toByteString(rangeEnd), single: false };
}

/** The least key after `key`. */
export function successor(key: ByteString): ByteString {
  return `${key}\0`;
}

export function isInRange(key: ByteString, range: KeyRange): boolean {
  return key >= range.start && (range.end === undefined || key < range.end);
}

/** Whether `[key, rangeEnd)` is all keys that start with `key`. */
export function isPrefixRange(key: Uint8Array, rangeEnd: Uint8Array): boolean {
  const end = prefixEnd(key);
  return end.length === rangeEnd.length && end.every((byte, i) => byte === rangeEnd[i]);
}
