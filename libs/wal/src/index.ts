export { createWal, openWal, walExists } from "./open.ts";
export type { WalOptions } from "./open.ts";
export { segmentSizeBytesDefault } from "./wal.ts";
export type { Wal } from "./wal.ts";
export { nodeWalDisk } from "./node-disk.ts";
export type { WalDisk, WalFile } from "./disk.ts";
export { WalError } from "./errors.ts";
export type { WalFailure } from "./errors.ts";
export type * from "./types.ts";
