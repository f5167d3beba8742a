export { WalError } from "./errors.ts";
export type { WalFailure } from "./errors.ts";
export type * from "./types.ts";
