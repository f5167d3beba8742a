import type { ConfState, Entry, HardState, Snapshot } from "../types.ts";

/**
 * The stable part of the log as Raft sees it. `compacted`: the index lies before what is kept. `unavailable`: after the
 * last entry. `snapshotTemporarilyUnavailable`: being made, ask again later. `snapshotOutOfDate`: an older snapshot than
 * the one that is held.
 */
export type RaftStorageFailure = "compacted" | "unavailable" | "snapshotTemporarilyUnavailable" | "snapshotOutOfDate";

/** Callers branch on `failure`, never on the text. */
export class RaftStorageError extends Error {
  override readonly name = "RaftStorageError";
  readonly failure: RaftStorageFailure;

  constructor(failure: RaftStorageFailure, detail: string) {
    super(`${failure}: ${detail}`);
    this.failure = failure;
  }
}

/** Reads are synchronous; a failed read other than `RaftStorageError` stops the member. */
export interface RaftStorage {
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };
  /**
   * Entries of `[lo, hi)` from the first, as many as fit in `maxSizeBytes` (see `entrySizeBytes`) and at least one.
   * @throws RaftStorageError "compacted" | "unavailable"
   */
  entries(lo: number, hi: number, maxSizeBytes: number): readonly Entry[];
  /**
   * Known for `[firstIndex() - 1, lastIndex()]`.
   * @throws RaftStorageError "compacted" | "unavailable"
   */
  term(index: number): number;
  firstIndex(): number;
  lastIndex(): number;
  /** @throws RaftStorageError "snapshotTemporarilyUnavailable" */
  snapshot(): Snapshot;
}
