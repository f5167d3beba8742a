// A body that is made while it leaves: the next part is made when the client has room for it.
import type { ServerResponse } from "node:http";
import { pipeline, Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { gzip } from "./compression.ts";
import { giveBack } from "./part-buffers.ts";

export interface PartsAhead {
  /** Empty when there are none. */
  readonly first: Uint8Array;
  /** All, the first among them. */
  readonly all: Iterable<Uint8Array>;
}

/** The first part ahead of the others: a list that fills one is a long one. */
export function withFirst(parts: Iterable<Uint8Array>): PartsAhead {
  const rest = parts[Symbol.iterator]();
  const next = rest.next();
  if (next.done === true) return { first: new Uint8Array(0), all: [] };
  const all = function* (): Generator<Uint8Array> {
    yield next.value;
    yield* { [Symbol.iterator]: () => rest };
  };
  return { first: next.value, all: all() };
}

/**
 * Sends all parts and ends the answer. A client that goes ends it quietly.
 *
 * @throws what making a part throws; the connection is broken then, for the answer is not whole
 */
export async function sendParts(response: ServerResponse, parts: Iterable<Uint8Array>): Promise<void> {
  const room = new Room(response);
  try {
    for (const part of parts) {
      if (room.isGone) return;
      if (part.byteLength === 0) await nextTurn();
      else if (!response.write(part, (error) => written(part, error))) await room.wait();
    }
    response.end();
  } catch (error) {
    response.destroy();
    throw error;
  }
}

/** Whether there is room in an answer, and anybody to read it. */
class Room {
  isGone: boolean;
  #wake: () => void = () => undefined;

  constructor(response: ServerResponse) {
    // An answer over HTTP/2 does not say of itself that it is over.
    const { stream } = response as { readonly stream?: { readonly destroyed: boolean } };
    this.isGone = response.destroyed || stream?.destroyed === true;
    response.on("drain", () => this.#wake());
    response.on("close", () => {
      this.isGone = true;
      this.#wake();
    });
    response.on("error", () => response.destroy());
  }

  /** @returns when there is room again, or nobody */
  wait(): Promise<void> {
    if (this.isGone) return Promise.resolve();
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

/** The same, compressed. @throws as `sendParts` */
export async function sendCompressed(response: ServerResponse, parts: Iterable<Uint8Array>): Promise<void> {
  const source = Readable.from(withPauses(parts), { objectMode: true, highWaterMark: 1 });
  await new Promise<void>((resolve, reject) => {
    pipeline(source, gzip(), response, (error) => {
      if (error === undefined || error === null || isPrematureClose(error)) resolve();
      else reject(error);
    });
  });
}

/** What could not be sent may still be looked at. */
function written(part: Uint8Array, error: Error | null | undefined): void {
  if (error === undefined || error === null) giveBack(part);
}

/** An empty part says that its maker worked for a while: others get their turn. */
async function* withPauses(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part.byteLength > 0) yield part;
    else await nextTurn();
  }
}

/** The client has gone. */
function isPrematureClose(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === "ERR_STREAM_PREMATURE_CLOSE";
}
