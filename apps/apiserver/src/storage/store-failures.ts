// What the store's failures mean to a caller of resource storage, and which of them are tried again here: of a write
// only "noLeader", where nothing was proposed (one of unknown fate is never repeated); of a read whatever an election or
// a reload on the store's side may cause.
import { assertNever, type Clock } from "@triarch/base";
import { StoreError, type StoreFailure } from "@triarch/etcd-server";
import { StorageError, type StorageFailure } from "./errors.ts";
import { pause, type Timers } from "./timers.ts";

/** How long an operation waits for a leader before it gives up with "unavailable". Longer than an election. */
export const leaderWaitMs = 5_000;
const leaderPollMs = 50;

/** Passes a `StorageError` on, translates a `StoreError`, and throws anything else: that is a bug. */
export function storageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  if (error instanceof StoreError) return new StorageError(meaning(error.failure), { cause: error });
  throw error;
}

export interface RetryParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly signal: AbortSignal;
}

type FailureCode = StoreFailure["code"];

const repeatableWrites: ReadonlySet<FailureCode> = new Set(["noLeader"]);
const repeatableReads: ReadonlySet<FailureCode> = new Set(["noLeader", "unknownOutcome", "tooManyRequests"]);

/** Runs `operation` again while it fails in a way that may pass, at most `leaderWaitMs`. @throws StorageError */
export async function withLeader<T>(
  parts: RetryParts,
  what: "read" | "write",
  operation: () => Promise<T>,
): Promise<T> {
  const repeatable = what === "read" ? repeatableReads : repeatableWrites;
  const giveUpAtMs = parts.clock.monotonicMs() + leaderWaitMs;
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      const mayPass = error instanceof StoreError && repeatable.has(error.failure.code);
      if (!mayPass || parts.clock.monotonicMs() >= giveUpAtMs) throw storageError(error);
      if (!(await pause(parts.timers, leaderPollMs, parts.signal))) throw storageError(error);
    }
  }
}

function meaning(failure: StoreFailure): StorageFailure {
  switch (failure.code) {
    case "compacted":
      return { code: "expired", message: "The resourceVersion for the provided list is too old." };
    case "futureRevision":
      return {
        code: "tooLargeResourceVersion",
        requested: String(failure.requested),
        current: String(failure.currentRevision),
      };
    case "noLeader":
      return { code: "unavailable", message: "the store has no leader" };
    case "unknownOutcome":
      return { code: "timeout", message: failure.message };
    case "tooLarge":
      return { code: "tooLarge", sizeBytes: failure.sizeBytes, limitBytes: failure.limitBytes };
    case "tooManyRequests":
      return { code: "tooManyRequests" };
    case "leaseNotFound":
      return { code: "unavailable", message: `lease ${failure.leaseId.toString(16)} is gone` };
    case "spaceExceeded":
      return { code: "unavailable", message: "the store's space quota is used up: compact and raise the quota" };
    case "stopped":
      return { code: "unavailable", message: "the store is stopping" };
    default:
      return assertNever(failure);
  }
}
