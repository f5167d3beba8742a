// gRPC status codes, and which one each failure of the store is answered with.
import { AuthError } from "@triarch/etcd-auth";
import { EtcdServerError, type EtcdServerFailure } from "@triarch/etcd-server";
import { DecodeError } from "@triarch/etcd-proto";
import { MvccError } from "@triarch/mvcc";

export const grpcCodes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

/** Ends a call with a code and a text that clients match. */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * etcd maps `tooManyRequests` and `notEnoughStartedMembers` to client-side error values, so they travel as Unknown with the
 * right text.
 * Source: etcd api/v3rpc/rpctypes/error.go, server/etcdserver/api/v3rpc/util.go.
 */
const serverCodes: Readonly<Record<EtcdServerFailure["code"], number>> = {
  noLeader: grpcCodes.unavailable,
  leaderChanged: grpcCodes.unavailable,
  timeout: grpcCodes.unavailable,
  tooManyRequests: grpcCodes.unknown,
  requestTooLarge: grpcCodes.invalidArgument,
  noSpace: grpcCodes.resourceExhausted,
  corrupt: grpcCodes.dataLoss,
  leaseNotFound: grpcCodes.notFound,
  leaseExists: grpcCodes.failedPrecondition,
  leaseTtlTooLarge: grpcCodes.outOfRange,
  notLeader: grpcCodes.failedPrecondition,
  badTransferee: grpcCodes.failedPrecondition,
  unreachable: grpcCodes.unavailable,
  memberNotFound: grpcCodes.notFound,
  memberExists: grpcCodes.failedPrecondition,
  peerUrlsExist: grpcCodes.failedPrecondition,
  badMemberUrls: grpcCodes.invalidArgument,
  notEnoughStartedMembers: grpcCodes.unknown,
  unhealthyCluster: grpcCodes.unavailable,
  memberNotLearner: grpcCodes.failedPrecondition,
  learnerNotReady: grpcCodes.failedPrecondition,
  tooManyLearners: grpcCodes.failedPrecondition,
  notSupported: grpcCodes.unimplemented,
  stopped: grpcCodes.unavailable,
};

export function grpcErrorOf(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  if (error instanceof EtcdServerError)
    return new GrpcError(serverCodes[error.failure.code], error.message, { cause: error });
  if (error instanceof AuthError) return new GrpcError(error.grpcStatus, error.message, { cause: error });
  if (error instanceof MvccError) return new GrpcError(error.grpcStatus, error.message, { cause: error });
  if (error instanceof DecodeError) {
    return new GrpcError(grpcCodes.internal, `grpc: error unmarshalling request: ${error.message}`, { cause: error });
  }
  return new GrpcError(grpcCodes.unknown, error instanceof Error ? error.message : String(error), { cause: error });
}

/** `grpc-message` is percent-encoded outside printable ASCII. */
export function encodeGrpcMessage(text: string): string {
  return text.toWellFormed().replace(/[^ -$&-~]/gu, (character) => encodeURIComponent(character));
}

export function decodeGrpcMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
