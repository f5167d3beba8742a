/**
 * A whole state that a member asks for, because its own is lost and its log is not: the asker dials, and the other side
 * sends what it holds (a MsgSnap that says of which index, then chunks and their checksum). Raft has no part in it.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { crc32c } from "@triarch/base";
import type { MemberId, Message } from "@triarch/raft";
import { decodeMessage } from "../codec/message-codec.ts";
import { DecodeError } from "../codec/varint.ts";
import { transportLimits } from "../limits.ts";
import type { PeerTls, SnapshotMeta } from "../types.ts";
import { frame, FrameReader, frameTypes, messageFrames } from "./frames.ts";
import type { Frame } from "./frames.ts";
import { decodeAnswer, encodeHello, protocolVersion } from "./handshake.ts";
import type { Identity } from "./handshake.ts";
import { dial } from "./sockets.ts";

/** Sends one state over a greeted connection and ends it. `chunks` is always ended. @throws Error when it breaks */
export async function serveState(socket: Socket, message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]();
  const over = new AbortController();
  socket.once("close", () => over.abort(new Error("the receiver closed the connection")));
  socket.setTimeout(transportLimits.snapshotStallMs, () => socket.destroy());
  const write = async (bytes: Uint8Array): Promise<void> => {
    over.signal.throwIfAborted();
    if (!socket.write(bytes)) await once(socket, "drain", { signal: over.signal });
  };
  try {
    await write(messageFrames([message], message.term));
    let checksum = 0;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      for (let at = 0; at < next.value.length; at += transportLimits.snapshotChunkBytes) {
        const piece = next.value.subarray(at, at + transportLimits.snapshotChunkBytes);
        checksum = crc32c(piece, checksum);
        await write(frame(frameTypes.snapshotChunk, piece));
      }
    }
    const trailer = new Uint8Array(4);
    new DataView(trailer.buffer).setUint32(0, checksum, true);
    socket.end(frame(frameTypes.snapshotEnd, trailer));
  } finally {
    await iterator.return?.();
  }
}

export interface FetchedState {
  readonly meta: SnapshotMeta;
  /** To be read once, to its end: it throws when something is missing or altered. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** To be called in any case. */
  close(): void;
}

/** @throws Error when the peer cannot be reached, refuses, or falls silent for `snapshotStallMs` */
export async function fetchState(options: {
  readonly own: Identity;
  readonly peer: MemberId;
  readonly url: string;
  readonly tls: PeerTls | undefined;
}): Promise<FetchedState> {
  const { own, peer, url, tls } = options;
  const socket = dial(url, tls, () => {
    socket.write(frame(frameTypes.hello, encodeHello({ version: protocolVersion, ...own, to: peer, kind: "state" })));
  });
  socket.setTimeout(transportLimits.snapshotStallMs, () => socket.destroy(new Error("no progress")));
  const frames = received(socket);
  try {
    const answer = await take(frames, frameTypes.answer);
    const { refusal } = decodeAnswer(answer);
    if (refusal !== "") throw new Error(`refused: ${refusal}`);
    const bytes = await take(frames, frameTypes.message);
    const { snapshot } = decodeMessage(bytes, 0, bytes.length);
    if (snapshot === undefined) throw new DecodeError("the state does not say what it is");
    const { index, term, confState } = snapshot;
    return { meta: { index, term, confState }, chunks: chunksOf(frames), close: () => socket.destroy() };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function* chunksOf(frames: AsyncGenerator<OwnFrame>): AsyncGenerator<Uint8Array> {
  let checksum = 0;
  for await (const { type, payload } of frames) {
    if (type === frameTypes.snapshotChunk) {
      checksum = crc32c(payload, checksum);
      yield payload;
      continue;
    }
    if (type !== frameTypes.snapshotEnd || payload.length !== 4) throw new DecodeError(`frame type ${type} in a state`);
    const sent = new DataView(payload.buffer, payload.byteOffset, 4).getUint32(0, true);
    if (sent !== checksum) throw new DecodeError("the state's checksum does not match");
    return;
  }
  throw new Error("the state ended early");
}

interface OwnFrame {
  readonly type: number;
  readonly payload: Uint8Array;
}

async function take(frames: AsyncGenerator<OwnFrame>, type: number): Promise<Uint8Array> {
  const next = await frames.next();
  if (next.done === true) throw new Error("the peer closed the connection");
  if (next.value.type !== type) throw new DecodeError(`frame type ${next.value.type}, wanted ${type}`);
  return next.value.payload;
}

/** At the reader's pace: the socket is not read while nobody asks. */
async function* received(socket: Socket): AsyncGenerator<OwnFrame> {
  const reader = new FrameReader();
  for await (const chunk of socket as AsyncIterable<Uint8Array>) {
    const frames: OwnFrame[] = [];
    reader.push(chunk, ({ type, bytes, start, end }: Frame) => {
      if (type !== frameTypes.pong) frames.push({ type, payload: bytes.slice(start, end) });
    });
    yield* frames;
  }
}
