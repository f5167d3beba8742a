export type LevelStoreFailure =
  | { readonly code: "locked" }
  /** Bytes are not what was written: a checksum, a missing file, LevelDB's own finding. */
  | { readonly code: "damaged" }
  /** Files that this program did not write. */
  | { readonly code: "foreign" }
  | { readonly code: "missing" }
  /** The disk or the file system refused. What was being written may or may not be there. */
  | { readonly code: "io" }
  | { readonly code: "closed" };

/** Names the directory, what is wrong and what to do. Callers branch on `failure.code`. */
export class LevelStoreError extends Error {
  override readonly name = "LevelStoreError";
  readonly failure: LevelStoreFailure;
  readonly directory: string;

  constructor(failure: LevelStoreFailure, directory: string, detail: string, options?: ErrorOptions) {
    super(`${directory}: ${detail}; ${whatToDo[failure.code]}`, options);
    this.failure = failure;
    this.directory = directory;
  }
}

const whatToDo: Readonly<Record<LevelStoreFailure["code"], string>> = {
  locked: "stop the other process that uses this directory, or choose another data directory",
  damaged:
    "a member whose log is whole takes its state from another one at its next start; " +
    "a lone member is restored from a snapshot",
  foreign: "choose another data directory, or empty this one if its files are not needed",
  missing: "check the data directory's path and that its disk is mounted",
  io: "check free space, permissions and the disk's health, then start the member again",
  closed: "this is a use after close",
};

/** Turns what classic-level throws into a failure of ours. */
export function levelStoreError(error: unknown, directory: string): LevelStoreError {
  if (error instanceof LevelStoreError) return error;
  const reason = rootCause(error);
  const text = reason instanceof Error ? reason.message : String(reason);
  const code = reason instanceof Error && "code" in reason ? String(reason.code) : "";
  const wrap = (failure: LevelStoreFailure["code"], detail: string): LevelStoreError =>
    new LevelStoreError({ code: failure }, directory, detail, { cause: error });
  if (code === "LEVEL_LOCKED") return wrap("locked", "another process has the database open");
  if (code === "LEVEL_CORRUPTION" || (code === "LEVEL_IO_ERROR" && /no such file/i.test(text))) {
    return wrap("damaged", `the database is damaged (${text})`);
  }
  if (code === "LEVEL_DATABASE_NOT_OPEN" || code === "LEVEL_ITERATOR_NOT_OPEN") return wrap("closed", "it is closed");
  if (code === "ENOENT") return wrap("missing", "there is no such directory");
  return wrap("io", `reading or writing failed (${text})`);
}

function rootCause(error: unknown): unknown {
  let cause = error;
  while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
  return cause;
}
