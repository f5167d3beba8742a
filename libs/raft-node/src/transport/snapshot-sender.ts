/** Sends one whole state over a connection of its own, at the pace at which the receiver takes it. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { crc32c } from "@triarch/base";
import type { MemberId, Message } from "@triarch/raft";
import { transportLimits } from "../limits.ts";
import type { PeerTls } from "../types.ts";
import { frame, FrameReader, frameTypes, messageFrames } from "./frames.ts";
import { decodeAnswer, encodeHello, protocolVersion } from "./handshake.ts";
import type { Identity } from "./handshake.ts";
import { dial } from "./sockets.ts";

export interface SnapshotToSend {
  readonly own: Identity;
  readonly peer: MemberId;
  readonly url: string;
  readonly tls: PeerTls | undefined;
  /** A MsgSnap about the state in `chunks`. */
  readonly message: Message;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

/**
 * Resolves when the receiver's Raft has it. `chunks` is always ended.
 * @throws Error when refused, cut off, aborted, or without progress for `snapshotStallMs`
 */
export async function sendSnapshot(options: SnapshotToSend): Promise<void> {
  const { own, peer, url, tls, message, chunks, signal } = options;
  const iterator = chunks[Symbol.asyncIterator]();
  let socket: Socket | undefined;
  try {
    signal.throwIfAborted();
    const dialed = dial(url, tls, () => {
      dialed.write(
        frame(frameTypes.hello, encodeHello({ version: protocolVersion, ...own, to: peer, kind: "snapshot" })),
      );
    });
    socket = dialed;
    const connection = new SnapshotConnection(dialed, signal);
    await connection.welcome;
    await connection.write(messageFrames([message], message.term));
    let checksum = 0;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) break;
      for (const piece of piecesOf(next.value)) {
        checksum = crc32c(piece, checksum);
        await connection.write(frame(frameTypes.snapshotChunk, piece));
      }
    }
    const trailer = new Uint8Array(4);
    new DataView(trailer.buffer).setUint32(0, checksum, true);
    await connection.write(frame(frameTypes.snapshotEnd, trailer));
    await connection.taken;
  } finally {
    socket?.destroy();
    await iterator.return?.();
  }
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  const { snapshotChunkBytes } = transportLimits;
  for (let at = 0; at < bytes.length; at += snapshotChunkBytes) yield bytes.subarray(at, at + snapshotChunkBytes);
}

class SnapshotConnection {
  readonly welcome: Promise<void>;
  readonly taken: Promise<void>;
  readonly #socket: Socket;
  /** Aborted when the connection is over, with the reason. */
  readonly #over = new AbortController();

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    const welcome = Promise.withResolvers<void>();
    const taken = Promise.withResolvers<void>();
    this.welcome = welcome.promise;
    this.taken = taken.promise;
    // Each is awaited in its turn; until then a failure must not count as unhandled.
    this.welcome.catch(() => undefined);
    this.taken.catch(() => undefined);
    const reader = new FrameReader();
    socket.setTimeout(transportLimits.snapshotStallMs, () => socket.destroy(new Error("no progress")));
    const abort = (): void => void socket.destroy(new Error("the sender stops"));
    signal.addEventListener("abort", abort, { once: true });
    socket.on("data", (chunk: Uint8Array) => {
      try {
        reader.push(chunk, ({ type, bytes, start, end }) => {
          if (type === frameTypes.snapshotTaken) taken.resolve();
          if (type !== frameTypes.answer) return;
          const { refusal } = decodeAnswer(bytes.subarray(start, end));
          if (refusal === "") welcome.resolve();
          else socket.destroy(new Error(`refused: ${refusal}`));
        });
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    let failure = new Error("the receiver closed the connection");
    socket.on("error", (error) => (failure = error));
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      signal.removeEventListener("abort", abort);
      welcome.reject(failure);
      taken.reject(failure);
      this.#over.abort(failure);
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#over.signal.throwIfAborted();
    if (!this.#socket.write(bytes)) await once(this.#socket, "drain", { signal: this.#over.signal });
  }
}
