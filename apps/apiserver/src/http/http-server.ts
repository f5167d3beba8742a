// The HTTP front: fastify on one TLS port (HTTP/2 and HTTP/1.1 by ALPN) or plain HTTP on loopback. It reads a request
// whole, gives it to the handler and writes the answer; everything Kubernetes stands behind `Handle`.
//
// Life: serving -> draining (new answers ask the client to go elsewhere; running ones go on) -> closed. A stream ends
// when its source ends it or the drain's time is over.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2SecureServer, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { tooManyRequests } from "@triarch/api";
import type { CertificateSubject } from "@triarch/auth";
import { assertDefined } from "@triarch/base";
import type { Logger } from "@triarch/telemetry";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { WebSocket } from "ws";
import {
  type Answer,
  type DocumentAnswer,
  statusAnswer,
  type StreamAnswer,
  type StreamSink,
  wholeBody,
} from "./answer.ts";
import { createApp, type ServerTls, transportStatus, warningHeader } from "./app.ts";
import { ClientSignal } from "./client-signal.ts";
import { listen, type ListenAddress, type Listeners } from "./listeners.ts";
import { acceptsGzip, compressedBytesMin, compressedHeaders } from "./compression.ts";
import { certificateOf } from "./peer.ts";
import { addProxyRoutes } from "./proxy-routes.ts";
import { sendCompressed, sendParts, withFirst } from "./send-parts.ts";
import { responseSink, webSocketSink } from "./stream-sinks.ts";
import { Tunnels } from "./tunnels.ts";
import { isProxyPath, takeUpgrades } from "./upgrades.ts";

/** A request read whole, before anybody knows who sent it. */
export interface RawRequest {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Uint8Array;
  readonly certificate: CertificateSubject | "untrusted" | undefined;
  /** As in `ApiRequest`. */
  readonly bodyStream: Readable | undefined;
  readonly upgrade: string | undefined;
  /** Aborted when the client is gone, or when the drain's time is over. */
  readonly signal: () => AbortSignal;
}

export interface Handled {
  readonly answer: Answer;
  readonly warnings: readonly string[];
}

export type Handle = (request: RawRequest) => Promise<Handled>;

export interface HttpServerOptions {
  readonly addresses: readonly ListenAddress[];
  readonly tls: ServerTls | undefined;
  readonly handle: Handle;
  readonly logger: Logger;
}

export interface HttpServer {
  readonly addresses: readonly ListenAddress[];
  /** Resolves when nobody is connected, or after `withinMs`. */
  connectionsEnded(withinMs: number): Promise<void>;
  /** From now on answers carry `Connection: close`, HTTP/2 sessions get GOAWAY, and nothing new is accepted. */
  drain(): Promise<void>;
  /** Resolves when no request is running, streams aside, or after `withinMs`. */
  requestsEnded(withinMs: number): Promise<void>;
  /** Waits at most `withinMs` for what is running, then cuts what is left. */
  close(withinMs: number): Promise<void>;
}

/**
 * Requests in the server at once, streams not counted; past it 429 with `Retry-After`, whoever asks. A last resort: flow
 * control lets at most `requestsWaitingMax` wait, so that a flood never gets this far.
 */
export const requestsInFlightMax = 8_000;
/** So long HTTP/2 sessions have to hear that they are over, before their connections are cut. */
const goAwayMs = 250;
/** Streams (watches, logs) at once; past it 429. */
export const streamsMax = 20_000;

export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const front = new HttpFront(options, await createApp(options.tls));
  await front.start();
  return front;
}

class HttpFront implements HttpServer {
  readonly #options: HttpServerOptions;
  readonly #app: FastifyInstance;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #cut = new AbortController();
  readonly #upgrades = new WeakMap<FastifyRequest, { readonly answer: StreamAnswer; readonly signal: ClientSignal }>();
  /** Requests whose body is on its way. */
  readonly #arriving = new Set<FastifyRequest>();
  readonly #idleWaiters = new Set<() => void>();
  #listeners: Listeners | undefined;
  #draining = false;
  #requests = 0;
  #streams = 0;

  constructor(options: HttpServerOptions, app: FastifyInstance) {
    this.#options = options;
    this.#app = app;
  }

  get addresses(): readonly ListenAddress[] {
    return this.#listeners?.addresses ?? [];
  }

