// SPDY streams arrive one by one and in any order; a command needs all of its streams, a forwarded connection its pair.
import type { Timer, Timers } from "@triarch/base";
import type { SpdyStream } from "./spdy/spdy-stream.ts";

/** Longest wait for the streams that belong together. */
export const streamWaitMs = 30_000;

export class StreamGroup {
  readonly #wanted: ReadonlySet<string>;
  readonly #found = new Map<string, SpdyStream>();
  readonly #complete = Promise.withResolvers<ReadonlyMap<string, SpdyStream>>();
  readonly #timeout: Timer;

  constructor(wanted: Iterable<string>, timers: Timers) {
    this.#wanted = new Set(wanted);
    this.#complete.promise.catch(() => undefined);
    this.#timeout = timers.after(streamWaitMs, () => {
      this.fail(
        new Error(`not all of the streams ${[...this.#wanted].join(", ")} came within ${streamWaitMs / 1000} s`),
      );
    });
  }

  /** @returns false for a stream that does not belong here or is here already */
  add(stream: SpdyStream): boolean {
    const type = stream.headers.get("streamtype") ?? "";
    if (!this.#wanted.has(type) || this.#found.has(type)) return false;
    this.#found.set(type, stream);
    if (this.#found.size < this.#wanted.size) return true;
    this.#timeout.cancel();
    this.#complete.resolve(this.#found);
    return true;
  }

  /** @throws Error when they did not all come in time */
  get complete(): Promise<ReadonlyMap<string, SpdyStream>> {
    return this.#complete.promise;
  }

  fail(error: Error): void {
    this.#timeout.cancel();
    this.#complete.reject(error);
    for (const stream of this.#found.values()) stream.destroy();
  }
}
