// A SPDY/3.1 connection over any duplex stream: a socket, or the messages of a WebSocket.
//
// There are no flow-control windows: the clients this is for (Kubernetes') neither keep nor announce them, so what
// bounds memory is the transport. A stream whose reader is slow holds up to `streamBufferBytesMax`; then the connection
// is not read until there is room, its other streams included.
import type { Duplex } from "node:stream";
import { controlFrame, dataHead, finFlag, FrameReader, frameTypes, resetCodes, type FrameEvent } from "./frames.ts";
import { HeaderReader, HeaderWriter, type SpdyHeaders } from "./headers.ts";
import { SpdyError } from "./spdy-error.ts";
import { SpdyStream, type StreamWire } from "./spdy-stream.ts";

export interface SpdyConnectionOptions {
  readonly transport: Duplex;
  readonly role: "client" | "server";
  /** A stream that the other end opened. False refuses it. */
  readonly onStream: (stream: SpdyStream) => boolean;
  /** Called for data in either direction. */
  readonly onData?: () => void;
  /** Streams open at once; further ones are refused. */
  readonly streamsMax?: number;
}

const streamsMaxDefault = 512;
/** Data of one frame that we send. */
const dataFrameBytesMax = 64 * 1024;
const flushed = (): void => undefined;

export class SpdyConnection {
  readonly #options: SpdyConnectionOptions;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #frames = new FrameReader();
  readonly #headerReader = new HeaderReader();
  readonly #headerWriter = new HeaderWriter();
  readonly #wire: StreamWire;
  #lastOwnId: number;
  #pings = 0;
  #lastPeerId = 0;

  constructor(options: SpdyConnectionOptions) {
    this.#options = options;
    this.#lastOwnId = options.role === "client" ? -1 : 0;
    this.#wire = {
      sendData: (id, bytes, callback) => this.#sendData(id, bytes, callback),
      sendFin: (id, callback) => void this.#write(dataHead(id, 0, true), callback),
      forget: (id, reset) => {
        if (!this.#streams.delete(id) || !reset) return;
        this.#write(controlFrame(frameTypes.rstStream, 0, id, resetCodes.cancel));
      },
    };
  }

  /** Reads until the transport ends. @throws SpdyError, and the transport's own errors; all streams are closed then */
  async run(): Promise<void> {
    const { transport } = this.#options;
    try {
      for await (const chunk of transport.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        for (const event of this.#frames.read(chunk)) await this.#take(event);
      }
    } finally {
      this.#headerReader.close();
      for (const stream of [...this.#streams.values()]) stream.destroy();
    }
  }

  /** Opens a stream of our own. */
  open(headers: SpdyHeaders): SpdyStream {
    this.#lastOwnId += 2;
    const id = this.#lastOwnId;
    const stream = this.#add(id, headers);
    const priority = Buffer.alloc(2);
    this.#write(controlFrame(frameTypes.synStream, 0, id, 0, priority, this.#headerWriter.write(headers)));
    return stream;
  }

  /** Something for the other end to answer. */
  ping(): void {
    this.#pings += 1;
    const id = 2 * (this.#pings % 0x3fffffff) + (this.#options.role === "client" ? 1 : 0);
    this.#write(controlFrame(frameTypes.ping, 0, id));
  }

  /** Says that nothing comes any more, and ends our side of the transport once everything has left. */
  end(): void {
    this.#write(controlFrame(frameTypes.goAway, 0, this.#lastPeerId, 0));
    this.#options.transport.end();
  }

  async #take(event: FrameEvent): Promise<void> {
    if (event.kind === "control") return this.#control(event);
    this.#options.onData?.();
    const stream = this.#streams.get(event.streamId);
    // What is still on its way to a stream that we reset is dropped.
    await stream?.receive(event.bytes, event.fin);
  }

  async #control({ type, flags, payload }: Extract<FrameEvent, { readonly kind: "control" }>): Promise<void> {
    switch (type) {
      case frameTypes.synStream: {
        const headers = await this.#headerReader.read(payload.subarray(10));
        return this.#opened(streamIdOf(payload), headers, (flags & finFlag) !== 0);
      }
      case frameTypes.synReply:
      case frameTypes.headers: {
        await this.#headerReader.read(payload.subarray(4));
        if ((flags & finFlag) !== 0) await this.#streams.get(streamIdOf(payload))?.receive(Buffer.alloc(0), true);
        return;
      }
      case frameTypes.rstStream: {
        const id = streamIdOf(payload);
        const stream = this.#streams.get(id);
        this.#streams.delete(id);
        return void stream?.destroy();
      }
      case frameTypes.ping:
        if (streamIdOf(payload) % 2 !== Math.abs(this.#lastOwnId) % 2) {
          this.#write(controlFrame(frameTypes.ping, 0, payload));
        }
        return;
      default:
        // Settings, window updates and goings away ask nothing of us.
        return;
    }
  }

  async #opened(id: number, headers: SpdyHeaders, fin: boolean): Promise<void> {
    if (id <= this.#lastPeerId || id % 2 === Math.abs(this.#lastOwnId) % 2) {
      throw new SpdyError({ code: "badFrame", message: `stream ${id} can't be opened after ${this.#lastPeerId}` });
    }
    this.#lastPeerId = id;
    const isRoom = this.#streams.size < (this.#options.streamsMax ?? streamsMaxDefault);
    const stream = isRoom ? this.#add(id, headers) : undefined;
    if (stream === undefined || !this.#options.onStream(stream)) {
      this.#streams.delete(id);
      stream?.destroy();
      this.#write(controlFrame(frameTypes.rstStream, 0, id, resetCodes.refusedStream));
      return;
    }
    this.#write(controlFrame(frameTypes.synReply, 0, id, this.#headerWriter.write(new Map())));
    if (fin) await stream.receive(Buffer.alloc(0), true);
  }

  #add(id: number, headers: SpdyHeaders): SpdyStream {
    const stream = new SpdyStream(id, headers, this.#wire);
    this.#streams.set(id, stream);
    return stream;
  }

  #sendData(id: number, bytes: Buffer, callback: (error?: Error | null) => void): void {
    this.#options.onData?.();
    for (let at = 0; at < bytes.length; at += dataFrameBytesMax) {
      const part = bytes.subarray(at, at + dataFrameBytesMax);
      this.#write(dataHead(id, part.length, false));
      this.#write(part, at + part.length === bytes.length ? callback : flushed);
    }
    if (bytes.length === 0) callback();
  }

  #write(bytes: Buffer, callback: (error?: Error | null) => void = flushed): void {
    const { transport } = this.#options;
    if (transport.writable) transport.write(bytes, callback);
    else callback(new Error("the connection is closed"));
  }
}

function streamIdOf(payload: Buffer): number {
  if (payload.length < 4) throw new SpdyError({ code: "badFrame", message: "a control frame ends early" });
  return payload.readUInt32BE(0) & 0x7fffffff;
}
