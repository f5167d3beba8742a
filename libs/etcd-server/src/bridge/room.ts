/**
 * Back-pressure of the bridge: bytes sent and not yet taken in by the other side. Senders of much (lists, watches) ask
 * first; when there is no room they wait until half of it is free again.
 */
export class Room {
  readonly #bytesMax: number;
  #usedBytes = 0;
  #waiting: (() => void)[] = [];
  #closed = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get full(): boolean {
    return !this.#closed && this.#usedBytes >= this.#bytesMax;
  }

  use(sizeBytes: number): void {
    this.#usedBytes += sizeBytes;
  }

  give(sizeBytes: number): void {
    this.#usedBytes -= sizeBytes;
    if (this.#usedBytes <= this.#bytesMax / 2) this.#wake();
  }

  /** Calls `ready` once when there is room again. Bounded by its callers: one per watch, one per list. */
  whenFree(ready: () => void): void {
    if (this.full) this.#waiting.push(ready);
    else ready();
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const ready of waiting) ready();
  }
}
