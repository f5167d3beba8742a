// The etcd port: gRPC and plain HTTP on one TLS listener.
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { isUtf8 } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { EtcdServer } from "@triarch/etcd-server";
import { Counter, Histogram, type Logger, type Registry } from "@triarch/telemetry";
import { Callers, credentialsOf, type Methods } from "./auth-callers.ts";
import { serveStream, type Dispatcher } from "./grpc-server.ts";
import { LeaderMonitor } from "./leader-monitor.ts";
import { etcdServices } from "./services.ts";
import { guardPings, keepaliveMinTimeMsDefault } from "./ping-guard.ts";
import { PlainHttp } from "./plain-http.ts";
import { GrpcError, grpcCodes } from "./status.ts";

const progressNotifyDefaultMs = 600_000;

export interface EtcdGrpcOptions {
  readonly server: EtcdServer;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** PEM. Clients must show a certificate of `clientCa`. Undefined: plain text, only when asked for. */
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string } | undefined;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly progressNotifyIntervalMs?: number;
  /** Streams of clients that ask for a leader end when there was none for so long. Default 1.5 s. */
  readonly leaderlessMs?: number;
  /** A client that pings more often is sent away. Default 5 s; 0: never. */
  readonly keepaliveMinTimeMs?: number;
}

export interface EtcdGrpc {
  readonly url: string;
  close(): Promise<void>;
}

/** @throws Error with `code` EADDRINUSE when the port is taken */
export async function startEtcdGrpc(options: EtcdGrpcOptions): Promise<EtcdGrpc> {
  const { server, registry, logger } = options;
  const handled = new Counter({
    name: "etcd_grpc_handled_total",
    help: "gRPC calls by method and status code",
    labelNames: ["method", "code"],
    registers: [registry],
  });
  const duration = new Histogram({
    name: "etcd_grpc_duration_seconds",
    help: "time from a call's headers to its status",
    labelNames: ["method"],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 7],
    registers: [registry],
  });
  const plain = new PlainHttp(options);
  const leader = new LeaderMonitor(options);
  const servicesOf = (as: EtcdServer): Methods =>
    etcdServices({
      server: as,
      progressNotifyIntervalMs: options.progressNotifyIntervalMs ?? progressNotifyDefaultMs,
      nowMs: () => performance.now(),
    });
  const callers = new Callers(server, servicesOf);
  const dispatcher: Dispatcher = {
    paths: new Set(servicesOf(server).keys()),
    methodsFor: (stream, headers) => callers.methodsFor(credentialsOf(stream, headers)),
    admit: (headers) => {
      leader.admit(headers);
      checkApiVersion(headers);
    },
    streamOpened: (headers, fail) => leader.watch(headers, fail),
    serveOther: (stream, headers) => plain.serveStream(stream, headers),
    onFinished: (method, code, seconds) => {
      const known = dispatcher.paths.has(method) ? method : "unknown";
      handled.inc({ method: known, code: String(code) });
      duration.observe({ method: known }, seconds);
    },
    logger,
  };
  const listener: Http2Server =
    options.tls === undefined
      ? createServer()
      : createSecureServer({
          cert: options.tls.cert,
          key: options.tls.key,
          ca: options.tls.clientCa,
          requestCert: true,
          rejectUnauthorized: true,
          allowHTTP1: true,
          minVersion: "TLSv1.2",
        });
  const sockets = new Set<Socket>();
  listener.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const sessions = new Set<ServerHttp2Session>();
  listener.on("session", (session) => {
    sessions.add(session);
    guardPings(session, options.keepaliveMinTimeMs ?? keepaliveMinTimeMsDefault, () => performance.now());
    session.once("close", () => sessions.delete(session));
    session.on("error", (error) => logger.debug({ error: error.message }, "etcd client session failed"));
  });
  listener.on("tlsClientError", (error: Error) => logger.info({ error: error.message }, "etcd client refused"));
  listener.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (request.httpVersionMajor === 1) plain.serveHttp1(request, response);
  });
  // A "request" listener brings the HTTP/1 look on HTTP/2 streams with it, which would answer each of them a second time.
  listener.removeAllListeners("stream");
  listener.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) =>
    serveStream(dispatcher, stream, headers),
  );
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(options.port, options.host, resolve);
  });
  const { port } = listener.address() as AddressInfo;
  return {
    url: `${options.tls === undefined ? "http" : "https"}://${options.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        leader.close();
        listener.close(() => resolve());
        for (const session of sessions) session.destroy();
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** It may be missing, but not unreadable. */
function checkApiVersion(headers: IncomingHttpHeaders): void {
  const version = headers["client-api-version"];
  if (typeof version !== "string" || isUtf8(Buffer.from(version, "latin1"))) return;
  throw new GrpcError(grpcCodes.invalidArgument, "etcdserver: invalid client api version");
}
