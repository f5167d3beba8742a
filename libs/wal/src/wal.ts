/**
 * The write-ahead log of one member: segments in one directory, appended to by one caller, one batch at a time.
 *
 * I1. A batch is on disk, whole, when `append` resolves; nothing is written after it before that. (Replay relies on it.)
 * I2. After a failed write or sync nothing more is written: what the disk holds is unknown. Every later call fails.
 * I3. Each segment begins with the newest hard state and snapshot, so that older segments can go.
 */
import { assert, assertDefined } from "@triarch/base";
import type { HardState } from "@triarch/raft";
import { writeBatch } from "./batch.ts";
import { formatVersion, writeSeal, writeSegmentHeader } from "./bodies.ts";
import type { WalDisk, WalFile } from "./disk.ts";
import { WalError } from "./errors.ts";
import type { WalFailure } from "./errors.ts";
import { Preallocator } from "./preallocator.ts";
import { RecordWriter } from "./record.ts";
import { segmentName, unfinishedSuffix } from "./segment-names.ts";
import type { SegmentName } from "./segment-names.ts";
import type { WalBatch, WalMetadata, WalSnapshot } from "./types.ts";

export const segmentSizeBytesDefault = 64 * 1024 * 1024;

/** Where an opened log stands. */
export interface WalPosition {
  readonly segments: readonly SegmentName[];
  readonly file: WalFile;
  readonly offset: number;
  readonly chain: number;
  readonly hardState: HardState;
  readonly snapshot: WalSnapshot;
  readonly lastIndex: number;
}

export class Wal {
  readonly #disk: WalDisk;
  readonly #metadata: WalMetadata;
  readonly #segmentSizeBytes: number;
  readonly #out: RecordWriter;
  #segments: SegmentName[];
  #file: WalFile;
  #space: Preallocator;
  #offset: number;
  #hardState: HardState;
  #snapshot: WalSnapshot;
  /** What unsynced batches left for the next synced one. */
  #unwritten: { hardState?: HardState; snapshot?: WalSnapshot } = {};
  #syncedSnapshotIndex: number;
  #lastIndex: number;
  #busy = false;
  #failure: WalError | undefined;

  constructor(disk: WalDisk, metadata: WalMetadata, segmentSizeBytes: number, position: WalPosition) {
    this.#disk = disk;
    this.#metadata = metadata;
    this.#segmentSizeBytes = segmentSizeBytes;
    this.#out = new RecordWriter(position.chain);
    this.#segments = [...position.segments];
    this.#file = position.file;
    this.#space = new Preallocator(position.file, position.offset);
    this.#offset = position.offset;
    this.#hardState = position.hardState;
    this.#snapshot = position.snapshot;
    this.#syncedSnapshotIndex = position.snapshot.index;
    this.#lastIndex = position.lastIndex;
  }

  /** Segments on disk. */
  get segmentCount(): number {
    return this.#segments.length;
  }

