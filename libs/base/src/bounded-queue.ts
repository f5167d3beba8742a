import { assert } from "./assert.ts";

/** A first-in first-out queue with a named bound. Past it `push` says no; the caller states what then happens. */
export class BoundedQueue<T> {
  readonly itemsMax: number;
  #items: (T | undefined)[] = [];
  #head = 0;

  constructor(itemsMax: number) {
    assert(itemsMax > 0, "a queue needs room for one item");
    this.itemsMax = itemsMax;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** @returns false, with nothing queued, when the queue is full */
  push(item: T): boolean {
    if (this.length >= this.itemsMax) return false;
    this.#items.push(item);
    return true;
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes everything, oldest first. */
  drain(): T[] {
    const items = this.#items.slice(this.#head) as T[];
    this.#items = [];
    this.#head = 0;
    return items;
  }
}
