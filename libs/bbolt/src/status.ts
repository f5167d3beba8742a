import { crc32c, utf8, utf8Text } from "@triarch/base";
import { keyBucketName, view, type Sha256 } from "./format.ts";
import { openBbolt, verifyTrailer, type ByteSource } from "./reader.ts";

/** What `snapshot status` shows. */
export interface SnapshotStatus {
  /** CRC32-C over every bucket name, key and value in order; the same number that etcdctl prints. */
  readonly hash: number;
  /** Main revision of the last row of the `key` bucket. */
  readonly revision: number;
  /** Rows of all buckets. */
  readonly totalKeys: number;
  readonly totalSizeBytes: number;
}

/**
 * Checks the file's checksum and whole tree, and sums it up.
 * @throws BboltError; also when there is no `key` bucket
 * Cost: reads the file twice, one page in memory at a time.
 */
export async function snapshotStatus(source: ByteSource, sha256: Sha256): Promise<SnapshotStatus> {
  await verifyTrailer(source, sha256);
  const file = await openBbolt(source);
  let hash = 0;
  let revision = 0;
  let totalKeys = 0;
  const keyBucket = utf8Text(keyBucketName);
  for (const name of file.bucketNames) {
    hash = crc32c(utf8(name), hash);
    for await (const rows of file.rows(name)) {
      for (const [key, value] of rows) {
        hash = crc32c(value, crc32c(key, hash));
        totalKeys += 1;
        if (name === keyBucket && key.length >= 8) revision = Number(view(key).getBigUint64(0, false));
      }
    }
  }
  return { hash, revision, totalKeys, totalSizeBytes: source.sizeBytes };
}
