import { hex } from "@triarch/base";

/** What the store refuses. Nothing has changed when one of these is thrown. Callers branch on `failure.code`. */
export type MvccFailure =
  | { readonly code: "emptyKey" }
  /** `ignore_value` or `ignore_lease` on a missing key; also an operation with nothing in it. */
  | { readonly code: "keyNotFound" }
  | { readonly code: "valueProvided" }
  | { readonly code: "leaseProvided" }
  | { readonly code: "tooManyOps"; readonly operationsMax: number }
  | { readonly code: "duplicateKey" }
  | { readonly code: "invalidSortOption" }
  | { readonly code: "leaseNotFound"; readonly leaseId: bigint }
  | { readonly code: "compacted"; readonly requested: number; readonly compactRevision: number }
  | { readonly code: "futureRevision"; readonly requested: number; readonly currentRevision: number }
  /** A watch over no keys: its end is not after its start. */
  | { readonly code: "emptyWatchRange" }
  /** A sliced read was under way when a snapshot replaced the rows: ask again. */
  | { readonly code: "reloaded" };

/** `message` is etcd's own text, which clients match. */
export class MvccError extends Error {
  override readonly name = "MvccError";
  readonly failure: MvccFailure;

  constructor(failure: MvccFailure, options?: ErrorOptions) {
    super(etcdErrors[failure.code].text, options);
    this.failure = failure;
  }

  /** The status code to answer with on the etcd port. */
  get grpcStatus(): number {
    return etcdErrors[this.failure.code].grpcStatus;
  }
}

const invalidArgument = 3;
const notFound = 5;
const outOfRange = 11;
const unavailable = 14;

/** Source: etcd api/v3rpc/rpctypes/error.go. */
const etcdErrors: Readonly<Record<MvccFailure["code"], { readonly grpcStatus: number; readonly text: string }>> = {
  emptyKey: { grpcStatus: invalidArgument, text: "etcdserver: key is not provided" },
  keyNotFound: { grpcStatus: invalidArgument, text: "etcdserver: key not found" },
  valueProvided: { grpcStatus: invalidArgument, text: "etcdserver: value is provided" },
  leaseProvided: { grpcStatus: invalidArgument, text: "etcdserver: lease is provided" },
  tooManyOps: { grpcStatus: invalidArgument, text: "etcdserver: too many operations in txn request" },
  duplicateKey: { grpcStatus: invalidArgument, text: "etcdserver: duplicate key given in txn request" },
  invalidSortOption: { grpcStatus: invalidArgument, text: "etcdserver: invalid sort option" },
  leaseNotFound: { grpcStatus: notFound, text: "etcdserver: requested lease not found" },
  compacted: { grpcStatus: outOfRange, text: "etcdserver: mvcc: required revision has been compacted" },
  futureRevision: { grpcStatus: outOfRange, text: "etcdserver: mvcc: required revision is a future revision" },
  emptyWatchRange: { grpcStatus: invalidArgument, text: "mvcc: watcher range is empty" },
  reloaded: { grpcStatus: unavailable, text: "etcdserver: request timed out" },
};

/** The stored rows are not a whole history: the store does not open. Callers branch on `failure.code`. */
export type RestoreFailure =
  | { readonly code: "missingRevisions"; readonly after: number; readonly found: number }
  | { readonly code: "badRow"; readonly rowKey: Uint8Array };

export class RestoreError extends Error {
  override readonly name = "RestoreError";
  readonly failure: RestoreFailure;

  constructor(failure: RestoreFailure, options?: ErrorOptions) {
    const what =
      failure.code === "missingRevisions"
        ? `no row between revisions ${failure.after} and ${failure.found}`
        : `the row with key ${hex(failure.rowKey)} is no revision of a key`;
    super(`stored rows: ${what}; take this member's state from another member or a snapshot`, options);
    this.failure = failure;
  }
}
