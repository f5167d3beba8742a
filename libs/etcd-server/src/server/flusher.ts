import { assert, systemTimers } from "@triarch/base";
import type { Timers } from "@triarch/base";
import type { BucketRow } from "@triarch/store-level";

/** Where the state machine stands; written in the same atomic batch as the rows that brought it there. */
export interface AppliedPosition {
  readonly index: number;
  readonly term: number;
  /** The store's revision then. Follows from the rows; not written. */
  readonly revision: number;
}

export interface FlushTarget {
  /** Writes all of it or nothing, and returns when it is on the disk. */
  write(rows: readonly BucketRow[], position: AppliedPosition): Promise<void>;
}

interface AppliedRows {
  readonly rows: readonly BucketRow[];
  readonly sizeBytes: number;
  readonly position: AppliedPosition;
}

/** Rows of one disk batch, unless a single applied batch holds more. */
const batchBytesMax = 4 * 1024 * 1024;
/** Between two batches, unless as much as this waits: each sync of the database takes the disk from the log's syncs. */
const hurryBytes = 1024 * 1024;
export const flushPauseMs = 20;

/**
 * Takes what was applied in memory to the disk, in order, one synced batch at a time, with a pause between them; what
 * gathers meanwhile makes the next one. The log keeps every entry until its rows are here, so a crash loses nothing.
 *
 * A failed write is final: the disk's state is unknown, so the caller must stop this member.
 */
export class Flusher {
  readonly #target: FlushTarget;
  readonly #onFlushed: (position: AppliedPosition) => void;
  readonly #onFailed: (error: Error) => void;
  readonly #timers: Timers;
  #queue: AppliedRows[] = [];
  #unflushedBytes = 0;
  #durable: AppliedPosition;
  #running: Promise<void> | undefined;
  /** Callers of `flush` and `reset`: there is no pause while one waits. */
  #hurried = 0;
  #endPause = (): void => undefined;
  #failed: Error | undefined;

  constructor(options: {
    readonly target: FlushTarget;
    readonly durable: AppliedPosition;
    readonly onFlushed: (position: AppliedPosition) => void;
    readonly onFailed: (error: Error) => void;
    readonly timers?: Timers;
  }) {
    this.#target = options.target;
    this.#durable = options.durable;
    this.#onFlushed = options.onFlushed;
    this.#onFailed = options.onFailed;
    this.#timers = options.timers ?? systemTimers;
  }

  get durableIndex(): number {
    return this.#durable.index;
  }

  /** Bytes applied in memory only. The caller refuses proposals past its bound; nothing already agreed is refused. */
  get unflushedBytes(): number {
    return this.#unflushedBytes;
  }

  add(rows: readonly BucketRow[], position: AppliedPosition): void {
    if (this.#failed !== undefined) return;
    let sizeBytes = 0;
    for (const row of rows) sizeBytes += row.key.length + (row.value?.length ?? 0);
    const newest = this.#queue.at(-1)?.position.index ?? this.#durable.index;
    assert(position.index >= newest, `applied index ${position.index} comes after ${newest}`);
    this.#queue.push({ rows, sizeBytes, position });
    this.#unflushedBytes += sizeBytes;
    if (this.#unflushedBytes >= hurryBytes) this.#endPause();
    this.#running ??= this.#run();
  }

  /** Resolves when all that was added before is durable. Rejects if the disk failed. */
  async flush(): Promise<void> {
    await this.#allWritten();
    if (this.#failed !== undefined) throw this.#failed;
  }

  /** Drops what is queued and starts again at `durable`: the files were replaced by a snapshot. */
  async reset(durable: AppliedPosition): Promise<void> {
    await this.#allWritten();
    assert(this.#queue.length === 0, "nothing is applied while a snapshot is being installed");
    this.#durable = durable;
  }

  async #allWritten(): Promise<void> {
    this.#hurried += 1;
    this.#endPause();
    await this.#running;
    this.#hurried -= 1;
  }

  async #run(): Promise<void> {
    // Let the turn that applies finish first: what it adds belongs into one batch.
    await this.#timers.nextTurn();
    try {
      while (this.#queue.length > 0) {
        await this.#writeBatch();
        await this.#pause();
      }
    } catch (error) {
      this.#failed = error instanceof Error ? error : new Error(String(error));
      this.#queue = [];
      this.#onFailed(this.#failed);
    }
    this.#running = undefined;
  }

  #pause(): Promise<void> | undefined {
    if (this.#hurried > 0 || this.#unflushedBytes >= hurryBytes) return undefined;
    return new Promise((resolve) => {
      const timer = this.#timers.after(flushPauseMs, resolve);
      this.#endPause = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  async #writeBatch(): Promise<void> {
    let taken = 0;
    let sizeBytes = 0;
    while (taken < this.#queue.length) {
      const next = this.#queue[taken];
      if (next === undefined || (taken > 0 && sizeBytes + next.sizeBytes > batchBytesMax)) break;
      sizeBytes += next.sizeBytes;
      taken += 1;
    }
    const batch = this.#queue.splice(0, taken);
    const position = batch.at(-1)?.position ?? this.#durable;
    const rows = batch.length === 1 && batch[0] !== undefined ? batch[0].rows : batch.flatMap((one) => one.rows);
    await this.#target.write(rows, position);
    this.#unflushedBytes -= sizeBytes;
    this.#durable = position;
    this.#onFlushed(position);
  }
}
