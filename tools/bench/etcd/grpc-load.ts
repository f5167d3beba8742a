// A lean gRPC client for load: the same for both servers, as little of our own work per call as HTTP/2 allows.
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { encodeFrame, FrameDecoder } from "@triarch/etcd-grpc";

export interface LoadTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface LoadStream {
  send(message: Uint8Array): void;
  /** The last message of this side. */
  end(message: Uint8Array): void;
  close(): void;
}

/** Header values of these two are always single. */
interface StatusHeaders {
  readonly "grpc-status"?: string;
  readonly "grpc-message"?: string;
}

/** A Range of 100,000 keys of 1 kB, and room. */
const answerBytesMax = 256 * 1024 * 1024;

const callHeaders = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };

export class LoadConnection {
  readonly #session: ClientHttp2Session;

  constructor(url: string, tls: LoadTls) {
    this.#session = connect(url, { ...tls, settings: { initialWindowSize: 4 * 1024 * 1024 } });
    this.#session.on("error", () => undefined); // each call tells it
  }

  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#session.once("connect", () => resolve());
      this.#session.once("error", reject);
    });
  }

  /** @returns the answer's message */
  unary(path: string, message: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({ ...callHeaders, ":path": path });
      const decoder = new FrameDecoder(answerBytesMax);
      let answer: Uint8Array | undefined;
      let failure = "";
      const status = (headers: StatusHeaders): void => {
        const { "grpc-status": code = "0", "grpc-message": text = "" } = headers;
        if (code !== "0") failure = `${code}: ${text}`;
      };
      stream.on("response", (headers) => status(headers as StatusHeaders));
      stream.on("trailers", (headers) => status(headers as StatusHeaders));
      stream.on("data", (chunk: Buffer) => {
        for (const one of decoder.push(chunk)) answer = one;
      });
      stream.on("error", reject);
      stream.on("close", () => {
        if (answer !== undefined && failure === "") resolve(answer);
        else reject(new Error(`${path}: ${failure || "no answer"}`));
      });
      stream.end(encodeFrame(message));
    });
  }

  stream(path: string, onMessage: (message: Uint8Array) => void, onClose?: () => void): LoadStream {
    const stream: ClientHttp2Stream = this.#session.request({ ...callHeaders, ":path": path });
    const decoder = new FrameDecoder(answerBytesMax);
    stream.on("error", () => undefined);
    if (onClose !== undefined) stream.on("close", onClose);
    stream.on("data", (chunk: Buffer) => {
      for (const one of decoder.push(chunk)) onMessage(one);
    });
    return {
      send: (message) => void stream.write(encodeFrame(message)),
      end: (message) => void stream.end(encodeFrame(message)),
      close: () => stream.destroy(),
    };
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#session.destroyed) return resolve();
      this.#session.once("close", () => resolve());
      this.#session.destroy();
    });
  }
}
