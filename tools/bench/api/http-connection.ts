// A lean HTTP/1.1 client connection for load: one request at a time on a TLS socket that stays, bytes in and bytes out,
// of the answer no more than its status and where it ends.
import { connect, type TLSSocket } from "node:tls";
import type { LoadTls } from "../etcd/grpc-load.ts";

export interface Answer {
  readonly status: number;
  /** Of the body, without its framing. */
  readonly bodyBytes: number;
}

export interface ExchangeListener {
  /** Part of the body, valid during the call. */
  readonly onBody?: (part: Buffer) => void;
  readonly onHead?: (status: number) => void;
  readonly onAnswer: (answer: Answer) => void;
}

const headEnd = Buffer.from("\r\n\r\n");
const empty = Buffer.alloc(0);

/** What of the answer comes next. `bytes` are left of it. */
type Expecting =
  | { readonly kind: "head" }
  | { readonly kind: "body"; bytes: number }
  | { readonly kind: "chunkSize" }
  | { readonly kind: "chunk"; bytes: number };

export class HttpConnection {
  readonly #socket: TLSSocket;
  readonly #onBroken: (error: Error) => void;
  #listener: ExchangeListener | undefined;
  #expecting: Expecting = { kind: "head" };
  #rest: Buffer = empty;
  #status = 0;
  #bodyBytes = 0;

  private constructor(socket: TLSSocket, onBroken: (error: Error) => void) {
    this.#socket = socket;
    this.#onBroken = onBroken;
    socket.on("data", (data: Buffer) => this.#receive(data));
    socket.on("error", onBroken);
    socket.on("close", () => onBroken(new Error("the server closed the connection")));
  }

  /** @param onBroken when it ends without `close` */
  static open(url: string, tls: LoadTls, onBroken: (error: Error) => void): Promise<HttpConnection> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect({ ...tls, host: hostname, port: Number(port), ALPNProtocols: ["http/1.1"] });
      socket.setNoDelay(true);
      socket.once("error", reject);
      socket.once("secureConnect", () => {
        socket.off("error", reject);
        resolve(new HttpConnection(socket, onBroken));
      });
    });
  }

  /** The request's bytes must stay as they are until the answer has come. */
  exchange(request: Buffer, listener: ExchangeListener): void {
    this.#listener = listener;
    this.#bodyBytes = 0;
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  #receive(data: Buffer): void {
    let input = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    this.#rest = empty;
    while (input.length > 0) {
      const used = this.#take(input);
      if (used === 0) break;
      input = input.subarray(used);
    }
    if (input.length > 0) this.#rest = Buffer.from(input);
  }

  /** @returns bytes used; 0 when more must come first */
  #take(input: Buffer): number {
    const expecting = this.#expecting;
    if (expecting.kind === "head") return this.#takeHead(input);
    if (expecting.kind === "chunkSize") return this.#takeChunkSize(input);
    const part = input.length > expecting.bytes ? input.subarray(0, expecting.bytes) : input;
    expecting.bytes -= part.length;
    // What ends a chunk is counted with it.
    const body =
      expecting.kind === "body" ? part : part.subarray(0, Math.max(0, part.length - ending(expecting.bytes)));
    this.#bodyBytes += body.length;
    if (body.length > 0) this.#listener?.onBody?.(body);
    if (expecting.bytes === 0) this.#finish(expecting.kind);
    return part.length;
  }

  #takeHead(input: Buffer): number {
    const end = input.indexOf(headEnd);
    if (end < 0) return 0;
    const head = input.toString("latin1", 0, end);
    this.#status = Number(head.slice(9, 12));
    this.#listener?.onHead?.(this.#status);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) this.#expecting = { kind: "chunkSize" };
    else if (length === "0") this.#finish("body");
    else this.#expecting = { kind: "body", bytes: Number(length) };
    return end + headEnd.length;
  }

  #takeChunkSize(input: Buffer): number {
    const end = input.indexOf("\r\n");
    if (end < 0) return 0;
    const bytes = Number.parseInt(input.toString("latin1", 0, end), 16);
    if (bytes > 0) {
      this.#expecting = { kind: "chunk", bytes: bytes + 2 };
      return end + 2;
    }
    if (input.length < end + 4) return 0; // the empty line after the last one
    this.#finish("body");
    return end + 4;
  }

  #finish(kind: "body" | "chunk"): void {
    if (kind === "chunk") {
      this.#expecting = { kind: "chunkSize" };
      return;
    }
    this.#expecting = { kind: "head" };
    const listener = this.#listener;
    this.#listener = undefined;
    if (listener === undefined) this.#onBroken(new Error("an answer without a request"));
    listener?.onAnswer({ status: this.#status, bodyBytes: this.#bodyBytes });
  }
}

/** @returns how much of a part that leaves so many bytes of its chunk is the chunk's CRLF */
function ending(bytesLeft: number): number {
  return Math.max(0, 2 - bytesLeft);
}
