/** Why storage could not do it. The HTTP side makes a Status of each; callers branch on `code`, never on text. */
export type StorageFailure =
  | { readonly code: "notFound" }
  | { readonly code: "alreadyExists" }
  /** 409: somebody else kept writing. */
  | { readonly code: "conflict" }
  /** 409 naming the precondition: see `preconditionConflict` of `@triarch/api`. */
  | {
      readonly code: "precondition";
      readonly field: "UID" | "ResourceVersion";
      readonly wanted: string;
      readonly found: string;
    }
  /** 410 Expired; `continue` goes into the Status' `metadata.continue`. */
  | { readonly code: "expired"; readonly message: string; readonly continue?: string }
  /** 504 with cause ResourceVersionTooLarge and a retry after one second. */
  | { readonly code: "tooLargeResourceVersion"; readonly requested: string; readonly current: string }
  /** 400 `message`. */
  | { readonly code: "invalidContinue"; readonly message: string }
  /** 400 on a list, 500 on a watch (as Kubernetes has it): `message` is the text after "invalid resource version: ". */
  | { readonly code: "invalidResourceVersion"; readonly message: string }
  /** 504: the write's fate is unknown, it is not tried again here. */
  | { readonly code: "timeout"; readonly message: string }
  /** 503: nothing was done. */
  | { readonly code: "unavailable"; readonly message: string }
  /** 413. */
  | { readonly code: "tooLarge"; readonly sizeBytes: number; readonly limitBytes: number }
  /** 429: nothing was done. */
  | { readonly code: "tooManyRequests" }
  /** 500: the stored bytes under `key` can't be read. */
  | { readonly code: "corrupt"; readonly key: string; readonly message: string };

export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly failure: StorageFailure;

  constructor(failure: StorageFailure, options?: ErrorOptions) {
    super("message" in failure ? `${failure.code}: ${failure.message}` : failure.code, options);
    this.failure = failure;
  }
}
