/**
 * What the API thread sees of the replicated store: etcd's operations cut down to what Kubernetes uses.
 * The real one speaks to the store thread in batches over a MessagePort; `MemoryStore` is its twin for tests.
 *
 * Keys are text because Kubernetes' keys are; on the wire to the store they are UTF-8. Values are opaque bytes and
 * must not be changed after they were handed over or received.
 */
export interface StoreKeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** Zero: no lease. */
  readonly leaseId: bigint;
}

export type WriteOutcome =
  /** `revision` is the write's own main revision. For a delete `previous` is what was deleted. */
  | { readonly kind: "written"; readonly revision: number; readonly previous: StoreKeyValue | undefined }
  /** The key was not at the expected revision. Nothing changed. */
  | { readonly kind: "conflict"; readonly revision: number; readonly current: StoreKeyValue | undefined };

export interface StoreRangeOptions {
  /** Read as of this revision; 0 is now. */
  readonly revision?: number;
  /** Most rows returned; 0 is all. */
  readonly limit?: number;
  /** True: answer from this member's applied state without ReadIndex. */
  readonly serializable?: boolean;
  readonly countOnly?: boolean;
}

export interface StoreRange {
  /** The store's current revision, at or after the read. */
  readonly revision: number;
  readonly rows: readonly StoreKeyValue[];
  /** Keys in the range regardless of `limit`. */
  readonly count: number;
  readonly more: boolean;
}

export interface StoreEvent {
  readonly kind: "put" | "delete";
  /** For a delete: the tombstone; `value` is empty and only `key` and `modRevision` are set. */
  readonly row: StoreKeyValue;
  /** What was there before; undefined on create. */
  readonly previous: StoreKeyValue | undefined;
}

/**
 * Invariants: events come in revision order, each once; all events of one revision come in one call; `onProgress(r)`
 * comes after every event at or before `r` and also when nothing in the watched range changed, so that a
 * consistent read of an idle resource need not wait.
 */
export interface StoreWatchHandlers {
  onEvents(events: readonly StoreEvent[]): void;
  onProgress(revision: number): void;
  /** The watch is over: compacted past its start, or the store is closing. No further call follows. */
  onEnd(failure: StoreFailure): void;
}

export interface StoreWatch {
  close(): void;
}

export interface StoreStatus {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly name: string;
  /** Zero: no leader known. */
  readonly leaderId: bigint;
  readonly role: "leader" | "follower" | "candidate" | "learner";
  readonly term: number;
  readonly revision: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly dbSizeBytes: number;
  readonly members: readonly StoreMember[];
}

export interface StoreMember {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** Callers branch on `code`, never on text. */
export type StoreFailure =
  | { readonly code: "compacted"; readonly requested: number; readonly compactRevision: number }
  | { readonly code: "futureRevision"; readonly requested: number; readonly currentRevision: number }
  /** Nothing was proposed: safe to try again. */
  | { readonly code: "noLeader" }
  /** The proposal's fate is unknown; it is never proposed again by us. */
  | { readonly code: "unknownOutcome"; readonly message: string }
  | { readonly code: "tooLarge"; readonly sizeBytes: number; readonly limitBytes: number }
  | { readonly code: "tooManyRequests" }
  | { readonly code: "leaseNotFound"; readonly leaseId: bigint }
  | { readonly code: "spaceExceeded" }
  | { readonly code: "stopped" };

export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly failure: StoreFailure;

  constructor(failure: StoreFailure, options?: ErrorOptions) {
    super(`store: ${failure.code}`, options);
    this.failure = failure;
  }
}

/** Every method rejects with `StoreError`. */
export interface StoreClient {
  /**
   * Writes `value` only if `key` is at `expectedModRevision` (0: does not exist). One Raft proposal.
   * @param request.leaseId 0n or absent: no lease
   */
  put(request: {
    readonly key: string;
    readonly value: Uint8Array;
    readonly expectedModRevision: number;
    readonly leaseId?: bigint;
  }): Promise<WriteOutcome>;
  /** Deletes only if `key` is at `expectedModRevision`. */
  delete(request: { readonly key: string; readonly expectedModRevision: number }): Promise<WriteOutcome>;
  get(key: string, options?: { readonly revision?: number; readonly serializable?: boolean }): Promise<StoreRange>;
  /** All keys that start with `prefix`, in byte order, or those after `startAfter`. */
  list(prefix: string, options?: StoreRangeOptions & { readonly startAfter?: string }): Promise<StoreRange>;
  /** ReadIndex: resolves with the store's revision once this member has applied everything committed before the call. */
  readBarrier(): Promise<number>;
  /** Events for keys under `prefix` with modRevision >= `startRevision`. */
  watch(prefix: string, startRevision: number, handlers: StoreWatchHandlers): StoreWatch;
  leaseGrant(ttlSeconds: number): Promise<bigint>;
  compact(revision: number): Promise<void>;
  status(): Promise<StoreStatus>;
  /** Hands leadership over if this member leads; resolves when another member leads or there is nobody to take it. */
  handOverLeadership(): Promise<void>;
  close(): Promise<void>;
}
