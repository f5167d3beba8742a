import type { MvccStore } from "@triarch/mvcc";
import type { ServerWatch, ServerWatchRequest, ServerWatchSink } from "./etcd-server.ts";
import { pause } from "./pause.ts";

/**
 * The watches of this member: hands them to MVCC, works off those that are behind in slices between other work, tells
 * a new one at once how far it has come, and ends all when the store closes.
 */
export class Watches {
  readonly #mvcc: MvccStore;
  readonly #onFatal: (error: unknown) => void;
  readonly #open = new Map<ServerWatch, ServerWatchSink>();
  #fresh: ServerWatch[] = [];
  #running = false;
  #held = false;
  #closed = false;

  /** @param onFatal the rows could not be read: this member must stop */
  constructor(mvcc: MvccStore, onFatal: (error: unknown) => void) {
    this.#mvcc = mvcc;
    this.#onFatal = onFatal;
  }

  /** @throws MvccError "emptyWatchRange" */
  add(request: ServerWatchRequest, sink: ServerWatchSink): ServerWatch {
    const inner = this.#mvcc.watch(request, {
      onEvents: (events) => sink.onEvents(events),
      onProgress: (revision) => sink.onProgress(revision),
      onCompacted: (compactRevision) => {
        this.#open.delete(watch);
        sink.onCompacted(compactRevision);
      },
    });
    const watch: ServerWatch = {
      startRevision: inner.startRevision,
      get synced() {
        return inner.synced;
      },
      resume: () => {
        inner.resume();
        this.work();
      },
      close: () => {
        this.#open.delete(watch);
        inner.close();
      },
    };
    this.#open.set(watch, sink);
    this.#fresh.push(watch);
    this.work();
    return watch;
  }

  /** Something may be behind. */
  work(): void {
    if (!this.#running) this.#run().catch(this.#onFatal);
  }

  /** Nothing is read for watches until `release()`: the rows are being replaced. What is being delivered goes out. */
  hold(): void {
    this.#mvcc.finishEvents();
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.work();
  }

  close(): void {
    this.#closed = true;
    const open = [...this.#open];
    this.#open.clear();
    for (const [watch, sink] of open) {
      watch.close();
      sink.onStopped();
    }
  }

  async #run(): Promise<void> {
    this.#running = true;
    do {
      await pause();
      if (this.#closed || this.#held) break;
    } while (this.#slice());
    this.#running = false;
  }

  /** @returns true: there is more to do */
  #slice(): boolean {
    const more = this.#mvcc.catchUp();
    const fresh = this.#fresh;
    this.#fresh = [];
    // One that started behind is told when it has caught up; one that started in the future when its time has come.
    for (const watch of fresh) {
      const { revision } = this.#mvcc;
      if (watch.synced && watch.startRevision === revision + 1) this.#open.get(watch)?.onProgress(revision);
    }
    return more;
  }
}
