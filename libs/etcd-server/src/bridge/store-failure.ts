import { MvccError, type MvccFailure } from "@triarch/mvcc";
import { EtcdServerError, type EtcdServerFailure } from "../server/errors.ts";
import { StoreError, type StoreFailure } from "../store-client.ts";

/** What the API thread is told of a refusal on the store thread. An error that is none of ours is a bug and says so. */
export function storeFailure(error: unknown): StoreFailure {
  if (error instanceof StoreError) return error.failure;
  if (error instanceof EtcdServerError) return ofServer(error.failure, error.message);
  if (error instanceof MvccError) return ofMvcc(error.failure, error.message);
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: "unknownOutcome", message: `internal error in the store: ${message}` };
}

function ofServer(failure: EtcdServerFailure, message: string): StoreFailure {
  switch (failure.code) {
    case "noLeader":
    case "tooManyRequests":
    case "stopped":
      return { code: failure.code };
    case "leaseNotFound":
      return { code: "leaseNotFound", leaseId: failure.leaseId };
    case "requestTooLarge":
      return { code: "tooLarge", sizeBytes: failure.sizeBytes, limitBytes: failure.limitBytes };
    case "noSpace":
      return { code: "spaceExceeded" };
    default:
      return { code: "unknownOutcome", message };
  }
}

function ofMvcc(failure: MvccFailure, message: string): StoreFailure {
  switch (failure.code) {
    case "compacted":
    case "futureRevision":
    case "leaseNotFound":
      return failure;
    case "reloaded":
      return { code: "tooManyRequests" }; // a read: safe to repeat
    default:
      return { code: "unknownOutcome", message };
  }
}
