import { utf8Text } from "@triarch/base";
import type { StoreEvent, StoreFailure, StoreWatchHandlers } from "../src/index.ts";

/** Records a watch, checks its invariants as calls come, and lets a test wait for what it expects. */
export class WatchRecorder implements StoreWatchHandlers {
  readonly events: StoreEvent[] = [];
  /** Broken invariants in words; a test expects none. */
  readonly problems: string[] = [];
  progressRevision = 0;
  failure: StoreFailure | undefined;
  #lastEventRevision = 0;
  #waiting: { readonly done: () => boolean; readonly resolve: () => void }[] = [];

  onEvents(events: readonly StoreEvent[]): void {
    this.#notEnded("onEvents");
    if (events.length === 0) this.problems.push("an empty batch of events");
    for (const event of events) {
      const revision = event.row.modRevision;
      if (revision <= this.progressRevision)
        this.problems.push(`event ${revision} after progress ${this.progressRevision}`);
      if (revision < this.#lastEventRevision)
        this.problems.push(`event ${revision} after event ${this.#lastEventRevision}`);
    }
    const first = events[0]?.row.modRevision ?? 0;
    if (first === this.#lastEventRevision) this.problems.push(`revision ${first} came in two calls`);
    this.#lastEventRevision = events.at(-1)?.row.modRevision ?? 0;
    this.events.push(...events);
    this.#wake();
  }

  onProgress(revision: number): void {
    this.#notEnded("onProgress");
    if (revision < this.#lastEventRevision)
      this.problems.push(`progress ${revision} behind event ${this.#lastEventRevision}`);
    if (revision <= this.progressRevision)
      this.problems.push(`progress ${revision} after progress ${this.progressRevision}`);
    this.progressRevision = revision;
    this.#wake();
  }

  onEnd(failure: StoreFailure): void {
    this.#notEnded("onEnd");
    this.failure = failure;
    this.#wake();
  }

  progress(revision: number): Promise<void> {
    return this.#until(() => this.progressRevision >= revision);
  }

  count(events: number): Promise<void> {
    return this.#until(() => this.events.length >= events);
  }

  async end(): Promise<StoreFailure | undefined> {
    await this.#until(() => this.failure !== undefined);
    return this.failure;
  }

  /** `put key=value@revision created|was value` per event. */
  summary(): string[] {
    return this.events.map(({ kind, row, previous }) => {
      const before = previous === undefined ? "created" : `was ${utf8Text(previous.value)}`;
      return `${kind} ${row.key}=${utf8Text(row.value)}@${row.modRevision} ${before}`;
    });
  }

  #notEnded(call: string): void {
    if (this.failure !== undefined) this.problems.push(`${call} after the end`);
  }

  #until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ done, resolve }));
  }

  #wake(): void {
    const ready = this.#waiting.filter(({ done }) => done());
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    for (const { resolve } of ready) resolve();
  }
}
