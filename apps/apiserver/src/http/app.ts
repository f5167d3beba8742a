// How fastify is set up: one instance for TLS with ALPN or for plain HTTP, bodies as bytes, limits, and what is answered
// before a handler runs.
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import websocket from "@fastify/websocket";
import { failure, type FailureStatus, requestEntityTooLarge } from "@triarch/api";
import { fastify, type FastifyInstance } from "fastify";

export interface ServerTls {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Whose client certificates are believed. Others are treated as none. */
  readonly clientCaPem: string | undefined;
}

/** Largest body read; past it 413. A single object has a lower limit, see the registry. */
export const bodyBytesMax = 3 * 1024 * 1024;
/** A request whose head or body takes longer than this to arrive is cut (408). */
const requestReadTimeoutMs = 60_000;
/** An idle connection is kept this long: longer than clients keep theirs, so that it is they who close. */
const keepAliveTimeoutMs = 90_000;
/** Requests of one HTTP/2 session at once; more wait in the client. */
const concurrentStreamsMax = 250;
/**
 * What the streams of one HTTP/2 session may hold together; past it new ones are refused (ENHANCE_YOUR_CALM). Each may
 * have one part of a list waiting for its client, and some of that again in the session's own buffers.
 */
const sessionMemoryMegabytesMax = 128;
const webSocketProtocols: ReadonlySet<string> = new Set(["base64.binary.k8s.io", "binary.k8s.io"]);

export async function createApp(tls: ServerTls | undefined): Promise<FastifyInstance> {
  const app = newApp(tls);
  Object.assign(app.server, { requestTimeout: requestReadTimeoutMs, keepAliveTimeout: keepAliveTimeoutMs });
  prepareHttp2Bodies(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  await app.register(websocket, { options: { maxPayload: bodyBytesMax, handleProtocols: chooseProtocol } });
  return app;
}

function newApp(tls: ServerTls | undefined): FastifyInstance {
  const common = {
    logger: false,
    bodyLimit: bodyBytesMax,
    genReqId: ({ headers }: { readonly headers: IncomingHttpHeaders }) =>
      givenAuditId(headers["audit-id"]) ?? randomUUID(),
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 65_536 },
  };
  if (tls === undefined) return fastify(common);
  const secure = fastify({
    ...common,
    http2: true,
    https: {
      allowHTTP1: true,
      key: tls.keyPem,
      cert: tls.certificatePem,
      minVersion: "TLSv1.2",
      ...(tls.clientCaPem === undefined ? {} : { ca: tls.clientCaPem, requestCert: true, rejectUnauthorized: false }),
      maxSessionMemory: sessionMemoryMegabytesMax,
      // A list of all namespaces may be large, a watch may be one of many on a session.
      settings: { maxConcurrentStreams: concurrentStreamsMax, initialWindowSize: 1024 * 1024 },
    },
  });
  return secure as unknown as FastifyInstance;
}

/** A client may name its request, so that it finds it in the log; a name that could do harm there is not taken. */
function givenAuditId(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === "string" && /^[\w.-]{1,64}$/.test(header) ? header : undefined;
}

/** What went wrong while a request was read. */
export function transportStatus(error: Error & { readonly statusCode?: number }): FailureStatus {
  if (error.statusCode === 413) return requestEntityTooLarge(`limit is ${bodyBytesMax}`);
  const code = error.statusCode ?? 500;
  return code < 500 ? failure(code, "BadRequest", error.message) : failure(500, "InternalError", error.message);
}

/** RFC 7234 warn-code 299, with quotes and control characters made safe. */
export function warningHeader(text: string): string {
  const safe = text.replace(/[\u0000-\u001f\u007f-\uffff]/g, " ").replace(/(["\\])/g, "\\$1");
  return `299 - "${safe}"`;
}

/**
 * Node's own time-out for reading a request covers HTTP/1.1 only. And HTTP/2 needs no header for a body to follow, while
 * fastify reads one without Content-Type only when HTTP/1.1's headers say that it comes: so they are made to say it.
 */
function prepareHttp2Bodies(app: FastifyInstance): void {
  const timers = new WeakMap<object, NodeJS.Timeout>();
  app.addHook("onRequest", (request, reply, done) => {
    const { raw } = request;
    if (raw.httpVersionMajor === 2) {
      const timer = setTimeout(() => raw.destroy(), requestReadTimeoutMs);
      timers.set(request, timer);
      reply.raw.once("close", () => clearTimeout(timer));
      const { stream } = raw as unknown as { readonly stream?: { readonly endAfterHeaders?: boolean } };
      if (stream?.endAfterHeaders === false && raw.headers["content-length"] === undefined) {
        raw.headers["transfer-encoding"] = "chunked";
      }
    }
    done();
  });
  app.addHook("preValidation", (request, _reply, done) => {
    if (request.raw.httpVersionMajor === 2) clearTimeout(timers.get(request));
    done();
  });
}

function chooseProtocol(protocols: Set<string>): string | false {
  for (const protocol of protocols) if (webSocketProtocols.has(protocol)) return protocol;
  return false;
}
