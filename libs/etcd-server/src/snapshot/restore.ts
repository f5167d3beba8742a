import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { equalBytes } from "@triarch/base";
import { BboltError, openBbolt, verifyTrailer, type BboltReader } from "@triarch/bbolt";
import { decodeRevisionKey, encodeRevisionKey } from "@triarch/mvcc";
import { buckets, openLevelStore, type Bucket, type BucketRow, type LevelStore } from "@triarch/store-level";
import { Membership, memberRow, type InitialMember } from "../members/membership.ts";
import { memberDataDir } from "../server/data-dir.ts";
import { metaKeys } from "../server/meta-keys.ts";
import { pause } from "../server/pause.ts";
import { checkRows, type CheckedRows } from "./check-rows.ts";
import { openSnapshotSource } from "./snapshot-source.ts";

/** More revisions than a cluster makes between a snapshot and the disaster, so that no client has seen a later one. */
export const restoreRevisionBumpDefault = 1_000_000_000;

export interface RestoreOptions {
  /** An etcd snapshot file, ours or etcd's. */
  readonly file: string;
  /** The new member's directory: as `StoreOptions.dataDir`. */
  readonly dataDir: string;
  /** All members of the new cluster; each restores from the same file. */
  readonly members: readonly InitialMember[];
  /** A token the old cluster did not have: it makes the cluster and all members new ones, which the old ones refuse. */
  readonly clusterToken: string;
  /**
   * Revisions to skip. All history is also marked compacted, so that every watcher lists anew instead of missing what
   * was undone. Default `restoreRevisionBumpDefault`; 0: neither.
   */
  readonly bumpRevision?: number;
  /** For a file without the checksum at its end, such as a copied `member/snap/db`. */
  readonly skipHashCheck?: boolean;
  /** For an encrypted file. */
  readonly keyFile?: string;
}

export interface RestoreResult {
  /** Of the restored store. */
  readonly revision: number;
  /** Of the file. */
  readonly snapshotRevision: number;
  readonly rows: number;
}

/** What the new cluster does not take over: who the old members were, and their alarms. */
const bucketsLeft: readonly Bucket[] = ["meta", "members", "members_removed", "cluster", "alarm"];
const writeBatchBytes = 1024 * 1024;

/**
 * Writes a fresh member directory from a snapshot file. The log starts empty, with the initial members, when the member
 * first starts. The whole file is checked before anything is written: checksum, tree, rows. On a failure nothing is left
 * of the directory.
 *
 * @throws BboltError the file is damaged or not a snapshot
 * @throws EncryptionError it is encrypted: the key is missing or another, or the file was altered
 * @throws Error the directory holds a member
 */
export async function restoreIntoDataDir(options: RestoreOptions): Promise<RestoreResult> {
  const dir = memberDataDir(options.dataDir);
  if (existsSync(dir.root)) {
    throw new Error(`${dir.root} holds a member already; move it aside or choose another data directory`);
  }
  const source = await openSnapshotSource(options.file, options.keyFile);
  try {
    if (options.skipHashCheck !== true) await verifyTrailer(source, createHash("sha256"));
    const reader = await openBbolt(source);
    const { revision } = await checkRestorable(reader);
    const bump = options.bumpRevision ?? restoreRevisionBumpDefault;
    if (!Number.isSafeInteger(bump) || bump < 0 || !Number.isSafeInteger(revision + bump)) {
      throw new RangeError(`revisions cannot go on at ${revision} + ${bump}`);
    }
    await mkdir(dir.root, { recursive: true, mode: 0o700 });
    try {
      const result = await writeDatabase(reader, dir.incoming, options);
      await rename(dir.incoming, dir.database);
      return result;
    } catch (error) {
      await rm(dir.root, { recursive: true, force: true });
      throw error;
    }
  } finally {
    await source.close();
  }
}

/** Reads the whole file. @throws BboltError saying why it cannot be restored */
export async function checkRestorable(reader: BboltReader): Promise<CheckedRows> {
  if (!reader.bucketNames.includes("key")) {
    throw new BboltError("corrupt", 'it has no "key" bucket, so it is no etcd snapshot');
  }
  const { scheduled, finished } = await compactRevisions(reader);
  return checkRows(reader, Math.max(revisionOf(scheduled), revisionOf(finished)));
}

async function writeDatabase(reader: BboltReader, directory: string, options: RestoreOptions): Promise<RestoreResult> {
  const level = await openLevelStore({ directory });
  try {
    return await fillDatabase(reader, level, options);
  } finally {
    await level.close();
  }
}

async function fillDatabase(reader: BboltReader, level: LevelStore, options: RestoreOptions): Promise<RestoreResult> {
  const members = Membership.initial(options.members, options.clusterToken).list();
  await level.write(members.map((member) => ({ bucket: "members", ...memberRow(member) })));
  let snapshotRevision = 1;
  let rows = 0;
  for (const bucket of buckets) {
    if (bucketsLeft.includes(bucket) || !reader.bucketNames.includes(bucket)) continue;
    rows += await copyBucket(reader, bucket, level, (key) => {
      if (bucket === "key") snapshotRevision = decodeRevisionKey(key)?.main ?? snapshotRevision;
    });
  }
  const bump = options.bumpRevision ?? restoreRevisionBumpDefault;
  const old = await compactRevisions(reader);
  snapshotRevision = Math.max(snapshotRevision, revisionOf(old.scheduled));
  const revision = snapshotRevision + bump;
  const scheduled = bump > 0 ? encodeRevisionKey(revision, 0) : old.scheduled;
  const meta: BucketRow[] = [];
  if (scheduled !== undefined) meta.push({ bucket: "meta", key: metaKeys.scheduledCompactRevision, value: scheduled });
  if (old.finished !== undefined)
    meta.push({ bucket: "meta", key: metaKeys.finishedCompactRevision, value: old.finished });
  await level.write(meta);
  return { revision, snapshotRevision, rows };
}

async function copyBucket(
  reader: BboltReader,
  bucket: Bucket,
  level: LevelStore,
  onKey: (key: Uint8Array) => void,
): Promise<number> {
  let batch: BucketRow[] = [];
  let batchBytes = 0;
  let count = 0;
  for await (const rows of reader.rows(bucket)) {
    for (const [key, value] of rows) {
      onKey(key);
      batch.push({ bucket, key, value });
      batchBytes += key.length + value.length;
      count += 1;
    }
    if (batchBytes < writeBatchBytes) continue;
    await level.write(batch);
    await pause();
    batch = [];
    batchBytes = 0;
  }
  await level.write(batch);
  return count;
}

interface CompactRevisions {
  readonly scheduled: Uint8Array | undefined;
  readonly finished: Uint8Array | undefined;
}

async function compactRevisions(reader: BboltReader): Promise<CompactRevisions> {
  const scheduled = await findRow(reader, "meta", metaKeys.scheduledCompactRevision);
  const finished = await findRow(reader, "meta", metaKeys.finishedCompactRevision);
  return { scheduled, finished };
}

function revisionOf(row: Uint8Array | undefined): number {
  return row === undefined ? 0 : (decodeRevisionKey(row)?.main ?? 0);
}

/** For buckets of few rows. */
async function findRow(reader: BboltReader, bucket: Bucket, wanted: Uint8Array): Promise<Uint8Array | undefined> {
  if (!reader.bucketNames.includes(bucket)) return undefined;
  for await (const rows of reader.rows(bucket)) {
    for (const [key, value] of rows) if (equalBytes(key, wanted)) return value.slice();
  }
  return undefined;
}
