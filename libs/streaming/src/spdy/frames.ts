// SPDY/3.1 frames. A control frame is gathered whole; the bytes of a data frame are handed on as they come, so that a
// frame of 16 MiB costs no memory. Source: SPDY protocol, draft 3.1, section 2.2.
import { SpdyError } from "./spdy-error.ts";

export const frameTypes = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const resetCodes = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5 } as const;

export const finFlag = 1;
/** Largest control frame; past it the connection ends. */
export const controlFrameBytesMax = 64 * 1024;
const version = 3;
const headBytes = 8;

export type FrameEvent =
  | { readonly kind: "control"; readonly type: number; readonly flags: number; readonly payload: Buffer }
  /** A part of a data frame; `fin` only on the last part. */
  | { readonly kind: "data"; readonly streamId: number; readonly bytes: Buffer; readonly fin: boolean };

type State =
  | { readonly kind: "head" }
  | { readonly kind: "control"; readonly type: number; readonly flags: number; readonly length: number }
  | { readonly kind: "data"; readonly streamId: number; readonly fin: boolean; readonly left: number };

export class FrameReader {
  #state: State = { kind: "head" };
  #pending: Buffer = Buffer.alloc(0);

  /** @throws SpdyError "badFrame" | "frameTooLarge" */
  *read(chunk: Buffer): Generator<FrameEvent> {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const state = this.#state;
      if (state.kind === "data") {
        if (this.#pending.length === 0 && state.left > 0) return;
        yield this.#dataPart(state);
        continue;
      }
      const wanted = state.kind === "head" ? headBytes : state.length;
      if (this.#pending.length < wanted) return;
      const bytes = this.#take(wanted);
      if (state.kind === "head") this.#state = stateAfterHead(bytes);
      else {
        this.#state = { kind: "head" };
        yield { kind: "control", type: state.type, flags: state.flags, payload: bytes };
      }
    }
  }

  #dataPart({ streamId, fin, left }: Extract<State, { readonly kind: "data" }>): FrameEvent {
    const bytes = this.#take(Math.min(left, this.#pending.length));
    const rest = left - bytes.length;
    this.#state = rest === 0 ? { kind: "head" } : { kind: "data", streamId, fin, left: rest };
    return { kind: "data", streamId, bytes, fin: fin && rest === 0 };
  }

  #take(count: number): Buffer {
    const taken = this.#pending.subarray(0, count);
    this.#pending = this.#pending.subarray(count);
    return taken;
  }
}

function stateAfterHead(head: Buffer): State {
  const first = head.readUInt32BE(0);
  const flags = head.readUInt8(4);
  const length = head.readUIntBE(5, 3);
  if (first >>> 31 === 0) return { kind: "data", streamId: first, fin: (flags & finFlag) !== 0, left: length };
  const spoken = (first >>> 16) & 0x7fff;
  if (spoken !== version) throw new SpdyError({ code: "badFrame", message: `a frame of SPDY version ${spoken}` });
  if (length > controlFrameBytesMax) {
    throw new SpdyError({ code: "frameTooLarge", message: `a control frame of ${length} bytes` });
  }
  return { kind: "control", type: first & 0xffff, flags, length };
}

export function controlFrame(type: number, flags: number, ...parts: readonly (number | Buffer)[]): Buffer {
  const payload = Buffer.concat(parts.map((part) => (typeof part === "number" ? uint32(part) : part)));
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE((0x80000000 | (version << 16) | type) >>> 0);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

/** The eight bytes before the data. */
export function dataHead(streamId: number, length: number, fin: boolean): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(streamId);
  head.writeUInt8(fin ? finFlag : 0, 4);
  head.writeUIntBE(length, 5, 3);
  return head;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
