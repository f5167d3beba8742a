/** One file: what programs see (the page cache), what the disk has, and the changes between the two, in order. */

/** The least that a disk writes at once. */
const sectorBytes = 512;

export type FileChange =
  | { readonly kind: "write"; readonly position: number; readonly bytes: Uint8Array; readonly isZero: boolean }
  | { readonly kind: "truncate"; readonly sizeBytes: number };

export class Inode {
  #seen: Uint8Array;
  #durable: Uint8Array;
  #unsynced: FileChange[] = [];

  constructor(content: Uint8Array = new Uint8Array(0)) {
    this.#seen = content.slice();
    this.#durable = content.slice();
  }

  /** As programs see it. Not to be changed. */
  get content(): Uint8Array {
    return this.#seen;
  }

  /** What a power cut now would leave at the least. Not to be changed. */
  get durableContent(): Uint8Array {
    return this.#durable;
  }

  /** Has it data that a power cut could take? Zeros written ahead do not count. */
  get hasUnsyncedData(): boolean {
    return this.#unsynced.some((change) => change.kind === "truncate" || !change.isZero);
  }

  get unsyncedCount(): number {
    return this.#unsynced.length;
  }

  change(change: FileChange): void {
    this.#seen = applied(this.#seen, change);
    this.#unsynced.push(change);
  }

  /** The first `count` changes have reached the disk. */
  synced(count: number): void {
    for (const change of this.#unsynced.splice(0, count)) this.#durable = applied(this.#durable, change);
  }

  /** A failed sync: the system forgets which pages are dirty; some reached the disk, programs go on seeing all. */
  syncFailed(chance: (probability: number) => boolean): void {
    for (const change of this.#unsynced.splice(0)) if (chance(0.5)) this.#durable = applied(this.#durable, change);
  }

  /**
   * The power goes: of the changes in order a part is there, of the next one the first sectors. Zeros that were written
   * ahead are there or not on their own.
   * @returns was a write torn
   */
  powerLost(chance: (probability: number) => boolean, int: (bound: number) => number): boolean {
    let isTorn = false;
    let isLost = false;
    const keepAll = chance(0.2);
    for (const change of this.#unsynced.splice(0)) {
      if (change.kind === "write" && change.isZero) {
        if (chance(0.5)) this.#durable = applied(this.#durable, change);
      } else if (isLost) {
        continue;
      } else if (keepAll || chance(0.3)) {
        this.#durable = applied(this.#durable, change);
      } else {
        isLost = true;
        if (change.kind === "write") isTorn = this.#tear(change, int);
      }
    }
    this.#seen = this.#durable.slice();
    return isTorn;
  }

  #tear({ position, bytes }: FileChange & { kind: "write" }, int: (bound: number) => number): boolean {
    const firstEnd = (Math.floor(position / sectorBytes) + 1) * sectorBytes;
    const sectors = Math.ceil((position + bytes.length) / sectorBytes) - Math.floor(position / sectorBytes);
    const kept = int(sectors);
    if (kept === 0) return false;
    const length = Math.min(bytes.length, firstEnd - position + (kept - 1) * sectorBytes);
    const written = bytes.subarray(0, length);
    this.#durable = applied(this.#durable, { kind: "write", position, bytes: written, isZero: false });
    return length < bytes.length;
  }

  /** The disk decays under a stopped member: one bit is another. */
  flipBit(offset: number, bit: number): void {
    for (const bytes of [this.#seen, this.#durable]) {
      if (offset < bytes.length) bytes[offset] = (bytes[offset] as number) ^ (1 << bit);
    }
  }
}

function applied(content: Uint8Array, change: FileChange): Uint8Array {
  if (change.kind === "truncate") return content.slice(0, change.sizeBytes);
  const { position, bytes } = change;
  const end = position + bytes.length;
  let result = content;
  if (end > content.length) {
    result = new Uint8Array(end);
    result.set(content);
  }
  result.set(bytes, position);
  return result;
}

export function isAllZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}
