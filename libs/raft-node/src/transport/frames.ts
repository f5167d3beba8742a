/**
 * What runs over a peer connection: `length u32 | type u8 | payload`, little-endian; `length` counts type and payload.
 * hello and answer open every connection; then Raft messages, or one snapshot; ping and pong show that both are alive.
 */
import { assert } from "@triarch/base";
import type { Message } from "@triarch/raft";
import { messageBytes, writeMessage } from "../codec/message-codec.ts";
import { DecodeError } from "../codec/varint.ts";
import { transportLimits } from "../limits.ts";

export const frameTypes = {
  hello: 1,
  answer: 2,
  message: 3,
  ping: 4,
  pong: 5,
  snapshotChunk: 6,
  snapshotEnd: 7,
  snapshotTaken: 8,
  question: 9,
  reply: 10,
} as const;
export type FrameType = (typeof frameTypes)[keyof typeof frameTypes];

const headerBytes = 5;

export function frame(type: FrameType, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(headerBytes + payload.length);
  writeHeader(out, 0, type, payload.length);
  out.set(payload, headerBytes);
  return out;
}

/** All messages of one turn in one buffer. @param proposalTerm goes along with proposals; see `Driver` */
export function messageFrames(messages: readonly Message[], proposalTerm: number): Uint8Array {
  let total = 0;
  const sizes = messages.map((message) => {
    const size = messageBytes(message, termOf(message, proposalTerm));
    total += headerBytes + size;
    return size;
  });
  // Every byte is written below.
  const out = Buffer.allocUnsafeSlow(total);
  let at = 0;
  messages.forEach((message, i) => {
    const size = sizes[i] as number;
    writeHeader(out, at, frameTypes.message, size);
    const end = writeMessage(out, at + headerBytes, message, termOf(message, proposalTerm));
    assert(end === at + headerBytes + size, `${message.type} has the size that was computed`);
    at = end;
  });
  return out;
}

function termOf(message: Message, proposalTerm: number): number {
  return message.type === "MsgProp" ? proposalTerm : message.term;
}

function writeHeader(out: Uint8Array, at: number, type: FrameType, payloadBytes: number): void {
  const length = payloadBytes + 1;
  out[at] = length & 255;
  out[at + 1] = (length >>> 8) & 255;
  out[at + 2] = (length >>> 16) & 255;
  out[at + 3] = length >>> 24;
  out[at + 4] = type;
}

export interface Frame {
  readonly type: number;
  /** The payload is `bytes[start, end)`, good until the next call. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Cuts a stream of bytes into frames. Holds at most one unfinished frame. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  /** Bytes needed before it is worth looking again. */
  #needed = headerBytes;

  /** @throws DecodeError for a frame above the limit, or one without a type */
  push(chunk: Uint8Array, onFrame: (frame: Frame) => void): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    if (this.#buffered < this.#needed) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#buffered);
    let at = 0;
    this.#needed = headerBytes;
    while (at + headerBytes <= bytes.length) {
      const length = readLength(bytes, at);
      if (length < 1 || length > transportLimits.frameBytesMax) throw new DecodeError(`a frame of ${length} bytes`);
      const end = at + 4 + length;
      if (end > bytes.length) {
        this.#needed = end - at;
        break;
      }
      onFrame({ type: bytes[at + 4] as number, bytes, start: at + headerBytes, end });
      at = end;
    }
    const rest = bytes.subarray(at);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#buffered = rest.length;
  }
}

function readLength(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}
