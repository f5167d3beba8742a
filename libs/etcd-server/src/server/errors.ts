import type { LeaseError } from "@triarch/lease";

/**
 * What the replicated store itself refuses, beside what MVCC refuses (`MvccError`). Callers branch on `code`; the
 * message is etcd's own wording, which clients of the etcd port match.
 */
export type EtcdServerFailure =
  /** Nothing was proposed: safe to try again. */
  | { readonly code: "noLeader" }
  /** Proposed, and the leader went before the entry was seen to be applied: its fate is unknown. */
  | { readonly code: "leaderChanged" }
  /** No answer within `requestTimeoutMs`; a write's fate is unknown. `cause` picks etcd's wording. */
  | { readonly code: "timeout"; readonly cause: "none" | "leaderFailure" | "appliedIndex" }
  | { readonly code: "tooManyRequests" }
  | { readonly code: "requestTooLarge"; readonly sizeBytes: number; readonly limitBytes: number }
  | { readonly code: "noSpace" }
  | { readonly code: "corrupt" }
  | { readonly code: "leaseNotFound"; readonly leaseId: bigint }
  | { readonly code: "leaseExists"; readonly leaseId: bigint }
  | { readonly code: "leaseTtlTooLarge"; readonly ttlSeconds: number }
  | { readonly code: "memberNotFound"; readonly memberId: bigint }
  | { readonly code: "memberExists" }
  | { readonly code: "peerUrlsExist" }
  | { readonly code: "badMemberUrls" }
  /** With the change, fewer than a majority of the voting members would have started. */
  | { readonly code: "notEnoughStartedMembers" }
  /** A voting member that the change needs is not connected to the leader. */
  | { readonly code: "unhealthyCluster" }
  | { readonly code: "memberNotLearner" }
  | { readonly code: "learnerNotReady" }
  | { readonly code: "tooManyLearners" }
  | { readonly code: "notLeader" }
  | { readonly code: "badTransferee" }
  /** Another member that had to be asked cannot be had; nothing was proposed. */
  | { readonly code: "unreachable" }
  | { readonly code: "notSupported"; readonly what: string }
  | { readonly code: "stopped" };

export class EtcdServerError extends Error {
  override readonly name = "EtcdServerError";
  readonly failure: EtcdServerFailure;

  constructor(failure: EtcdServerFailure, options?: ErrorOptions) {
    super(etcdText(failure), options);
    this.failure = failure;
  }
}

/** etcd's text for a failure. Source: etcd api/v3rpc/rpctypes/error.go. */
export function etcdText(failure: EtcdServerFailure): string {
  switch (failure.code) {
    case "timeout":
      return timeoutTexts[failure.cause];
    case "notSupported":
      return `etcdserver: ${failure.what} is not supported yet`;
    default:
      return texts[failure.code];
  }
}

const timeoutTexts = {
  none: "etcdserver: request timed out",
  leaderFailure: "etcdserver: request timed out, possibly due to previous leader failure",
  appliedIndex: "etcdserver: request timed out, waiting for the applied index took too long",
} as const;

const texts: Readonly<Record<Exclude<EtcdServerFailure["code"], "timeout" | "notSupported">, string>> = {
  noLeader: "etcdserver: no leader",
  leaderChanged: "etcdserver: leader changed",
  tooManyRequests: "etcdserver: too many requests",
  requestTooLarge: "etcdserver: request is too large",
  noSpace: "etcdserver: mvcc: database space exceeded",
  corrupt: "etcdserver: corrupt cluster",
  leaseNotFound: "etcdserver: requested lease not found",
  leaseExists: "etcdserver: lease already exists",
  leaseTtlTooLarge: "etcdserver: too large lease TTL",
  memberNotFound: "etcdserver: member not found",
  memberExists: "etcdserver: member ID already exist",
  peerUrlsExist: "etcdserver: Peer URLs already exists",
  badMemberUrls: "etcdserver: given member URLs are invalid",
  notEnoughStartedMembers: "etcdserver: re-configuration failed due to not enough started members",
  unhealthyCluster: "etcdserver: unhealthy cluster",
  memberNotLearner: "etcdserver: can only promote a learner member",
  learnerNotReady: "etcdserver: can only promote a learner member which is in sync with leader",
  tooManyLearners: "etcdserver: too many learner members in cluster",
  notLeader: "etcdserver: not leader",
  badTransferee: "etcdserver: bad leader transferee",
  unreachable: "etcdserver: request timed out, possibly due to connection lost",
  stopped: "etcdserver: server stopped",
};

/** The lessor's refusals by the names that callers of the server know. */
export function ofLessor(error: LeaseError): EtcdServerError {
  const { failure } = error;
  return new EtcdServerError(failure.code === "notPrimary" ? { code: "notLeader" } : failure, { cause: error });
}
