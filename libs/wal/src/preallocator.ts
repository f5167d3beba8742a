/**
 * Keeps zeros on disk ahead of the log's end, so that a sync of a batch has only data to write and no change of the
 * file's length. Written a step at a time in the background: a whole segment at once would hold up the syncs.
 */
import { assert } from "@triarch/base";
import type { WalFile } from "./disk.ts";

const stepBytes = 1024 * 1024;
/** With less than this left the next step starts. */
const aheadBytes = 256 * 1024;
const zeros = new Uint8Array(256 * 1024);

export class Preallocator {
  readonly #file: WalFile;
  /** All before it is written or reserved for the log. */
  #end: number;
  #running: Promise<void> | undefined;

  /** @param end the end of the log in a file that has only zeros after it */
  constructor(file: WalFile, end: number) {
    this.#file = file;
    this.#end = end;
  }

  /** To be awaited before the log writes up to `end`: background writing must not cross it. */
  async reserve(end: number): Promise<void> {
    if (end <= this.#end) return;
    await this.#running;
    this.#end = Math.max(this.#end, end);
  }

  /** Starts the next step if it is time. A failure is left to the log's own writes to find. */
  keepAhead(offset: number, sizeBytes: number): void {
    if (this.#running !== undefined || this.#end - offset > aheadBytes || this.#end >= sizeBytes) return;
    const to = Math.min(this.#end + stepBytes, sizeBytes);
    this.#running = this.#extend(to).finally(() => (this.#running = undefined));
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  async #extend(to: number): Promise<void> {
    const from = this.#end;
    try {
      // `#end` moves only when all is written, so a batch that needs the space waits for the step.
      for (let at = from; at < to; at += zeros.length) {
        await this.#file.write(zeros.subarray(0, Math.min(zeros.length, to - at)), at);
      }
      assert(this.#end === from, "nothing was reserved during the step");
      this.#end = to;
    } catch {
      // The space stays unreserved; the next batch writes there itself and reports what the disk says.
    }
  }
}
