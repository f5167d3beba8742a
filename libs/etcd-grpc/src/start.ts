// The etcd port: gRPC and plain HTTP on one listener.
import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http2";
import type { EtcdServer } from "@triarch/etcd-server";
import type { Logger, Registry } from "@triarch/telemetry";
import { Callers, credentialsOf, type Methods } from "./auth-callers.ts";
import { etcdMetrics } from "./etcd-metrics.ts";
import { serveStream, type Dispatcher } from "./grpc-server.ts";
import { LeaderMonitor } from "./leader-monitor.ts";
import { guardPings, keepaliveMinTimeMsDefault } from "./ping-guard.ts";
import { etcdVersion, PlainHttp } from "./plain-http.ts";
import { PortListener, type PortTls } from "./port-listener.ts";
import { etcdServices } from "./services.ts";
import { GrpcError, grpcCodes } from "./status.ts";

const progressNotifyDefaultMs = 600_000;

export interface EtcdGrpcOptions {
  readonly server: EtcdServer;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Undefined: plain text, only when asked for. */
  readonly tls: PortTls | undefined;
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
  const { server, registry, logger, tls } = options;
  const metrics = etcdMetrics(server, registry, etcdVersion);
  const leader = new LeaderMonitor(options);
  const nowMs = (): number => performance.now();
  const progressNotifyIntervalMs = options.progressNotifyIntervalMs ?? progressNotifyDefaultMs;
  const servicesOf = (as: EtcdServer): Methods => etcdServices({ server: as, progressNotifyIntervalMs, nowMs });
  const callers = new Callers(server, servicesOf);
  const plain = new PlainHttp({ server, callers, registry, logger, onHealth: (well) => metrics.healthLooked(well) });
  const paths = new Set(servicesOf(server).keys());
  const dispatcher: Dispatcher = {
    paths,
    methodsFor: (stream, headers) => callers.methodsFor(credentialsOf(stream, headers)),
    admit: (headers) => {
      leader.admit(headers);
      checkApiVersion(headers);
    },
    streamOpened: (headers, fail) => leader.watch(headers, fail),
    serveOther: (stream, headers) => plain.serveStream(stream, headers),
    onFinished: (path, code, seconds) => metrics.callFinished(paths.has(path) ? path : "", code, seconds),
    logger,
  };
  const minTimeMs = options.keepaliveMinTimeMs ?? keepaliveMinTimeMsDefault;
  const listener = new PortListener(
    tls,
    {
      onStream: (stream, headers) => serveStream(dispatcher, stream, headers),
      onHttp1: (request, response) => plain.serveHttp1(request, response),
      onSession: (session) => guardPings(session, minTimeMs, nowMs),
      onSocket: (socket) => metrics.socketOpened(socket),
    },
    logger,
  );
  const port = await listener.listen(options.host, options.port);
  return {
    url: `${tls === undefined ? "http" : "https"}://${options.host}:${port}`,
    close: async () => {
      leader.close();
      metrics.close();
      await listener.close();
    },
  };
}

/** It may be missing, but not unreadable. */
function checkApiVersion(headers: IncomingHttpHeaders): void {
  const version = headers["client-api-version"];
  if (typeof version !== "string" || isUtf8(Buffer.from(version, "latin1"))) return;
  throw new GrpcError(grpcCodes.invalidArgument, "etcdserver: invalid client api version");
}
