import { toByteString } from "@triarch/base";
import type { MemberId } from "./types.ts";

/** Reads that wait for a quorum, or for the leader's first commit. Past it a read is dropped; who asked times out. */
export const pendingReadsMax = 16_384;

/** A read that waits for a quorum's confirmation that its leader still leads. */
export interface PendingRead {
  /** Who asked: this member itself (or 0), or a follower that forwarded the request. */
  readonly from: MemberId;
  /** The leader's committed index when the request came. */
  readonly index: number;
  readonly context: Uint8Array;
}

/**
 * ReadIndex (thesis 6.4): reads wait in the order of their arrival. A heartbeat carries the newest context, and a quorum
 * of answers to it confirms every read up to that one.
 *
 * Bound: `pendingReadsMax`; past it `add` refuses. Drivers batch all reads of one turn into one request, so that far
 * fewer wait here than there are readers. A change of term empties the queue and answers nobody: who asked times out.
 */
export class ReadOnlyQueue {
  #order: { read: PendingRead; key: string; acked: Set<MemberId> }[] = [];
  readonly #keys = new Set<string>();

  /** A context that waits already is not added again. @returns false when the queue is full */
  add(read: PendingRead): boolean {
    const key = toByteString(read.context);
    if (this.#keys.has(key)) return true;
    if (this.#order.length >= pendingReadsMax) return false;
    this.#keys.add(key);
    this.#order.push({ read, key, acked: new Set() });
    return true;
  }

  /** Notes that `id` confirmed `context`. @returns everyone who did; undefined when no read waits for it */
  acknowledge(id: MemberId, context: Uint8Array): ReadonlySet<MemberId> | undefined {
    const key = toByteString(context);
    if (!this.#keys.has(key)) return undefined;
    const waiting = this.#order.find((item) => item.key === key);
    waiting?.acked.add(id);
    return waiting?.acked;
  }

  /** Takes the read of `context` and all that came before it. */
  takeUpTo(context: Uint8Array): PendingRead[] {
    const key = toByteString(context);
    const at = this.#order.findIndex((item) => item.key === key);
    const taken = this.#order.slice(0, at + 1);
    this.#order = this.#order.slice(at + 1);
    for (const item of taken) this.#keys.delete(item.key);
    return taken.map((item) => item.read);
  }

  clear(): void {
    this.#order = [];
    this.#keys.clear();
  }

  /** What a heartbeat sends along. */
  lastContext(): Uint8Array | undefined {
    return this.#order.at(-1)?.read.context;
  }
}
