// The port's sockets: HTTP/2 and HTTP/1.1 on one address, with TLS, or without where that was asked for.
import { createServer as createHttp1Server, type RequestListener } from "node:http";
import {
  createSecureServer,
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Logger } from "@triarch/telemetry";

/** As etcd: a client may have as many calls open as it can number. */
const concurrentStreamsMax = 2 ** 32 - 1;
/** MiB that the calls of one connection may hold in buffers; past it new ones are refused with ENHANCE_YOUR_CALM. */
const sessionMemoryMaxMib = 512;
/** What an HTTP/2 client says first; no HTTP/1.1 method is spelled so. */
const http2Preface = "PRI";

/** PEM. Clients must show a certificate of `clientCa`. */
export interface PortTls {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
}

export interface PortHandlers {
  readonly onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
  readonly onHttp1: RequestListener;
  readonly onSession: (session: ServerHttp2Session) => void;
  /** Any connection, before TLS. */
  readonly onSocket: (socket: Socket) => void;
}

export class PortListener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(tls: PortTls | undefined, handlers: PortHandlers, logger: Logger) {
    const http2 = tls === undefined ? plainHttp2() : secureHttp2(tls, logger);
    http2.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
      session.on("error", (error) => logger.debug({ error: error.message }, "etcd client session failed"));
      handlers.onSession(session);
    });
    if (tls === undefined) {
      this.#server = splitByPreface(http2, handlers.onHttp1);
    } else {
      http2.on("request", (request, response) => {
        if (request.httpVersionMajor === 1) handlers.onHttp1(request as never, response as never);
      });
      this.#server = http2;
    }
    // A "request" listener brings the HTTP/1 look on HTTP/2 streams with it, which would answer each a second time.
    http2.removeAllListeners("stream");
    http2.on("stream", handlers.onStream);
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      handlers.onSocket(socket);
    });
  }

  /** @returns the port. @throws Error with `code` EADDRINUSE when it is taken */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const session of this.#sessions) session.destroy();
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}

const http2Options = {
  settings: { maxConcurrentStreams: concurrentStreamsMax },
  maxSessionMemory: sessionMemoryMaxMib,
};

function plainHttp2(): Http2Server {
  return createHttp2Server(http2Options);
}

function secureHttp2({ cert, key, clientCa }: PortTls, logger: Logger): Http2Server {
  const server = createSecureServer({
    ...http2Options,
    ...{ cert, key, ca: clientCa, requestCert: true, rejectUnauthorized: true },
    allowHTTP1: true,
    minVersion: "TLSv1.2",
  });
  server.on("tlsClientError", (error: Error) => logger.info({ error: error.message }, "etcd client refused"));
  return server;
}

/** Without TLS nothing is agreed on beforehand: the first bytes tell which protocol it is. */
function splitByPreface(http2: Http2Server, onHttp1: RequestListener): Server {
  const http1 = createHttp1Server(onHttp1);
  return createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      const start = first.toString("latin1", 0, http2Preface.length);
      (start === http2Preface ? http2 : http1).emit("connection", socket);
      if (start !== http2Preface) socket.resume();
    });
  });
}
