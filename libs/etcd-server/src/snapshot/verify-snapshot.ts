/**
 * Proves that a snapshot file can be restored: restores it into a scratch directory and hashes what is there. Runs on a
 * thread of its own (`verifyInWorker`), because it reads everything twice and builds a whole index.
 */
import { rm } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { systemClock } from "@triarch/base";
import { Lessor } from "@triarch/lease";
import { decodeRevisionKey, openMvccStore } from "@triarch/mvcc";
import { openLevelStore } from "@triarch/store-level";
import { memberDataDir } from "../server/data-dir.ts";
import { metaKeys } from "../server/meta-keys.ts";
import { pause } from "../server/pause.ts";
import { restoreIntoDataDir } from "./restore.ts";

export interface VerifyRequest {
  readonly file: string;
  readonly keyFile: string | undefined;
  /** Emptied before and removed after. */
  readonly scratchDir: string;
  /** Hash what was there at this revision, as after a compaction to `compactRevision` (-1: none). */
  readonly revision: number;
  readonly compactRevision: number;
}

export interface VerifyResult {
  readonly hash: number;
  /** Of the file. */
  readonly revision: number;
  readonly rows: number;
}

/** @throws whatever makes the file unfit for a restore */
export async function verifySnapshot(request: VerifyRequest): Promise<VerifyResult> {
  const { file, keyFile, scratchDir } = request;
  await rm(scratchDir, { recursive: true, force: true });
  try {
    const restored = await restoreIntoDataDir({
      file,
      dataDir: scratchDir,
      members: [{ name: "scratch", peerUrls: ["http://127.0.0.1:0"] }],
      clusterToken: "scratch",
      bumpRevision: 0,
      ...(keyFile === undefined ? {} : { keyFile }),
    });
    const hash = await hashRestored(request);
    return { hash, revision: restored.snapshotRevision, rows: restored.rows };
  } finally {
    await rm(scratchDir, { recursive: true, force: true });
  }
}

async function hashRestored({ scratchDir, revision, compactRevision }: VerifyRequest): Promise<number> {
  const level = await openLevelStore({ directory: memberDataDir(scratchDir).database });
  try {
    const scheduled = level.getSync("meta", metaKeys.scheduledCompactRevision);
    const finished = level.getSync("meta", metaKeys.finishedCompactRevision);
    const store = await openMvccStore({
      backend: level.keyRows,
      leases: new Lessor({ clock: systemClock }),
      pause,
      scheduledCompactRevision: scheduled === undefined ? undefined : decodeRevisionKey(scheduled)?.main,
      finishedCompactRevision: finished === undefined ? undefined : decodeRevisionKey(finished)?.main,
    });
    if (compactRevision > store.compactRevision) store.compact(compactRevision);
    return (await store.hashKv(revision)).hash;
  } finally {
    await level.close();
  }
}

/** @throws Error with the text of what went wrong there, or when aborted */
export async function verifyInWorker(request: VerifyRequest, signal: AbortSignal): Promise<VerifyResult> {
  signal.throwIfAborted();
  const module = import.meta.url.endsWith(".ts") ? "./verify-worker.ts" : "./verify-worker.js";
  const worker = new Worker(new URL(module, import.meta.url), { workerData: request, name: "verify-snapshot" });
  const abort = (): void => void worker.terminate();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await new Promise<VerifyResult>((resolve, reject) => {
      worker.once("message", (message: VerifyResult | { readonly error: string }) => {
        if ("error" in message) reject(new Error(message.error));
        else resolve(message);
      });
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error(signal.aborted ? "called off" : "the verifying thread ended")));
    });
  } finally {
    signal.removeEventListener("abort", abort);
    await worker.terminate();
    await rm(request.scratchDir, { recursive: true, force: true });
  }
}
