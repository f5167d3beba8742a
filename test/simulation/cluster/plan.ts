/** What one seed does: its cluster, its bounds, and which faults come how often. Seeds differ in all of it. */
import { seededRng } from "@triarch/base";
import type { RaftNodeLimits, RaftTiming } from "@triarch/raft-node";

export const faultNames = [
  "kill",
  "powerCut",
  "powerCutOfAll",
  "crashInside",
  "pause",
  "gracefulStop",
  "partition",
  "oneWayPartition",
  "hang",
  "roughTraffic",
  "slowDisk",
  "fullDisk",
  "failedSync",
  "damage",
  "transfer",
] as const;
export type FaultName = (typeof faultNames)[number];

export interface RunPlan {
  readonly memberCount: number;
  readonly clientCount: number;
  readonly keyCount: number;
  /** With faults; then all is healed. */
  readonly roughMs: number;
  /** Between two faults, on average. */
  readonly faultEveryMs: number;
  /** Some seeds have many kinds, some few: a fault that is always there hides what others do. */
  readonly faults: readonly FaultName[];
  readonly changesMembership: boolean;
  readonly segmentSizeBytes: number;
  readonly limits: Partial<RaftNodeLimits>;
  readonly timing: RaftTiming;
}

export function planFor(seed: number): RunPlan {
  const rng = seededRng(Math.imul(seed, 0x85ebca6b) ^ 0x5bd1e995);
  const from = (low: number, high: number): number => low + rng.int(high - low);
  const share = 0.3 + rng.next() * 0.6;
  const faults = faultNames.filter(() => rng.next() < share);
  return {
    memberCount: rng.next() < 0.6 ? 3 : 5,
    clientCount: from(3, 7),
    keyCount: from(2, 6),
    roughMs: from(4_000, 10_000),
    faultEveryMs: from(150, 800),
    faults: faults.length === 0 ? ["kill"] : faults,
    changesMembership: rng.next() < 0.7,
    segmentSizeBytes: from(2, 24) * 1024,
    limits: {
      appendMessageBytesMax: from(100, 4_000),
      inflightMessagesMax: from(2, 64),
      applyBatchBytesMax: from(100, 4_000),
      uncommittedBytesMax: rng.next() < 0.3 ? from(300, 1_000) : 1_000_000,
      catchUpEntries: from(5, 100),
      compactEveryEntries: from(5, 40),
      holdLogAfterSnapshotMs: from(200, 2_000),
      readIndexTimeoutMs: from(1_000, 4_000),
    },
    timing: { tickMs: 50, heartbeatTicks: from(1, 3), electionTicks: 10, electionSpreadTicks: from(2, 8) },
  };
}
