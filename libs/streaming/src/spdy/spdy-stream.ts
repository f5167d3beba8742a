// One stream of a SPDY connection as an ordinary duplex stream: `end` sends FIN, `destroy` resets it.
import { Duplex } from "node:stream";
import type { SpdyHeaders } from "./headers.ts";

/** What the stream asks of its connection. */
export interface StreamWire {
  /** Calls back when the bytes have left this process, or with why they could not. */
  sendData(streamId: number, bytes: Buffer, callback: (error?: Error | null) => void): void;
  sendFin(streamId: number, callback: (error?: Error | null) => void): void;
  /** @param reset false: both sides ended in order */
  forget(streamId: number, reset: boolean): void;
}

/** Bytes that wait for one stream's reader; past it the whole connection is not read until there is room. */
export const streamBufferBytesMax = 1024 * 1024;

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #wire: StreamWire;
  #room: (() => void) | undefined;
  #finReceived = false;
  #finSent = false;

  constructor(id: number, headers: SpdyHeaders, wire: StreamWire) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#wire = wire;
    // A reset is seen as "close"; whoever wants to know more listens as well.
    this.on("error", () => undefined);
  }

  /** Resolves when more may be handed over. */
  async receive(bytes: Buffer, fin: boolean): Promise<void> {
    if (this.destroyed || this.#finReceived) return;
    if (bytes.length > 0) this.push(bytes);
    if (fin) {
      this.#finReceived = true;
      this.push(null);
    }
    if (this.readableLength < streamBufferBytesMax) return;
    await new Promise<void>((resolve) => (this.#room = resolve));
  }

  override _read(): void {
    this.#room?.();
    this.#room = undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#wire.sendData(this.id, chunk, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#finSent = true;
    this.#wire.sendFin(this.id, callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this._read();
    this.#wire.forget(this.id, !(this.#finSent && this.#finReceived));
    callback(error);
  }
}
