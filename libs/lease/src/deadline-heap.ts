/**
 * Which lease is due next. A deadline that moved is pushed again; the old entry is recognised by its `deadlineMs` when
 * it comes up and passed over. Cost: O(log n) each.
 */
export interface Deadline {
  readonly leaseId: bigint;
  readonly deadlineMs: number;
}

export class DeadlineHeap {
  #entries: Deadline[] = [];

  get size(): number {
    return this.#entries.length;
  }

  peek(): Deadline | undefined {
    return this.#entries[0];
  }

  clear(): void {
    this.#entries = [];
  }

  push(entry: Deadline): void {
    const entries = this.#entries;
    let at = entries.length;
    entries.push(entry);
    while (at > 0) {
      const parentAt = (at - 1) >>> 1;
      const parent = entries[parentAt] as Deadline;
      if (parent.deadlineMs <= entry.deadlineMs) break;
      entries[at] = parent;
      at = parentAt;
    }
    entries[at] = entry;
  }

  pop(): Deadline | undefined {
    const entries = this.#entries;
    const top = entries[0];
    const last = entries.pop();
    if (top === undefined || last === undefined || entries.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= entries.length) break;
      const right = entries[child + 1];
      if (right !== undefined && right.deadlineMs < (entries[child] as Deadline).deadlineMs) child += 1;
      const least = entries[child] as Deadline;
      if (last.deadlineMs <= least.deadlineMs) break;
      entries[at] = least;
      at = child;
    }
    entries[at] = last;
    return top;
  }
}