  async start(): Promise<void> {
    const app = this.#app;
    const server = app.server as unknown as Http2SecureServer;
    server.on("session", (session: ServerHttp2Session) => {
      this.#sessions.add(session);
      session.once("close", () => {
        this.#sessions.delete(session);
        this.#checkIdle();
      });
      session.on("error", () => session.destroy());
    });
    app.setErrorHandler((error: Error & { readonly statusCode?: number }, _request, reply) => {
      this.#send(reply, statusAnswer(transportStatus(error)), []);
    });
    app.addHook("onRequest", (request, reply, done) => {
      if (request.ws) {
        this.#beforeUpgrade(request, reply).then(() => done(), done);
        return;
      }
      if (request.method !== "GET") this.#arrives(request, reply);
      done();
    });
    app.route({
      method: "GET",
      url: "/*",
      handler: (request, reply) => this.#serve(request, reply),
      wsHandler: (socket, request) => this.#serveWebSocket(socket, request),
    });
    app.route({
      method: ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"],
      url: "/*",
      handler: (request, reply) => this.#serve(request, reply),
    });
    await addProxyRoutes(app, (request, reply) => this.#serve(request, reply));
    await app.ready();
    const tunnels = new Tunnels({ ...this.#options, cut: this.#cut.signal });
    takeUpgrades(app.server, (request, socket, head) => tunnels.take(request, { socket, head }));
    this.#listeners = await listen(this.#options.addresses, (socket: Socket) => server.emit("connection", socket));
  }

  async connectionsEnded(withinMs: number): Promise<void> {
    await this.#listeners?.connectionsEnded(withinMs);
  }

  async drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    await this.#listeners?.stop();
    for (const session of this.#sessions) session.close();
  }

  async requestsEnded(withinMs: number): Promise<void> {
    await this.#waitUntil(() => this.#requests + this.#arriving.size === 0, withinMs);
  }

  async close(withinMs: number): Promise<void> {
    await this.drain();
    await this.#waitUntil(() => this.#requests + this.#streams === 0, withinMs);
    this.#cut.abort();
    await this.#waitUntil(() => this.#sessions.size === 0, Math.min(withinMs, goAwayMs));
    this.#listeners?.destroyConnections();
    await this.#app.close();
  }

  /** Running from its head on: a stop waits for the rest of it. */
  #arrives(request: FastifyRequest, reply: FastifyReply): void {
    this.#arriving.add(request);
    reply.raw.once("close", () => {
      if (this.#arriving.delete(request)) this.#checkIdle();
    });
  }

  async #serve(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    reply.hijack();
    this.#arriving.delete(request);
    if (this.#requests >= requestsInFlightMax) {
      return this.#send(reply, statusAnswer(tooManyRequests("too many requests, please try again later")), []);
    }
    this.#requests += 1;
    try {
      const signal = new ClientSignal(reply.raw, this.#cut.signal);
      const { answer, warnings } = await this.#options.handle(rawRequestOf(request, signal));
      if (answer.kind === "document") this.#send(reply, answer, warnings, request.method === "HEAD");
      else if (answer.kind === "stream") await this.#stream(reply, answer, warnings, signal);
    } finally {
      this.#requests -= 1;
      this.#checkIdle();
    }
  }

  #send(reply: FastifyReply, answer: DocumentAnswer, warnings: readonly string[], headOnly = false): void {
    const response = reply.raw;
    if (response.headersSent || response.destroyed) return;
    const mayCompress = reply.request.method === "GET" && acceptsGzip(reply.request.headers);
    if (typeof answer.body === "object" && "parts" in answer.body) {
      return this.#sendParts(reply, answer, answer.body.parts(), warnings, mayCompress);
    }
    const body = wholeBody(answer.body);
    if (mayCompress && body.byteLength >= compressedBytesMin) {
      return this.#sendParts(reply, answer, [body], warnings, true);
    }
    this.#writeHead(response, answer.statusCode, reply.request.id, warnings, {
      "content-type": answer.contentType,
      "content-length": String(body.byteLength),
      ...answer.headers,
    });
    response.end(headOnly ? undefined : body);
  }

