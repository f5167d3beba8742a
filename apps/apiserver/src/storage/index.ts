export { StorageError } from "./errors.ts";
export type { StorageFailure } from "./errors.ts";
export type * from "./types.ts";
