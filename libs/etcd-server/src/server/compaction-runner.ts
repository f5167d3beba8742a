import { encodeRevisionKey, type MvccStore } from "@triarch/mvcc";
import type { BucketRow } from "@triarch/store-level";
import { metaKeys } from "./meta-keys.ts";
import { pause } from "./pause.ts";

/**
 * Runs a compaction's steps one by one, with the event loop in between, and hands their deletes to the flusher behind
 * everything applied before. Ends by itself; a crash starts it again from the scheduled revision.
 */
export class CompactionRunner {
  readonly #mvcc: MvccStore;
  readonly #addRows: (rows: readonly BucketRow[]) => void;
  readonly #onFatal: (error: unknown) => void;
  #running: Promise<void> | undefined;
  #stopped = false;

  /** @param onFatal a step failed: this member must stop */
  constructor(mvcc: MvccStore, addRows: (rows: readonly BucketRow[]) => void, onFatal: (error: unknown) => void) {
    this.#mvcc = mvcc;
    this.#addRows = addRows;
    this.#onFatal = onFatal;
  }

  start(): void {
    if (!this.#stopped) this.#running ??= this.#run().catch(this.#onFatal);
  }

  /** Resolves when no compaction is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Ends after the step under way; `resume` goes on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  resume(): void {
    this.#stopped = false;
    this.start();
  }

  async #run(): Promise<void> {
    await pause(); // not inside the batch that applied the compaction: its rows come first
    while (!this.#stopped) {
      const step = this.#mvcc.compactionStep();
      if (step === undefined) break;
      const rows: BucketRow[] = step.deletes.map((key) => ({ bucket: "key", key, value: undefined }));
      if (step.finished) {
        const value = encodeRevisionKey(step.compactRevision, 0);
        rows.push({ bucket: "meta", key: metaKeys.finishedCompactRevision, value });
      }
      this.#addRows(rows);
      await pause();
    }
    this.#running = undefined;
  }
}
