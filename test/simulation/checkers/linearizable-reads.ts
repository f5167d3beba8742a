import type { CompletedRead, CompletedWrite, Observer } from "../cluster/observer.ts";
import type { Report } from "./report.ts";

/**
 * A read sees everything that was done before it began: its index is not below what any member had applied by then, and
 * its value is not older than what any client had written or read by then. (Values are written once, so where a value
 * was written says its place in the one order of all writes.) Writes keep that order too.
 */
export class LinearizableReads implements Observer {
  readonly #report: Report;
  readonly #newest = new Map<string, number>();

  constructor(report: Report) {
    this.#report = report;
  }

  /** Where the newest value of `key` was written that a client knows of. */
  newestKnown(key: string): number {
    return this.#newest.get(key) ?? 0;
  }

  onWriteAcknowledged({ key, index }: CompletedWrite): void {
    this.#known(key, index);
  }

  onRead({ memberId, key, index, writtenAt, floors }: CompletedRead): void {
    const who = `a read of ${key} on member ${memberId.toString()}`;
    if (index < floors.applied) this.#fail(`${who} got index ${index}; ${floors.applied} was applied before it began`);
    if (writtenAt < floors.written) this.#fail(`${who} saw the value of ${writtenAt}; known was ${floors.written}`);
    this.#known(key, writtenAt);
  }

  #known(key: string, index: number): void {
    this.#newest.set(key, Math.max(this.newestKnown(key), index));
  }

  #fail(text: string): void {
    this.#report("linearizableReads", text);
  }
}
