/**
 * The vocabulary of the Raft core: what goes in, what comes out. Shapes and observable behaviour follow etcd-raft,
 * so that its interaction scripts run against this core. Terms and indexes are integers up to 2^53-1 (asserted).
 */
export type MemberId = bigint;
export const noMember: MemberId = 0n;

export type EntryType = "normal" | "confChange" | "confChangeV2";

export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly type: EntryType;
  readonly data: Uint8Array;
}

export interface HardState {
  readonly term: number;
  /** Zero: no vote in this term. */
  readonly vote: MemberId;
  readonly commit: number;
}

export const emptyHardState: HardState = { term: 0, vote: noMember, commit: 0 };

export interface SoftState {
  /** Zero: no known leader. */
  readonly leader: MemberId;
  readonly role: Role;
}

export type Role = "follower" | "preCandidate" | "candidate" | "leader";

/** Members sorted ascending in every list. */
export interface ConfState {
  readonly voters: readonly MemberId[];
  readonly learners: readonly MemberId[];
  readonly votersOutgoing: readonly MemberId[];
  readonly learnersNext: readonly MemberId[];
  readonly autoLeave: boolean;
}

export const emptyConfState: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** `data` is opaque to Raft; the driver may leave it empty and stream the state beside the message. */
export interface Snapshot {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
  readonly data: Uint8Array;
}

export type MessageType =
  | "MsgHup"
  | "MsgBeat"
  | "MsgProp"
  | "MsgApp"
  | "MsgAppResp"
  | "MsgVote"
  | "MsgVoteResp"
  | "MsgSnap"
  | "MsgHeartbeat"
  | "MsgHeartbeatResp"
  | "MsgUnreachable"
  | "MsgSnapStatus"
  | "MsgCheckQuorum"
  | "MsgTransferLeader"
  | "MsgTimeoutNow"
  | "MsgReadIndex"
  | "MsgReadIndexResp"
  | "MsgPreVote"
  | "MsgPreVoteResp"
  | "MsgStorageAppend"
  | "MsgStorageAppendResp"
  | "MsgStorageApply"
  | "MsgStorageApplyResp"
  | "MsgForgetLeader";

export interface Message {
  readonly type: MessageType;
  readonly to: MemberId;
  readonly from: MemberId;
  readonly term: number;
  readonly logTerm: number;
  readonly index: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  readonly vote: MemberId;
  readonly snapshot: Snapshot | undefined;
  readonly reject: boolean;
  readonly rejectHint: number;
  readonly context: Uint8Array;
  readonly responses: readonly Message[];
}

/** Answers a ReadIndex request: a local read at or after `index` is linearizable. */
export interface ReadState {
  readonly index: number;
  readonly requestContext: Uint8Array;
}

/** Work for the driver, in the order it must be done; `advance()` says that it is done. */
export interface Ready {
  readonly softState: SoftState | undefined;
  readonly hardState: HardState | undefined;
  readonly readStates: readonly ReadState[];
  readonly entriesToPersist: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly committedEntries: readonly Entry[];
  /** May leave while the entries and the hard state above are being written (a leader's appends, thesis 10.2.1). */
  readonly messagesBeforePersist: readonly Message[];
  /** Only once they are on disk: votes, a follower's acknowledgements (thesis 3.8). */
  readonly messagesAfterPersist: readonly Message[];
  /** The entries or the hard state must be synced before `messagesAfterPersist` leave. */
  readonly mustSync: boolean;
}
