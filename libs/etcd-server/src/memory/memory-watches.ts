import type { StoreFailure, StoreWatch, StoreWatchHandlers } from "../store-client.ts";
import type { KeyHistory } from "./key-history.ts";

interface MemoryWatch {
  readonly prefix: string;
  readonly handlers: StoreWatchHandlers;
  nextRevision: number;
  /** Last revision told by `onProgress`; 0 before the first. */
  progressRevision: number;
}

/** Feeds watches from the history in one microtask per change: events per revision, then progress. */
export class MemoryWatches {
  readonly #history: KeyHistory;
  readonly #watches = new Set<MemoryWatch>();
  #scheduled = false;

  constructor(history: KeyHistory) {
    this.#history = history;
  }

  /** @param startRevision first revision of interest; 0 or less: from the next write on */
  add(prefix: string, startRevision: number, handlers: StoreWatchHandlers): StoreWatch {
    const nextRevision = startRevision > 0 ? startRevision : this.#history.revision + 1;
    const watch: MemoryWatch = { prefix, handlers, nextRevision, progressRevision: 0 };
    this.#watches.add(watch);
    this.changed();
    return { close: () => void this.#watches.delete(watch) };
  }

  changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      for (const watch of [...this.#watches]) this.#feed(watch);
    });
  }

  endAll(failure: StoreFailure): void {
    const ended = [...this.#watches];
    this.#watches.clear();
    queueMicrotask(() => {
      for (const watch of ended) watch.handlers.onEnd(failure);
    });
  }

  #feed(watch: MemoryWatch): void {
    const { compactRevision, revision } = this.#history;
    if (watch.nextRevision < compactRevision) {
      this.#watches.delete(watch);
      watch.handlers.onEnd({ code: "compacted", requested: watch.nextRevision, compactRevision });
      return;
    }
    for (const entry of this.#history.eventsFrom(watch.nextRevision)) {
      const matching = entry.events.filter((event) => event.row.key.startsWith(watch.prefix));
      watch.nextRevision = entry.revision + 1;
      if (matching.length > 0) watch.handlers.onEvents(matching);
      if (!this.#watches.has(watch)) return; // closed by its own handler
    }
    if (watch.nextRevision > revision + 1 || revision <= watch.progressRevision) return;
    watch.progressRevision = revision;
    watch.handlers.onProgress(revision);
  }
}
