/**
 * How rows lie in LevelDB: the key is one letter for the bucket and the row's own key; the value is followed by a
 * CRC32-C (little-endian) of key and value, because LevelDB does not check its blocks on read.
 */
import { crc32c } from "@triarch/base";
import { LevelStoreError } from "./errors.ts";

/** etcd's buckets. Source: etcd server/storage/schema/bucket.go. */
export const bucketLetters = {
  key: "k",
  meta: "m",
  lease: "l",
  alarm: "a",
  members: "c",
  members_removed: "r",
  cluster: "v",
  auth: "h",
  authUsers: "u",
  authRoles: "o",
} as const;

export type Bucket = keyof typeof bucketLetters;
export const buckets = Object.keys(bucketLetters) as readonly Bucket[];

const checksumBytes = 4;

export function bucketPrefix(bucket: Bucket): number {
  return bucketLetters[bucket].charCodeAt(0);
}

export function storedKey(bucket: Bucket, key: Uint8Array): Uint8Array {
  const stored = new Uint8Array(1 + key.length);
  stored[0] = bucketPrefix(bucket);
  stored.set(key, 1);
  return stored;
}

export function storedValue(storedKey: Uint8Array, value: Uint8Array): Uint8Array {
  const stored = new Uint8Array(value.length + checksumBytes);
  stored.set(value);
  new DataView(stored.buffer).setUint32(value.length, crc32c(value, crc32c(storedKey)), true);
  return stored;
}

/** @returns a view of `stored` without the checksum. @throws LevelStoreError "damaged" */
export function checkedValue(storedKey: Uint8Array, stored: Uint8Array, directory: string): Uint8Array {
  const length = stored.length - checksumBytes;
  const value = new Uint8Array(stored.buffer, stored.byteOffset, Math.max(length, 0));
  const checksum =
    length < 0 ? -1 : new DataView(stored.buffer, stored.byteOffset + length, checksumBytes).getUint32(0, true);
  if (checksum !== crc32c(value, crc32c(storedKey))) {
    const name = `${String.fromCharCode(storedKey[0] ?? 0x3f)} ${Buffer.from(storedKey.subarray(1)).toString("hex")}`;
    throw new LevelStoreError({ code: "damaged" }, directory, `the checksum of row ${name} does not match`);
  }
  return value;
}
