export { emptyConfState, emptyHardState, noMember } from "./types.ts";
export type * from "./types.ts";
export type { LogLevel, RaftConfig, RaftLogger, ReadOnlyOption } from "./config.ts";
export { RaftStorageError } from "./log/storage.ts";
export type { RaftStorage, RaftStorageFailure } from "./log/storage.ts";
export { MemoryStorage } from "./log/memory-storage.ts";
export { entriesSizeBytes, entrySizeBytes } from "./log/entry-size.ts";
export { asConfChangeV2, leaveJointChange } from "./confchange/conf-change.ts";
export type {
  ConfChange,
  ConfChangeSingle,
  ConfChangeTransition,
  ConfChangeType,
  ConfChangeV1,
  ConfChangeV2,
} from "./confchange/conf-change.ts";
export { ConfChangeDecodeError, decodeConfChange, encodeConfChange } from "./confchange/codec.ts";
export { RawNode } from "./raw-node.ts";
export type { ProposalOutcome, StepOutcome } from "./outcome.ts";
export { isLocalMessage, isResponseMessage, localAppendThread, localApplyThread, makeMessage } from "./messages.ts";
export type { ProgressState, ProgressStatus, RaftStatus } from "./status.ts";
export { ConfChangeError, changeConfiguration, enterJoint, leaveJoint, simpleChange } from "./confchange/changer.ts";
export type { ConfChangeResult } from "./confchange/changer.ts";
export { jointCommitted, jointVote } from "./quorum/joint.ts";
export { majorityCommitted, majorityVote } from "./quorum/majority.ts";
export type { VoteResult } from "./quorum/majority.ts";
export { ProgressTracker } from "./tracker/tracker.ts";
