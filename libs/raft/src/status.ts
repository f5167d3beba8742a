import type { ConfState, HardState, MemberId, SoftState } from "./types.ts";

export type ProgressState = "probe" | "replicate" | "snapshot";

/** How far a leader knows one member to be. */
export interface ProgressStatus {
  readonly id: MemberId;
  readonly state: ProgressState;
  readonly match: number;
  readonly next: number;
  readonly isLearner: boolean;
  readonly paused: boolean;
  /** Index of the snapshot on its way; 0 if none. */
  readonly pendingSnapshot: number;
  readonly recentActive: boolean;
  readonly inflightCount: number;
  readonly inflightFull: boolean;
}

/** A picture of one member at one moment; does not change afterwards. */
export interface RaftStatus extends HardState, SoftState {
  readonly id: MemberId;
  readonly applied: number;
  readonly lastIndex: number;
  /** Zero: no transfer under way. */
  readonly leadTransferee: MemberId;
  readonly confState: ConfState;
  /** By ascending id; empty unless this member leads. */
  readonly progress: readonly ProgressStatus[];
}
