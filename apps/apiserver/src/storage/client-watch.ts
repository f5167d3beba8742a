// One client's watch: first what it missed (the state, or the changes since its revision), then live changes as they
// come. I1: the sink gets every change of its selection after its start once and in order. I2: a bookmark says a
// revision only behind all events up to it. I3: at most `bufferEventsMax` live changes wait for a slow sink; one more
// ends the watch with "tooSlow". Long catch-up is cut into slices so that it never holds the event loop.
import { BoundedQueue } from "@triarch/base";
import { StorageError } from "./errors.ts";
import { storageError } from "./store-failures.ts";
import type { Timers } from "./timers.ts";
import type { Selection, WatchEnd, WatchEvent, WatchSink } from "./types.ts";

/** Live changes that wait for one client. */
export const watchBufferEventsMax = 4_096;
/** Events handed to a sink in one turn of the event loop. */
const sliceEvents = 500;

export class ClientWatch {
  readonly selection: Selection;
  readonly allowBookmarks: boolean;
  readonly #sink: WatchSink;
  readonly #timers: Timers;
  readonly #onDone: () => void;
  readonly #live: BoundedQueue<WatchEvent>;
  #catchUp: Iterator<WatchEvent> | undefined;
  /** Changes at or before it came with the catch-up, or are none of this watch. */
  #startRevision = 0;
  /** Everything up to here is in the queue or was delivered; a bookmark at or before it says nothing new. */
  #lastRevision = 0;
  #sinkFull = false;
  #done = false;
  #cancelSlice: (() => void) | undefined;

  constructor(options: {
    readonly selection: Selection;
    readonly allowBookmarks: boolean;
    readonly sink: WatchSink;
    readonly timers: Timers;
    readonly bufferEventsMax: number;
    /** Called once, when the watch is over for whatever reason. */
    readonly onDone: () => void;
  }) {
    this.selection = options.selection;
    this.allowBookmarks = options.allowBookmarks;
    this.#sink = options.sink;
    this.#timers = options.timers;
    this.#onDone = options.onDone;
    this.#live = new BoundedQueue(options.bufferEventsMax);
  }

  get done(): boolean {
    return this.#done;
  }

  /** Everything up to and with this revision has been handed to this watch. */
  get lastRevision(): number {
    return this.#lastRevision;
  }

  /** @param catchUp what the client gets before live events; all of it at or before `revision` */
  begin(catchUp: Iterator<WatchEvent>, revision: number): void {
    this.#catchUp = catchUp;
    this.#startRevision = revision;
    this.#lastRevision = revision;
    this.#cancelSlice = this.#timers.soon(() => this.#slice());
  }

  /** Queues one live change or bookmark; `flush` delivers. */
  offer(event: WatchEvent, revision: number): void {
    if (this.#done || revision <= this.#startRevision) return;
    this.#lastRevision = revision;
    if (!this.#live.push(event)) this.end({ kind: "tooSlow" });
  }

  flush(): void {
    if (this.#done || this.#sinkFull || this.#cancelSlice !== undefined) return;
    let handed = 0;
    for (let event = this.#next(); event !== undefined; event = this.#next()) {
      const hasRoom = this.#hand(event);
      if (this.#isDone()) return;
      if (!hasRoom) {
        this.#sinkFull = true;
        return;
      }
      handed += 1;
      if (handed >= sliceEvents) {
        this.#cancelSlice = this.#timers.soon(() => this.#slice());
        return;
      }
    }
    if (handed > 0 && !this.#isDone()) this.#sink.idle?.();
  }

  resume(): void {
    this.#sinkFull = false;
    this.flush();
  }

  end(end: WatchEnd): void {
    if (this.#done) return;
    this.close();
    this.#sink.end(end);
  }

  close(): void {
    if (this.#done) return;
    this.#done = true;
    this.#cancelSlice?.();
    this.#catchUp = undefined;
    this.#live.drain();
    this.#onDone();
  }

  /** A sink that can't show an event (an unreadable object as a Table) ends its own watch and nobody else's. */
  #hand(event: WatchEvent): boolean {
    try {
      return this.#sink.event(event);
    } catch (error) {
      const message = `an event can't be shown: ${error instanceof Error ? error.message : String(error)}`;
      const shown = error instanceof StorageError ? error : new StorageError({ code: "unavailable", message });
      this.end({ kind: "failed", error: shown });
      return false;
    }
  }

  #slice(): void {
    this.#cancelSlice = undefined;
    this.flush();
  }

  #next(): WatchEvent | undefined {
    if (this.#catchUp === undefined) return this.#live.shift();
    try {
      const next = this.#catchUp.next();
      if (next.done !== true) return next.value;
    } catch (error) {
      this.end({ kind: "failed", error: storageError(error) });
      return undefined;
    }
    this.#catchUp = undefined;
    this.#sink.caughtUp?.();
    return this.#live.shift();
  }

  /** The sink may close the watch while it takes an event. */
  #isDone(): boolean {
    return this.#done;
  }
}
