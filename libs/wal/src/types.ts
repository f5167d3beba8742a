/** What goes into a member's log on disk and what comes back out of it. */
import type { ConfState, Entry, HardState, MemberId } from "@triarch/raft";

/** Whose log it is. Written into every segment; a log of another cluster or member is refused. */
export interface WalMetadata {
  readonly clusterId: bigint;
  readonly memberId: MemberId;
}

/** The state machine holds everything up to `index`; `confState` is the configuration there. */
export interface WalSnapshot {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

/** One group commit. An empty batch writes nothing. */
export interface WalBatch {
  /** Contiguous; from the first one's index on they replace what the log held. */
  readonly entries?: readonly Entry[];
  readonly hardState?: HardState | undefined;
  /** Replay starts here: from now on the entries up to it are only for peers that lag. */
  readonly snapshot?: WalSnapshot | undefined;
  /** A leader's snapshot is about to replace the state machine; `snapshot` follows when that is done. */
  readonly installing?: WalSnapshot | undefined;
  /**
   * True: on disk when the promise resolves. False: kept in memory and written with the next synced batch; only for
   * what may be lost (a commit index that grew), so entries always need true.
   */
  readonly sync: boolean;
}

/** How many entries before the newest snapshot marker are given back: as many as both bounds allow. */
export interface CatchUpBounds {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

/** Bytes that a crash left of a batch nobody was told about. They were cut off. */
export interface WalRepair {
  readonly file: string;
  readonly offset: number;
  readonly droppedBytes: number;
}

/** The log as it was found. */
export interface WalReplay {
  readonly metadata: WalMetadata;
  readonly hardState: HardState;
  readonly snapshot: WalSnapshot;
  /** A snapshot whose installation was announced after `snapshot` and not completed. */
  readonly installing: WalSnapshot | undefined;
  /** Contiguous. May start at or before `snapshot.index` (entries kept for peers), at the latest right after it. */
  readonly entries: readonly Entry[];
  readonly repair: WalRepair | undefined;
}