  #sendParts(
    reply: FastifyReply,
    answer: DocumentAnswer,
    parts: Iterable<Uint8Array>,
    warnings: readonly string[],
    mayCompress: boolean,
  ): void {
    const response = reply.raw;
    const { first, all } = withFirst(parts);
    const isCompressed = mayCompress && first.byteLength >= compressedBytesMin;
    this.#writeHead(response, answer.statusCode, reply.request.id, warnings, {
      "content-type": answer.contentType,
      ...answer.headers,
      ...(isCompressed ? compressedHeaders : {}),
    });
    if (reply.request.method === "HEAD") return void response.end();
    this.#countStream(response);
    const sent = isCompressed ? sendCompressed(response, all) : sendParts(response, all);
    sent.catch((error: unknown) => {
      if (this.#cut.signal.aborted) return;
      this.#options.logger.error({ error: String(error) }, "a list could not be sent whole");
    });
  }

  async #stream(
    reply: FastifyReply,
    answer: StreamAnswer,
    warnings: readonly string[],
    signal: ClientSignal,
  ): Promise<void> {
    if (this.#streams >= streamsMax) {
      return this.#send(reply, statusAnswer(tooManyRequests("too many watches, please try again later")), []);
    }
    const response = reply.raw;
    if (response.destroyed) return;
    const type = answer.contentType === "" ? {} : { "content-type": answer.contentType };
    this.#writeHead(response, answer.statusCode ?? 200, reply.request.id, warnings, { ...type, ...answer.headers });
    response.flushHeaders();
    this.#countStream(response);
    this.#run(answer, responseSink(response, signal.get()));
  }

  /** Counted until the connection's part is over, so that a drain waits for it. */
  #countStream(source: { once(event: "close", listener: () => void): unknown }): void {
    this.#streams += 1;
    source.once("close", () => {
      this.#streams -= 1;
      this.#checkIdle();
    });
  }

  /** The answer is known before the WebSocket opens: what is no stream is refused in plain HTTP, so clients can fall back. */
  async #beforeUpgrade(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (request.method !== "GET") return;
    const signal = new ClientSignal(request.raw.socket, this.#cut.signal);
    const { answer, warnings } = await this.#options.handle(rawRequestOf(request, signal));
    if (answer.kind === "stream") {
      this.#upgrades.set(request, { answer, signal });
      return;
    }
    if (answer.kind === "upgrade") return answer.giveUp();
    reply.hijack();
    reply.raw.setHeader("connection", "close");
    this.#send(reply, answer, warnings);
  }

  #serveWebSocket(socket: WebSocket, request: FastifyRequest): void {
    const { answer, signal } = assertDefined(
      this.#upgrades.get(request),
      "an upgrade was let through without an answer",
    );
    this.#countStream(socket);
    socket.on("error", () => socket.terminate());
    this.#run(answer, webSocketSink(socket, signal.get()));
  }

  /** The head has left: a source that can't start can only break off. */
  #run(answer: StreamAnswer, sink: StreamSink): void {
    try {
      answer.run(sink);
    } catch (error) {
      this.#options.logger.error({ error: String(error) }, "a stream could not start");
      sink.abort();
    }
  }

  #writeHead(
    response: ServerResponse,
    statusCode: number,
    id: string,
    warnings: readonly string[],
    headers: Readonly<Record<string, string | string[]>>,
  ): void {
    response.setHeader("audit-id", id);
    response.setHeader("cache-control", "no-cache, private");
    if (this.#draining && response.req.httpVersionMajor === 1) response.setHeader("connection", "close");
    if (warnings.length > 0) response.setHeader("warning", warnings.map(warningHeader));
    response.writeHead(statusCode, headers);
  }

  #checkIdle(): void {
    for (const check of this.#idleWaiters) check();
  }

  async #waitUntil(idle: () => boolean, withinMs: number): Promise<void> {
    if (idle()) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#idleWaiters.delete(check);
        resolve();
      };
      const check = (): void => {
        if (idle()) done();
      };
      const timer = setTimeout(done, withinMs);
      this.#idleWaiters.add(check);
    });
  }
}

function rawRequestOf(request: FastifyRequest, signal: ClientSignal): RawRequest {
  return {
    id: request.id,
    method: request.method,
    url: request.raw.url ?? "/",
    headers: request.headers,
    body: Buffer.isBuffer(request.body) ? request.body : new Uint8Array(0),
    certificate: certificateOf(request.raw),
    bodyStream: isProxyPath(request.raw.url ?? "/") ? request.raw : undefined,
    upgrade: undefined,
    signal: () => signal.get(),
  };
}
