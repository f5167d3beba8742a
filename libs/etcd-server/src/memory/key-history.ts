import { assert, compareBytes, utf8 } from "@triarch/base";
import type { StoreEvent, StoreKeyValue } from "../store-client.ts";

/**
 * Every version of every key, and the events in revision order, as plain arrays. A new history is at revision 1, as
 * a new etcd is. After `compact(r)` reads at `r` still work and reads before it do not; events at or after `r` stay.
 */
export class KeyHistory {
  revision = 1;
  compactRevision = 0;
  /** One entry per revision, ascending. */
  #events: { readonly revision: number; readonly events: readonly StoreEvent[] }[] = [];
  readonly #versions = new Map<string, StoreEvent[]>();

  /** Adds the events of the next revision. */
  append(events: readonly StoreEvent[]): void {
    this.revision += 1;
    for (const event of events) {
      assert(event.row.modRevision === this.revision, "events belong to the next revision");
      const versions = this.#versions.get(event.row.key);
      if (versions === undefined) this.#versions.set(event.row.key, [event]);
      else versions.push(event);
    }
    this.#events.push({ revision: this.revision, events });
  }

  latest(key: string): StoreKeyValue | undefined {
    return this.at(key, this.revision);
  }

  at(key: string, revision: number): StoreKeyValue | undefined {
    const event = this.#versions.get(key)?.findLast((one) => one.row.modRevision <= revision);
    return event?.kind === "put" ? event.row : undefined;
  }

  /** Keys that ever lived under `prefix`, in byte order. */
  keysInOrder(prefix: string): string[] {
    const keys = [...this.#versions.keys()].filter((key) => key.startsWith(prefix));
    return keys.sort((a, b) => compareBytes(utf8(a), utf8(b)));
  }

  /** Events with revision >= `fromRevision`, one array per revision. */
  eventsFrom(fromRevision: number): readonly { readonly revision: number; readonly events: readonly StoreEvent[] }[] {
    let first = this.#events.length;
    while (first > 0 && (this.#events[first - 1]?.revision ?? 0) >= fromRevision) first -= 1;
    return this.#events.slice(first);
  }

  compact(revision: number): void {
    this.compactRevision = revision;
    this.#events = this.#events.filter((entry) => entry.revision >= revision);
    for (const [key, versions] of this.#versions) {
      const kept = versions.findLastIndex((one) => one.row.modRevision <= revision);
      const rest = versions.slice(Math.max(kept, 0));
      if (rest.length === 1 && rest[0]?.kind === "delete" && rest[0].row.modRevision < revision)
        this.#versions.delete(key);
      else this.#versions.set(key, rest);
    }
  }

  sizeBytes(): number {
    let size = 0;
    for (const versions of this.#versions.values()) {
      for (const { row } of versions) size += row.key.length + row.value.length;
    }
    return size;
  }
}
