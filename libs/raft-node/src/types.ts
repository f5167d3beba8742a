/** The driver's public face: what it is given, what it calls, what it offers. */
import type { Clock, Rng, Timers } from "@triarch/base";
import type { ConfChange, ConfState, Entry, MemberId, ProgressStatus, Role } from "@triarch/raft";
import type { Logger } from "@triarch/telemetry";
import type { WalDisk } from "@triarch/wal";
import type { CreatePeerTransport } from "./node/peer-transport.ts";

/** A place in the log. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

export interface SnapshotMeta extends LogPosition {
  /** The configuration at `index`. */
  readonly confState: ConfState;
}

export interface OutgoingSnapshot extends LogPosition {
  /** Absent: the driver takes the configuration it knows for `index`. */
  readonly confState?: ConfState;
  /** The whole state at `index`, in pieces of any size; read at the receiver's pace, `return()` called on failure. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * What the log is applied to. All calls come from one loop, in log order, each entry once per process life.
 * An exception from any of them stops the node (`onFatal`).
 */
export interface StateMachine {
  /**
   * Synchronous and in memory. `entries` are normal ones with data, possibly none; `position` is the last entry this
   * call covers, which may be an empty one (a new leader's first): the applied index moves there.
   */
  apply(entries: readonly Entry[], position: LogPosition): void;
  /** Raft has taken the change; the applied index moves to `entry`. `context` is what the change carried. */
  confChanged(confState: ConfState, entry: Entry, context: Uint8Array): void;
  /**
   * Everything up to here is in the state machine's own storage; read at start and now and then. The log before it
   * may go, but for `catchUpEntries`.
   */
  durableIndex(): number;
  /** For a follower that lags behind the log. The state must be at or after `durableIndex()` at the time of the call. */
  snapshotStream(): OutgoingSnapshot;
  /**
   * Replaces the whole state and resolves when that is durable; `durableIndex()` is then `meta.index`. A crash leaves
   * either the old state or the new one. Nothing else is called meanwhile, except `durableIndex()`.
   */
  installSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

export interface InitialMember {
  readonly id: MemberId;
  /** `https://host:port`, or `http://host:port` without TLS. */
  readonly peerUrl: string;
}

/** PEM. Both sides prove themselves: a peer needs a certificate of `ca`. */
export interface PeerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface RaftTiming {
  /** Default 50. */
  readonly tickMs: number;
  /** Default 1. */
  readonly heartbeatTicks: number;
  /** Default 10. */
  readonly electionTicks: number;
  /** Random part of the election timeout, `[0, this)`. Default 4. */
  readonly electionSpreadTicks: number;
}

export interface RaftNodeOptions {
  readonly id: MemberId;
  readonly clusterId: bigint;
  /** Holds `wal/` and, while a snapshot arrives, `incoming-snapshot`. Made if missing. */
  readonly dir: string;
  /** The first configuration, alike on every member. Used when there is no log yet, and as addresses. */
  readonly initialMembers: readonly InitialMember[];
  /** True: a new member of a running cluster. Its empty log gets no configuration; the leader sends it. */
  readonly join?: boolean;
  /** Where a member listens now; asked at each dial. Default: `initialMembers`. */
  readonly peerUrlOf?: (id: MemberId) => string | undefined;
  /** Was this once a member? Then it is refused when it calls. Asked at each call. */
  readonly isRemoved?: (id: MemberId) => boolean;
  /**
   * Is the other member known to have had a log? When it comes without one it is refused, and ends with "lostLog": its
   * vote is forgotten.
   */
  readonly hasStarted?: (id: MemberId) => boolean;
  /** Port 0 takes a free one (see `RaftNode.peerAddress`). */
  readonly listen: { readonly host: string; readonly port: number };
  /** Absent: plain TCP, for tests. */
  readonly tls?: PeerTls;
  readonly stateMachine: StateMachine;
  readonly timing?: Partial<RaftTiming>;
  /** `leaseBased` gives up the fast reaction to a leader's death. Default `safe`. */
  readonly readOnlyOption?: "safe" | "leaseBased";
  readonly segmentSizeBytes?: number;
  readonly limits?: Partial<RaftNodeLimits>;
  readonly clock?: Clock;
  readonly timers?: Timers;
  /** Where the log is. Default: the folder `wal` in `dir`. */
  readonly walDisk?: WalDisk;
  /** How peers are reached. Default: connections over TCP or TLS. */
  readonly transport?: CreatePeerTransport;
  readonly rng: Rng;
  readonly logger?: Logger;
  readonly measures?: RaftMeasures;
  /** Disk or state machine failed. The node has stopped talking; the process must end. Called once. */
  readonly onFatal: (error: Error) => void;
  /** A peer says that this member was removed from the cluster. It should end; called once. */
  readonly onRemoved?: (refusal: string) => void;
  /** Proposals that `propose` took and that were then refused before they reached any log. */
  readonly onProposalsRefused?: (payloads: readonly Uint8Array[], reason: string) => void;
  /** Another member asks something (`RaftNode.ask`). A rejection tells it only that there is no answer. */
  readonly onQuestion?: (from: MemberId, payload: Uint8Array) => Promise<Uint8Array>;
}

/** Told as it happens; milliseconds. To be quick. */
export interface RaftMeasures {
  /** How much later than due the leader's heartbeat came to this follower. */
  heartbeatDelay(ms: number): void;
  /** One batch written to the log and synced. */
  logWrite(ms: number): void;
}

/** Named bounds and their defaults: see `limits.ts`. */
export interface RaftNodeLimits {
  readonly pendingProposalsMax: number;
  readonly pendingProposalBytesMax: number;
  readonly uncommittedBytesMax: number;
  readonly appendMessageBytesMax: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  readonly applyBatchBytesMax: number;
  readonly sendQueueFramesMax: number;
  readonly sendQueueBytesMax: number;
  readonly catchUpEntries: number;
  readonly catchUpBytesMax: number;
  readonly heldLogBytesMax: number;
  readonly readIndexTimeoutMs: number;
  /** After a snapshot was sent, its receiver needs the entries that came after it. */
  readonly holdLogAfterSnapshotMs: number;
  /** The log in memory is cut once in so many entries, or so many bytes of them. */
  readonly compactEveryEntries: number;
  readonly compactEveryBytes: number;
}

/**
 * `accepted`: queued for Raft in this turn of the event loop; its fate shows when it is applied, or never. All other
 * outcomes: nothing was proposed.
 */
export type ProposeOutcome = "accepted" | "noLeader" | "overloaded" | "stopped";

export type PeerLinkState = "connecting" | "connected" | "refused" | "backoff";

export interface RaftNodeStatus extends LogPosition {
  readonly id: MemberId;
  /** 0n: none known. */
  readonly leader: MemberId;
  readonly role: Role;
  readonly isLearner: boolean;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly confState: ConfState;
  /** Only on the leader. */
  readonly progress: readonly ProgressStatus[];
  readonly peers: readonly { readonly id: MemberId; readonly link: PeerLinkState; readonly lastRefusal: string }[];
}

export interface LeaderChange {
  readonly leader: MemberId;
  readonly term: number;
}

export interface RaftNode {
  /** Batched: everything proposed in one turn of the event loop becomes one append. */
  propose(data: Uint8Array): ProposeOutcome;
  /** @param options.asLeader only into this member's own log: "noLeader" unless it leads as this call runs */
  proposeConfChange(change: ConfChange, options?: { readonly asLeader?: boolean }): ProposeOutcome;
  /**
   * A read of this state machine once it has applied the returned index is linearizable. All calls of one turn share
   * one round. Waits for a leader if there is none.
   * @throws RaftNodeError "noLeader" | "timeout" | "stopped"
   */
  readIndex(): Promise<number>;
  /**
   * Resolves when `to` leads. Only the leader can.
   * @throws RaftNodeError "notLeader" | "notMember" | "timeout" | "stopped"
   */
  transferLeadership(to: MemberId): Promise<void>;
  /**
   * Asks another member something beside Raft; sent once. Without a reply it is open whether it was worked on.
   * @throws RaftNodeError "unreachable" | "timeout" | "stopped"
   */
  ask(to: MemberId, payload: Uint8Array, options: { readonly timeoutMs: number }): Promise<Uint8Array>;
  status(): RaftNodeStatus;
  /** Term of this member, leader it follows: cheap, for the hot path. */
  readonly term: number;
  readonly leader: MemberId;
  readonly isLeader: boolean;
  readonly peerAddress: { readonly host: string; readonly port: number };
  /** Called after the change, also with leader 0n. @returns stops the calls */
  onLeaderChange(handler: (change: LeaderChange) => void): () => void;
  /** @param options.handOver give leadership away first, waiting at most one second */
  stop(options?: { readonly handOver?: boolean }): Promise<void>;
}

export type RaftNodeFailure =
  "noLeader" | "notLeader" | "notMember" | "timeout" | "unreachable" | "stopped" | "lostLog" | "staleState";

/** Callers branch on `failure`. */
export class RaftNodeError extends Error {
  override readonly name = "RaftNodeError";
  readonly failure: RaftNodeFailure;

  constructor(failure: RaftNodeFailure, text: string, options?: ErrorOptions) {
    super(`raft node: ${failure}: ${text}`, options);
    this.failure = failure;
  }
}
