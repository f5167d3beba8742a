/**
 * `corrupt`: bytes that no crash explains. `missingSegment`, `foreign`, `exists`, `missing`: the wrong files are there.
 * `io`: the system refused (its code is in `cause`). `poisoned`: an earlier write or sync failed. `closed`: after `close()`.
 */
export type WalFailure = "corrupt" | "missingSegment" | "foreign" | "exists" | "missing" | "io" | "poisoned" | "closed";

/** Callers branch on `failure`; the text names file and offset and says what to do. */
export class WalError extends Error {
  override readonly name = "WalError";
  readonly failure: WalFailure;
  readonly file: string;
  /** Byte in the file; -1 where it is about the file as a whole. */
  readonly offset: number;

  constructor(
    where: { readonly failure: WalFailure; readonly file: string; readonly offset?: number },
    text: string,
    options?: ErrorOptions,
  ) {
    const offset = where.offset ?? -1;
    super(`WAL ${where.file}${offset >= 0 ? ` at byte ${offset}` : ""}: ${text}`, options);
    this.failure = where.failure;
    this.file = where.file;
    this.offset = offset;
  }
}
