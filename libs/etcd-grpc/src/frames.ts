import { GrpcError, grpcCodes } from "./status.ts";

/** Largest message that a server takes: etcd's 1.5 MiB request and 512 KiB of overhead. */
export const receiveBytesMax = 2_097_152;
const headerBytes = 5;

/** One message, or the pieces of one, with its length prefix. */
export function encodeFrame(...pieces: readonly Uint8Array[]): Uint8Array {
  const length = messageBytes(pieces);
  const frame = withHeader(headerBytes + length, length);
  let at = headerBytes;
  for (const piece of pieces) {
    frame.set(piece, at);
    at += piece.length;
  }
  return frame;
}

/** The prefix of a message whose pieces follow on their own. */
export function frameHeader(length: number): Uint8Array {
  return withHeader(headerBytes, length);
}

function withHeader(sizeBytes: number, messageLength: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  new DataView(bytes.buffer).setUint32(1, messageLength, false);
  return bytes;
}

export function messageBytes(pieces: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}

/** Cuts a byte stream into messages. Holds at most one unfinished message. */
export class FrameDecoder {
  readonly #messageBytesMax: number;
  #parts: Uint8Array[] = [];
  #available = 0;
  /** Nothing can be done with fewer bytes than this: joining the parts before would copy a long message many times. */
  #wanted = headerBytes;

  constructor(messageBytesMax = receiveBytesMax) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** Bytes of a message that has begun but not ended. */
  get pendingBytes(): number {
    return this.#available;
  }

  /** @throws GrpcError for a compressed or too large message */
  push(chunk: Uint8Array): Uint8Array[] {
    if (chunk.length > 0) this.#parts.push(chunk);
    this.#available += chunk.length;
    const messages: Uint8Array[] = [];
    for (;;) {
      if (this.#available < this.#wanted) return messages;
      const bytes = this.#joined();
      if (bytes[0] !== 0) throw new GrpcError(grpcCodes.unimplemented, "grpc: compressed messages are not supported");
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1, false);
      if (length > this.#messageBytesMax) {
        throw new GrpcError(
          grpcCodes.resourceExhausted,
          `grpc: received message larger than max (${length} vs. ${this.#messageBytesMax})`,
        );
      }
      const end = headerBytes + length;
      this.#wanted = end;
      if (bytes.length < end) return messages;
      messages.push(bytes.subarray(headerBytes, end));
      this.#parts = bytes.length > end ? [bytes.subarray(end)] : [];
      this.#available = bytes.length - end;
      this.#wanted = headerBytes;
    }
  }

  #joined(): Uint8Array {
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0] ?? new Uint8Array(0);
  }
}
