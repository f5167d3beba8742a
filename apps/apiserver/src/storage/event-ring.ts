// The latest changes of one resource, for watches that resume. I1: every change after `floor` is here, in order.
// The ring grows from `eventsMin` while what it forgets is younger than `freshMs`, up to `eventsMax` events or
// `bytesMax` of objects. Past a bound the oldest change goes and `floor` rises: who is behind it gets 410 Expired.
import { firstIndex } from "./chunked-map.ts";
import type { CacheEvent } from "./watch-events.ts";

export interface EventRingLimits {
  readonly eventsMin: number;
  readonly eventsMax: number;
  readonly bytesMax: number;
  readonly freshMs: number;
}

export const eventRingLimits: EventRingLimits = {
  eventsMin: 1_000,
  eventsMax: 10_000,
  bytesMax: 64 * 1024 * 1024,
  freshMs: 75_000,
};

export class EventRing {
  readonly #limits: EventRingLimits;
  #events: CacheEvent[] = [];
  #head = 0;
  #capacity: number;
  #sizeBytes = 0;
  #floor: number;

  /** @param floor a revision whose state the reader already has */
  constructor(floor: number, limits: EventRingLimits = eventRingLimits) {
    this.#limits = limits;
    this.#floor = floor;
    this.#capacity = limits.eventsMin;
  }

  get floor(): number {
    return this.#floor;
  }

  get length(): number {
    return this.#events.length - this.#head;
  }

  /** Revision of the newest change; `floor` when there is none. */
  get newest(): number {
    return this.length === 0 ? this.#floor : (this.#events.at(-1)?.revision ?? this.#floor);
  }

  push(event: CacheEvent): void {
    const oldest = this.#events[this.#head];
    if (oldest !== undefined && this.length >= this.#capacity && event.atMs - oldest.atMs < this.#limits.freshMs) {
      this.#capacity = Math.min(this.#capacity * 2, this.#limits.eventsMax);
    }
    this.#events.push(event);
    this.#sizeBytes += event.sizeBytes;
    while (this.length > this.#capacity || (this.length > 1 && this.#sizeBytes > this.#limits.bytesMax)) this.#forget();
  }

  /** Changes after `revision`, or undefined when some of them are forgotten. */
  since(revision: number): readonly CacheEvent[] | undefined {
    if (revision < this.#floor) return undefined;
    const count = this.length;
    const first = firstIndex(count, (at) => (this.#events[this.#head + at]?.revision ?? 0) > revision);
    return this.#events.slice(this.#head + first);
  }

  /**
   * Puts older changes in front: all after `floor` up to the ring's own floor.
   * @returns false, with nothing changed, when they do not fit
   */
  extendBack(floor: number, older: readonly CacheEvent[]): boolean {
    const sizeBytes = older.reduce((sum, event) => sum + event.sizeBytes, this.#sizeBytes);
    if (older.length + this.length > this.#limits.eventsMax || sizeBytes > this.#limits.bytesMax) return false;
    this.#events = [...older, ...this.#events.slice(this.#head)];
    this.#head = 0;
    this.#capacity = Math.min(Math.max(this.#capacity, this.#events.length * 2), this.#limits.eventsMax);
    this.#sizeBytes = sizeBytes;
    this.#floor = floor;
    return true;
  }

  #forget(): void {
    const oldest = this.#events[this.#head] as CacheEvent;
    this.#head += 1;
    this.#sizeBytes -= oldest.sizeBytes;
    this.#floor = oldest.revision;
    if (this.#head > 256 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }
}
