// Kubernetes' channels over one WebSocket: the first byte of each message says which channel it belongs to. In the
// base64 forms the first character is the channel's digit and the rest is base64.
//
// I1: a channel that is written waits for its bytes to leave. I2: a channel whose reader is slow holds up to
// `channelBufferBytesMax`; then the WebSocket is not read until there is room, its other channels included.
import { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";

export const channelBufferBytesMax = 1024 * 1024;
/** In version 5: "the channel named by the second byte ends here". */
const closeChannel = 255;

export class ChannelSocket {
  readonly #socket: WebSocket;
  readonly #onData: () => void;
  readonly #base64: boolean;
  readonly #canCloseChannels: boolean;
  readonly #channels = new Map<number, Channel>();

  /** @param onData called for data in either direction */
  constructor(socket: WebSocket, protocol: string, onData: () => void) {
    this.#socket = socket;
    this.#onData = onData;
    this.#base64 = protocol.includes("base64");
    this.#canCloseChannels = protocol.startsWith("v5.");
    socket.on("message", (data) => this.#receive(data));
    socket.once("close", () => {
      for (const channel of this.#channels.values()) channel.destroy();
    });
  }

  /** The same stream for the same number. */
  channel(number: number): Duplex {
    let channel = this.#channels.get(number);
    if (channel === undefined) {
      channel = new Channel({
        send: (bytes, callback) => this.#send(number, bytes, callback),
        hasRoom: () => this.#socket.resume(),
      });
      this.#channels.set(number, channel);
    }
    return channel;
  }

  /** An empty message tells the client that the stream is up. */
  announce(number: number): void {
    this.#send(number, Buffer.alloc(0), () => undefined);
  }

  #send(number: number, bytes: Buffer, callback: (error?: Error | null) => void): void {
    this.#onData();
    if (this.#base64) this.#socket.send(String(number) + bytes.toString("base64"), { binary: false }, callback);
    else this.#socket.send(Buffer.concat([Buffer.of(number), bytes]), { binary: true }, callback);
  }

  #receive(data: RawData): void {
    this.#onData();
    const message = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    const first = message[0];
    if (first === undefined) return;
    if (this.#canCloseChannels && first === closeChannel) {
      this.#channels.get(message[1] ?? 0)?.receive(undefined);
      return;
    }
    const number = this.#base64 ? first - 0x30 : first;
    const bytes = this.#base64 ? Buffer.from(message.toString("latin1", 1), "base64") : message.subarray(1);
    // What belongs to a channel that nobody asked for is dropped.
    if (this.#channels.get(number)?.receive(bytes) === false) this.#socket.pause();
  }
}

interface ChannelWire {
  send(bytes: Buffer, callback: (error?: Error | null) => void): void;
  hasRoom(): void;
}

class Channel extends Duplex {
  readonly #wire: ChannelWire;
  #ended = false;

  constructor(wire: ChannelWire) {
    super({ allowHalfOpen: true, autoDestroy: false });
    this.#wire = wire;
    this.on("error", () => undefined);
  }

  /** @param bytes undefined: the other end closes the channel. @returns false when it is full */
  receive(bytes: Buffer | undefined): boolean {
    if (this.#ended || this.destroyed) return true;
    if (bytes === undefined) {
      this.#ended = true;
      this.push(null);
    } else if (bytes.length > 0) this.push(bytes);
    return this.readableLength < channelBufferBytesMax;
  }

  override _read(): void {
    this.#wire.hasRoom();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#wire.send(chunk, callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#wire.hasRoom();
    callback(error);
  }
}
