import type {
  AlarmRequest,
  AlarmResponse,
  CompactionRequest,
  CompactionResponse,
  DeleteRangeRequestInit,
  DeleteRangeResponse,
  Event,
  HashKvResponse,
  HashResponse,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveResponse,
  MemberAddRequestInit,
  MemberAddResponse,
  MemberListResponse,
  MemberPromoteRequest,
  MemberPromoteResponse,
  MemberRemoveRequest,
  MemberRemoveResponse,
  MemberReplaceRequest,
  MemberReplaceResponse,
  MemberUpdateRequest,
  MemberUpdateResponse,
  PutRequestInit,
  PutResponse,
  RangeRequestInit,
  RangeResponse,
  ResponseHeader,
  StatusResponse,
  TxnRequestInit,
  TxnResponse,
} from "@triarch/etcd-proto";
import type { EncodedRange } from "@triarch/mvcc";
import type { AuthApi } from "../auth/auth-requests.ts";
import type { Credentials } from "../auth/caller.ts";
import type { StoreStatus } from "../store-client.ts";

/**
 * The replicated store as the etcd port and the bridge to the API thread see it: one method per etcd request, on any
 * member. Writes resolve once applied here in memory, which is after a quorum has them on disk. Requests are checked
 * by MVCC on apply; what it refuses rejects with `MvccError`, what this layer refuses with `EtcdServerError`.
 *
 * Answers carry a full header. Byte fields may be shared with the store and must not be changed.
 */
export interface EtcdServer {
  /**
   * The same server in a client's name: while authentication is on, its methods reject with `AuthError` what the client
   * may not do. Without this step a caller acts for the cluster itself and may do everything. Cheap: one for each call.
   */
  as(credentials: Credentials): EtcdServer;
  /** Users, roles, tokens. */
  readonly auth: AuthApi;
  /** Resolves when this member can tell whose token it is, or that it is nobody's; undefined: it can now. */
  credentialsKnown(credentials: Credentials): Promise<void> | undefined;

  /** Linearizable unless `serializable`. A read of many rows is cut into slices, all at one revision. */
  range(request: RangeRequestInit): Promise<RangeResponse>;
  /** As `range`, for who only passes the rows on: they come as they are sent. */
  rangeEncoded(request: RangeRequestInit): Promise<EncodedRange>;
  put(request: PutRequestInit): Promise<PutResponse>;
  deleteRange(request: DeleteRangeRequestInit): Promise<DeleteRangeResponse>;
  /** A transaction that only reads makes no proposal. */
  txn(request: TxnRequestInit): Promise<TxnResponse>;
  compact(request: CompactionRequest): Promise<CompactionResponse>;

  leaseGrant(request: { readonly id: bigint; readonly ttl: number }): Promise<LeaseGrantResponse>;
  leaseRevoke(request: { readonly id: bigint }): Promise<LeaseRevokeResponse>;
  /** Answers TTL 0 for an unknown lease. On a follower the leader is asked. */
  leaseKeepAlive(request: { readonly id: bigint }): Promise<LeaseKeepAliveResponse>;
  /** Answers TTL -1 for an unknown lease. On a follower the leader is asked. */
  leaseTimeToLive(request: { readonly id: bigint; readonly keys: boolean }): Promise<LeaseTimeToLiveResponse>;
  leaseLeases(): Promise<LeaseLeasesResponse>;

  memberList(request: { readonly linearizable: boolean }): Promise<MemberListResponse>;
  /** Changes of membership, on any member; refused as etcd refuses them (`members/member-rules.ts`). */
  memberAdd(request: MemberAddRequestInit): Promise<MemberAddResponse>;
  memberRemove(request: MemberRemoveRequest): Promise<MemberRemoveResponse>;
  memberUpdate(request: MemberUpdateRequest): Promise<MemberUpdateResponse>;
  memberPromote(request: MemberPromoteRequest): Promise<MemberPromoteResponse>;
  /** Of our own: a learner takes a voter's place in one step, through a joint configuration. */
  memberReplace(request: MemberReplaceRequest): Promise<MemberReplaceResponse>;
  alarm(request: AlarmRequest): Promise<AlarmResponse>;
  status(): Promise<StatusResponse>;
  hash(): Promise<HashResponse>;
  hashKv(request: { readonly revision: number }): Promise<HashKvResponse>;
  /** Compaction in the background; resolves at once because nothing has to stop for it. */
  defragment(): Promise<void>;
  /** This member must lead: "notLeader" | "badTransferee". */
  moveLeader(request: { readonly targetId: bigint }): Promise<void>;
  /**
   * A whole etcd snapshot file, SHA-256 trailer included, of one moment of the database. Resolves when the size is
   * known, after a first pass over the rows; memory is bounded.
   */
  snapshot(): Promise<SnapshotFile>;

  /** Throws what `watch` would throw for want of permission. */
  mayWatch(request: Pick<ServerWatchRequest, "key" | "rangeEnd">): void;
  watch(request: ServerWatchRequest, sink: ServerWatchSink): ServerWatch;

  /** @returns the store's revision once everything committed before the call is applied here */
  readBarrier(): Promise<number>;
  /** The header of an answer made now. */
  header(): ResponseHeader;
  storeStatus(): StoreStatus;
  leaderId(): bigint;
  /** Has no vote: it may lag, and serves only what the caller says may be old. */
  isLearner(): boolean;
  /** Called with the new leader's id, 0n for none. @returns a function that ends it */
  onLeaderChange(handler: (leaderId: bigint) => void): () => void;
  /** Hands leadership over if this member leads; resolves when another leads, nobody can, or a bounded wait is over. */
  handOverLeadership(): Promise<void>;
  /** Stops taking requests, hands over, makes everything applied durable and closes the files. */
  close(): Promise<void>;
}

export interface SnapshotFile {
  readonly revision: number;
  /** Exact length, trailer included. */
  readonly sizeBytes: number;
  /** To be read once, to the end or until `return()`: a moment of the database is kept until then. */
  readonly chunks: AsyncIterableIterator<Uint8Array>;
}

export interface ServerWatchRequest {
  readonly key: Uint8Array;
  /** As in a range: empty is one key, `"\0"` everything from `key` on. */
  readonly rangeEnd: Uint8Array;
  /** 0: from the next revision on. */
  readonly startRevision: number;
  readonly prevKv: boolean;
  readonly noPut?: boolean;
  readonly noDelete?: boolean;
}

/**
 * Invariants: events in revision order, each once; a revision's events in one call; `onProgress(r)` after every event
 * at or before `r`, and after each applied batch when the watch is synced. Nothing is called inside `watch()`.
 */
export interface ServerWatchSink {
  /** @returns false to refuse: nothing was taken, and the same events come again after `ServerWatch.resume()` */
  onEvents(events: readonly Event[]): boolean;
  onProgress(revision: number): void;
  /** The start lies before the compact revision. Nothing follows. */
  onCompacted(compactRevision: number): void;
  /** The store is closing. Nothing follows. */
  onStopped(): void;
}

export interface ServerWatch {
  /** First revision the watch can see: what "now" was for `startRevision` 0. */
  readonly startRevision: number;
  readonly synced: boolean;
  resume(): void;
  close(): void;
}
