/**
 * A revision names one change: `main` counts the transactions that changed something, `sub` the changes in one.
 *
 * As a row key it is 17 bytes, big-endian so that byte order is revision order: main u64, `_`, sub u64; a tombstone's
 * key has an 18th byte, `t`. Source: etcd server/storage/mvcc/revision.go.
 */
import { assert } from "@triarch/base";

export interface Revision {
  readonly main: number;
  readonly sub: number;
}

export const revisionKeyBytes = 17;
const separator = 0x5f; // "_"
const tombstoneMark = 0x74; // "t"
const high = 2 ** 32;

export function encodeRevisionKey(main: number, sub: number, tombstone = false): Uint8Array {
  assert(Number.isSafeInteger(main) && main >= 0, `revision ${main} is not an integer of 0 to 2^53-1`);
  const key = new Uint8Array(tombstone ? revisionKeyBytes + 1 : revisionKeyBytes);
  putUint64(key, 0, main);
  key[8] = separator;
  putUint64(key, 9, sub);
  if (tombstone) key[17] = tombstoneMark;
  return key;
}

/** @returns undefined when `key` is not a revision key */
export function decodeRevisionKey(key: Uint8Array): (Revision & { readonly tombstone: boolean }) | undefined {
  const tombstone = key.length === revisionKeyBytes + 1 && key[17] === tombstoneMark;
  if ((key.length !== revisionKeyBytes && !tombstone) || key[8] !== separator) return undefined;
  const main = getUint64(key, 0);
  const sub = getUint64(key, 9);
  return Number.isSafeInteger(main) && Number.isSafeInteger(sub) ? { main, sub, tombstone } : undefined;
}

function putUint64(bytes: Uint8Array, offset: number, value: number): void {
  let upper = Math.floor(value / high);
  let lower = value % high;
  for (let i = 3; i >= 0; i--) {
    bytes[offset + i] = upper & 0xff;
    upper >>>= 8;
    bytes[offset + 4 + i] = lower & 0xff;
    lower = Math.floor(lower / 256);
  }
}

function getUint64(bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (let i = 0; i < 8; i++) value = value * 256 + (bytes[offset + i] as number);
  return value;
}
