import { RawNode } from "@triarch/raft";
import type { ReadOnlyOption } from "@triarch/raft";
import type { Logger } from "@triarch/telemetry";
import type { RaftNodeLimits, RaftNodeOptions, RaftTiming } from "../types.ts";
import type { RecoveredLog } from "./log-recovery.ts";

/** Raft's core as the driver wants it. What it says of itself is for those who debug it. */
export function openRawNode(
  { id, rng }: Pick<RaftNodeOptions, "id" | "rng">,
  { storage, snapshot }: RecoveredLog,
  options: {
    readonly readOnlyOption: ReadOnlyOption;
    readonly timing: RaftTiming;
    readonly limits: RaftNodeLimits;
    readonly logger: Logger;
  },
): RawNode {
  const { timing, limits, logger, readOnlyOption } = options;
  return new RawNode({
    ...{ id, storage, rng, applied: snapshot.index },
    ...{ readOnlyOption, checkQuorum: true, preVote: true, readersVouch: true },
    ...{ electionTicks: timing.electionTicks, electionSpreadTicks: timing.electionSpreadTicks },
    heartbeatTicks: timing.heartbeatTicks,
    maxSizePerMsg: limits.appendMessageBytesMax,
    maxCommittedSizePerReady: limits.applyBatchBytesMax,
    maxUncommittedEntriesSize: limits.uncommittedBytesMax,
    maxInflightMsgs: limits.inflightMessagesMax,
    maxInflightBytes: limits.inflightBytesMax,
    ...{ disableProposalForwarding: false, stepDownOnRemoval: true },
    ...{ asyncStorageWrites: false, disableConfChangeValidation: false },
    logger: (level, text) => logger[level === "info" ? "debug" : level]({}, text),
  });
}
