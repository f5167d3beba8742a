import { assert } from "@triarch/base";
import type { Rng } from "@triarch/base";
import type { RaftStorage } from "./log/storage.ts";
import { noMember } from "./types.ts";
import type { MemberId } from "./types.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Receives one line per notable transition. Called synchronously; must not call back into Raft. */
export type RaftLogger = (level: LogLevel, text: string) => void;

/** `safe` asks a quorum for each batch of reads; `leaseBased` trusts that clocks tick alike and needs `checkQuorum`. */
export type ReadOnlyOption = "safe" | "leaseBased";

/** What one member's Raft needs to start. Time is counted in calls of `tick()`. */
export interface RaftConfig {
  readonly id: MemberId;
  /** A follower that hears nothing for this many ticks, plus a random part, campaigns. More than `heartbeatTicks`. */
  readonly electionTicks: number;
  /** The random part is uniform in `[0, electionSpreadTicks)`. Unset: `electionTicks`. */
  readonly electionSpreadTicks?: number;
  readonly heartbeatTicks: number;
  readonly storage: RaftStorage;
  /** Index up to which the state machine already holds the log; entries after it come again. Must be in the log. */
  readonly applied: number;
  /** Bytes of entries in one MsgApp; one entry always fits. */
  readonly maxSizePerMsg: number;
  /** Bytes of entries handed out for application and not yet reported as applied; one entry always fits. */
  readonly maxCommittedSizePerReady: number;
  /** Bytes of payload that a leader holds uncommitted; past it proposals are dropped ("tooManyUncommittedBytes"). */
  readonly maxUncommittedEntriesSize: number;
  /** MsgApps on their way to one follower; past it only empty probes go out. */
  readonly maxInflightMsgs: number;
  /** Payload bytes on their way to one follower; 0 is no limit. */
  readonly maxInflightBytes: number;
  /** A leader that hears from no quorum for `electionTicks` steps down; votes are refused while a leader is heard. */
  readonly checkQuorum: boolean;
  /** Ask whether an election could be won before raising the term. */
  readonly preVote: boolean;
  readonly readOnlyOption: ReadOnlyOption;
  /** A follower's MsgReadIndex carries its term and counts as its answer: with it alone a leader of three may answer. */
  readonly readersVouch?: boolean;
  /** Followers drop proposals instead of sending them to the leader. */
  readonly disableProposalForwarding: boolean;
  /** A leader that applies its own removal or demotion becomes a follower. */
  readonly stepDownOnRemoval: boolean;
  /** Storage work leaves as MsgStorageAppend and MsgStorageApply instead of being confirmed by `advance()`. */
  readonly asyncStorageWrites: boolean;
  /** Let configuration changes into the log that the current configuration cannot take. For tests and rescue only. */
  readonly disableConfChangeValidation: boolean;
  readonly rng: Rng;
  readonly logger?: RaftLogger;
}

/** Stops a wrong configuration before it can elect anyone. */
export function assertConfig(config: RaftConfig): void {
  assert(config.id > noMember, "raft config: id must be positive");
  assert(config.heartbeatTicks > 0, "raft config: heartbeatTicks must be positive");
  assert(config.electionTicks > config.heartbeatTicks, "raft config: electionTicks must exceed heartbeatTicks");
  assert(
    config.electionSpreadTicks === undefined || config.electionSpreadTicks > 0,
    "raft config: electionSpreadTicks must be positive",
  );
  assert(config.maxInflightMsgs > 0, "raft config: maxInflightMsgs must be positive");
  assert(
    config.maxInflightBytes === 0 || config.maxInflightBytes >= config.maxSizePerMsg,
    "raft config: maxInflightBytes must hold one message",
  );
  assert(config.maxCommittedSizePerReady > 0, "raft config: maxCommittedSizePerReady must be positive");
  assert(config.readOnlyOption === "safe" || config.checkQuorum, "raft config: lease reads need checkQuorum");
}
