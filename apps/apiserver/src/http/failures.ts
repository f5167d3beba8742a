// Every failure ends here and leaves as a Status.
import {
  alreadyExists,
  badRequest,
  conflict,
  expired,
  type FailureStatus,
  internalError,
  type KindName,
  notFound,
  preconditionConflict,
  requestEntityTooLarge,
  type ResourceInfo,
  SelectorError,
  serviceUnavailable,
  StatusError,
  timeout,
  tooLargeResourceVersion,
  tooManyRequests,
} from "@triarch/api";
import { StorageError } from "../storage/index.ts";

/** The object a failure is about. */
export interface Subject {
  readonly resource: Pick<ResourceInfo, "group" | "resource" | "kind">;
  readonly name: string;
}

export function statusOfStorageError(error: StorageError, { resource, name }: Subject): FailureStatus {
  const failure = error.failure;
  switch (failure.code) {
    case "notFound":
      return notFound(resource, name);
    case "alreadyExists":
      return alreadyExists(resource, name);
    case "conflict":
      return conflict(resource, name);
    case "precondition":
      return preconditionConflict(storedKind(resource), name, failure.field, failure);
    case "expired":
      return failure.continue === undefined
        ? expired(failure.message)
        : { ...expired(failure.message), metadata: { continue: failure.continue } };
    case "tooLargeResourceVersion":
      return tooLargeResourceVersion(String(failure.requested), String(failure.current));
    case "invalidContinue":
      return badRequest(failure.message);
    case "invalidResourceVersion":
      return badRequest(`invalid resource version: ${failure.message}`);
    case "timeout":
      return timeout(failure.message);
    case "unavailable":
      return serviceUnavailable(failure.message);
    case "tooLarge":
      return requestEntityTooLarge(`${failure.sizeBytes} bytes, limit is ${failure.limitBytes}`);
    case "tooManyRequests":
      return tooManyRequests("the store has too many requests waiting; try again later");
    case "corrupt":
      return internalError(`stored object ${failure.key} can't be read: ${failure.message}`);
  }
}

/** Events are stored under the core group, by whichever group they are reached, and preconditions are about what is stored. */
function storedKind({ group, kind }: Subject["resource"]): KindName {
  return { group: kind === "Event" ? "" : group, kind };
}

/** Runs `work`; what storage refuses becomes a `StatusError` about `subject`. */
export async function about<T>(subject: Subject, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof StorageError
      ? new StatusError(statusOfStorageError(error, subject), { cause: error })
      : error;
  }
}

/** The Status to answer with; undefined for what nobody foresaw. */
export function expectedStatus(error: unknown): FailureStatus | undefined {
  if (error instanceof StatusError) return error.status;
  if (error instanceof SelectorError) return badRequest(error.message);
  if (error instanceof URIError) return badRequest(`the path can't be decoded: ${error.message}`);
  return undefined;
}