  /**
   * Makes the batch durable: one write, one `fdatasync`; sometimes a new segment after it. One call at a time.
   * @throws WalError "io" | "poisoned" | "closed". After "io" the process must stop: see I2.
   */
  async append(batch: WalBatch): Promise<void> {
    this.#begin("append");
    try {
      this.#remember(batch);
      if (!batch.sync) return;
      await this.#write({ entries: batch.entries ?? [], installing: batch.installing, ...this.#unwritten });
      this.#unwritten = {};
      this.#syncedSnapshotIndex = this.#snapshot.index;
      if (this.#offset >= this.#segmentSizeBytes) await this.#cut();
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#busy = false;
    }
  }

  /** Replay starts here, or later. */
  get syncedSnapshotIndex(): number {
    return this.#syncedSnapshotIndex;
  }

  /**
   * Deletes segments that hold only entries up to `index`, oldest first, never the newest. May run beside `append`.
   * @param index at most `syncedSnapshotIndex`: replay needs what comes after it
   * @returns how many were deleted
   * @throws WalError "io" | "poisoned" | "closed"
   */
  async purge(index: number): Promise<number> {
    assert(index <= this.#syncedSnapshotIndex, `purge to ${index} passes the snapshot ${this.#syncedSnapshotIndex}`);
    this.#requireUsable("purge");
    let count = 0;
    while ((this.#segments[count + 1]?.firstIndex ?? Number.POSITIVE_INFINITY) <= index + 1) count += 1;
    if (count === 0) return 0;
    const old = this.#segments.splice(0, count);
    try {
      for (const { name } of old) await this.#disk.remove(name);
      await this.#disk.syncDirectory();
    } catch (error) {
      throw this.#fail(error);
    }
    return count;
  }

  /** Writes what unsynced batches left, unless the log has failed. Idempotent. */
  async close(): Promise<void> {
    if (this.#failure?.failure === "closed") return;
    try {
      const left = Object.keys(this.#unwritten).length > 0;
      if (this.#failure === undefined && left) await this.append({ sync: true });
    } finally {
      await this.#space.idle();
      this.#failure = this.#error("closed", "it is closed.");
      await this.#file.close();
    }
  }

  #begin(what: string): void {
    assert(!this.#busy, `WAL ${what}: one call at a time`);
    this.#requireUsable(what);
    this.#busy = true;
  }

  #requireUsable(what: string): void {
    if (this.#failure !== undefined) {
      const failure: WalFailure = this.#failure.failure === "closed" ? "closed" : "poisoned";
      throw this.#error(failure, `${what} after: ${this.#failure.message}`);
    }
  }

  #remember(batch: WalBatch): void {
    const entries = batch.entries ?? [];
    assert(batch.sync || (entries.length === 0 && batch.installing === undefined), "entries are always synced");
    this.#lastIndex = entries.at(-1)?.index ?? this.#lastIndex;
    if (batch.hardState !== undefined) this.#hardState = this.#unwritten.hardState = batch.hardState;
    if (batch.snapshot !== undefined) {
      this.#snapshot = this.#unwritten.snapshot = batch.snapshot;
      this.#lastIndex = Math.max(this.#lastIndex, batch.snapshot.index);
    }
  }

  async #write(batch: Omit<WalBatch, "sync">): Promise<void> {
    writeBatch(this.#out, this.#offset, batch);
    const bytes = this.#out.bytes();
    await this.#space.reserve(this.#offset + bytes.length);
    await this.#file.write(bytes, this.#offset);
    await this.#file.fdatasync();
    this.#offset += bytes.length;
    this.#out.reset();
    this.#space.keepAhead(this.#offset, this.#segmentSizeBytes);
  }

  /** The next segment is complete before the last one is sealed, so a crash leaves a log that opens. */
  async #cut(): Promise<void> {
    const previous = assertDefined(this.#segments.at(-1), "a log has a segment");
    await this.#space.idle();
    const chain = this.#out.chain;
    const created = await createSegment(this.#disk, {
      metadata: this.#metadata,
      sequence: previous.sequence + 1,
      firstIndex: this.#lastIndex + 1,
      chain,
      hardState: this.#hardState,
      snapshot: this.#snapshot,
    });
    writeSeal(this.#out, created.name.sequence);
    await this.#file.write(this.#out.bytes(), this.#offset);
    await this.#file.fdatasync();
    await this.#file.close();
    this.#out.reset();
    this.#out.chain = created.chain;
    this.#segments.push(created.name);
    this.#file = created.file;
    this.#offset = created.offset;
    this.#space = new Preallocator(created.file, created.offset);
  }

  #fail(error: unknown): unknown {
    if (!(error instanceof Error) || !("code" in error)) {
      this.#failure ??= this.#error("io", `an internal error: ${String(error)}`);
      return error;
    }
    const code = String(error.code);
    const text = `${code}. ${adviceFor(code)} The process must stop: what the disk holds is unknown until it is read again.`;
    this.#failure = this.#error("io", text, error);
    return this.#failure;
  }

  #error(failure: WalFailure, text: string, cause?: Error): WalError {
    const file = `${this.#disk.directory}/${this.#segments.at(-1)?.name ?? ""}`;
    return new WalError({ failure, file, offset: this.#offset }, text, cause === undefined ? {} : { cause });
  }
}

export interface NewSegment {
  readonly metadata: WalMetadata;
  readonly sequence: number;
  readonly firstIndex: number;
  readonly chain: number;
  readonly hardState: HardState;
  readonly snapshot: WalSnapshot;
}

/** Appears under its name only when its content is durable. */
export async function createSegment(
  disk: WalDisk,
  segment: NewSegment,
): Promise<{ readonly name: SegmentName; readonly file: WalFile; readonly offset: number; readonly chain: number }> {
  const name = segmentName(segment.sequence, segment.firstIndex);
  const out = new RecordWriter(segment.chain);
  const { sequence, firstIndex, chain, hardState, snapshot } = segment;
  writeSegmentHeader(out, { version: formatVersion, ...segment.metadata, sequence, firstIndex, chain });
  writeBatch(out, 0, { hardState, snapshot });
  const unfinished = name + unfinishedSuffix;
  const file = await disk.open(unfinished, "create");
  await file.write(out.bytes(), 0);
  await file.fdatasync();
  await disk.rename(unfinished, name);
  await disk.syncDirectory();
  return { name: { name, sequence, firstIndex }, file, offset: out.length, chain: out.chain };
}

/** What a person can do about the system's refusal. */
export function adviceFor(code: string): string {
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return "The disk is full: free space, then start the member again.";
    case "EROFS":
      return "The file system is read-only: see the kernel log, repair it and start the member again.";
    case "EIO":
      return "The disk failed: see the kernel log; replace it and add the member again under a new id.";
    case "EACCES":
    case "EPERM":
      return "Permission denied: make the directory writable for this user.";
    default:
      return "See the system's message, repair the cause and start the member again.";
  }
}
