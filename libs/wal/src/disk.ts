/**
 * What the log needs of a file system. Names are those of files in one directory, which the disk was made for.
 * Promises reject with the system's error (`code` "ENOSPC", "EIO", ...); a simulated disk does the same.
 */
export interface WalDisk {
  /** For messages. */
  readonly directory: string;
  /** Makes the directory and its parents, durably. */
  makeDirectory(): Promise<void>;
  /** Names of files; empty when there is no directory. */
  list(): Promise<string[]>;
  /** @param mode `create` makes an empty file and fails where one exists; the others open an existing one */
  open(name: string, mode: "create" | "update" | "read"): Promise<WalFile>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Makes renames, creations and removals durable. */
  syncDirectory(): Promise<void>;
}

export interface WalFile {
  sizeBytes(): Promise<number>;
  /** All of the file, in memory of its own that the caller may give away. */
  read(): Promise<Uint8Array>;
  /** Writes all of `bytes`, which must not change until the promise resolves. Not durable before `fdatasync()`. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Cuts the file; a crash leaves the old length or the new one. Durable with the next `fdatasync()`. */
  truncate(sizeBytes: number): Promise<void>;
  fdatasync(): Promise<void>;
  close(): Promise<void>;
}
