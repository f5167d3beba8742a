import type { RaftNodeLimits, RaftTiming } from "./types.ts";

const kib = 1024;
const mib = 1024 * kib;

export const defaultLimits: RaftNodeLimits = {
  pendingProposalsMax: 20_000,
  pendingProposalBytesMax: 32 * mib,
  uncommittedBytesMax: 64 * mib,
  appendMessageBytesMax: mib,
  inflightMessagesMax: 512,
  inflightBytesMax: 32 * mib,
  applyBatchBytesMax: 256 * kib,
  sendQueueFramesMax: 4096,
  sendQueueBytesMax: 32 * mib,
  catchUpEntries: 5_000,
  catchUpBytesMax: 32 * mib,
  heldLogBytesMax: 256 * mib,
  readIndexTimeoutMs: 7_000,
  holdLogAfterSnapshotMs: 30_000,
  compactEveryEntries: 1_000,
  compactEveryBytes: 16 * mib,
};

export const defaultTiming: RaftTiming = { tickMs: 50, heartbeatTicks: 1, electionTicks: 10, electionSpreadTicks: 4 };

/** Of the transport; not worth an option. */
export const transportLimits = {
  /** A longer frame ends the connection: nothing we send comes near it. */
  frameBytesMax: 64 * mib,
  /** Inbound connections; more are closed unanswered. */
  connectionsMax: 256,
  dialTimeoutMs: 1_000,
  /** For the first frame of a new inbound connection and for its answer. */
  handshakeTimeoutMs: 2_000,
  backoffStartMs: 20,
  backoffMaxMs: 1_000,
  pingIntervalMs: 500,
  /** A connection on which no answer comes for this long is closed and dialed again. */
  silenceMaxMs: 2_500,
  /** After its removal a member's connections stand for so long: replies to it, and the news, should still arrive. */
  leavingGraceMs: 500,
  /** Waiting for a reply here, and worked on for one connection; past either a question fails. */
  questionsMax: 4_096,
  snapshotChunkBytes: 256 * kib,
  /** Without any progress a snapshot is given up after this. */
  snapshotStallMs: 30_000,
} as const;

export const handOverTimeoutMs = 1_000;
/** Members that lost the same leader campaign up to this far apart. */
export const fastElectionStaggerMs = 30;
/** Then ordinary election timeouts take over. */
export const fastElectionAttemptsMax = 4;
