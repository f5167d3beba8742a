/**
 * One snapshot of a schedule, from the store to a file that is known to be good. It gets its name only when it was
 * restored into a scratch directory and hashed there like the running store; until then it is a `.part` that the next
 * run, or a failure, removes.
 */
import { mkdir, open, readdir, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { SnapshotFile } from "../server/etcd-server.ts";
import { readSnapshotKey, sealed, sealedSizeBytes } from "./encryption.ts";
import { expired, parseSnapshotName, snapshotName, type SnapshotSchedule } from "./schedule.ts";
import { verifyInWorker, type VerifyResult } from "./verify-snapshot.ts";

export interface SnapshotStore {
  /** Of now; begun before the snapshot is taken. */
  hashKv(): Promise<{ readonly hash: number; readonly hashRevision: number; readonly compactRevision: number }>;
  snapshot(): Promise<SnapshotFile>;
}

export interface TakenSnapshot {
  readonly file: string;
  readonly revision: number;
  readonly sizeBytes: number;
  readonly hash: number;
  /** Old files that went. */
  readonly removed: readonly string[];
}

/** The file, the restored copy, and room for the rest of the machine. */
const spaceFactor = 3;

/**
 * @param options.member part of the names of what is under way: masters may share the directory
 * @throws Error saying what went wrong; nothing is left of the try, older snapshots stay
 */
export async function takeScheduledSnapshot(options: {
  readonly schedule: SnapshotSchedule;
  readonly store: SnapshotStore;
  readonly member: string;
  readonly atMs: number;
  readonly signal: AbortSignal;
}): Promise<TakenSnapshot> {
  const { schedule, store, member, atMs, signal } = options;
  const { directory, keyFile } = schedule;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const part = join(directory, `.triarch-${member}.part`);
  const scratchDir = join(directory, `.triarch-${member}.scratch`);
  const hashing = store.hashKv();
  hashing.catch(() => undefined); // looked at below
  try {
    const sizeBytes = await write(part, directory, await store.snapshot(), keyFile, signal);
    const live = await hashing;
    const { hashRevision: revision, compactRevision } = live;
    const request = { file: part, keyFile, scratchDir, revision, compactRevision };
    const verified = await verifyInWorker(request, signal);
    requireEqual(live.hash, verified, revision);
    const name = snapshotName({ atMs, revision: verified.revision, encrypted: keyFile !== undefined });
    const file = join(directory, name);
    await rename(part, file);
    await syncDirectory(directory);
    const removed = expired(await readdir(directory), schedule, atMs);
    for (const old of removed) await rm(join(directory, old), { force: true });
    return { file, revision: verified.revision, sizeBytes, hash: verified.hash, removed };
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Snapshots in the directory, newest first. Empty when there is no such directory. */
export async function savedSnapshots(directory: string) {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const saved = names.map(parseSnapshotName).filter((one) => one !== undefined);
  return saved.sort((left, right) => right.atMs - left.atMs || right.revision - left.revision);
}

/** @returns bytes written */
async function write(
  part: string,
  directory: string,
  snapshot: SnapshotFile,
  keyFile: string | undefined,
  signal: AbortSignal,
): Promise<number> {
  const { chunks } = snapshot;
  try {
    const key = keyFile === undefined ? undefined : await readSnapshotKey(keyFile);
    const expectedBytes = key === undefined ? snapshot.sizeBytes : sealedSizeBytes(snapshot.sizeBytes);
    await requireSpace(directory, expectedBytes);
    const out = await open(part, "w", 0o600);
    try {
      let sizeBytes = 0;
      for await (const chunk of key === undefined ? chunks : sealed(chunks, key)) {
        signal.throwIfAborted();
        await out.writeFile(chunk);
        sizeBytes += chunk.length;
      }
      if (sizeBytes !== expectedBytes) throw new Error(`${sizeBytes} bytes were written in place of ${expectedBytes}`);
      await out.sync();
      return sizeBytes;
    } finally {
      await out.close();
    }
  } finally {
    await chunks.return?.();
  }
}

async function requireSpace(directory: string, sizeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize >= spaceFactor * sizeBytes) return;
  throw new Error(
    `${directory} has ${bavail * bsize} bytes free; a snapshot of ${sizeBytes} bytes and its check take ` +
      `${spaceFactor * sizeBytes}. Free some space or choose another directory.`,
  );
}

function requireEqual(hash: number, verified: VerifyResult, revision: number): void {
  if (hash === verified.hash) return;
  throw new Error(
    `the snapshot does not hold what the store holds at revision ${revision} (hash ${verified.hash}, not ${hash}); ` +
      "it was thrown away. Compare the members' hashes: etcdctl endpoint hashkv --cluster.",
  );
}

async function syncDirectory(directory: string): Promise<void> {
  const folder = await open(directory, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
