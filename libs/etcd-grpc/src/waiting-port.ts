// The etcd port of a member that has no data yet: whoever asks is told why, instead of finding nobody there.
import type { ServerHttp2Stream } from "node:http2";
import type { Logger } from "@triarch/telemetry";
import { answer, http1Exchange, http2Exchange, type HttpExchange } from "./http-exchange.ts";
import { PortListener, type PortTls } from "./port-listener.ts";
import type { EtcdGrpc } from "./start.ts";
import { encodeGrpcMessage, grpcCodes } from "./status.ts";

export interface WaitingPortOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Undefined: plain text, only when asked for. */
  readonly tls: PortTls | undefined;
  /** What is waited for. */
  readonly reason: string;
  readonly logger: Logger;
}

/**
 * Calls get code 14 with the reason, `/health` and `/readyz` 503; `/livez` says that the process is well, as starting it
 * anew would not help. Close it before the real port opens.
 * @throws Error with `code` EADDRINUSE when the port is taken
 */
export async function startWaitingPort({ host, port, tls, reason, logger }: WaitingPortOptions): Promise<EtcdGrpc> {
  const listener = new PortListener(
    tls,
    {
      onStream: (stream, headers) => {
        const isGrpc = (headers["content-type"] ?? "").startsWith("application/grpc");
        if (isGrpc) refuse(stream, reason);
        else serve(http2Exchange(stream, headers), reason);
      },
      onHttp1: (request, response) => serve(http1Exchange(request, response), reason),
      onSession: () => undefined,
      onSocket: () => undefined,
    },
    logger,
  );
  const bound = await listener.listen(host, port);
  const scheme = tls === undefined ? "http" : "https";
  return { url: `${scheme}://${host}:${bound}`, close: () => listener.close() };
}

function refuse(stream: ServerHttp2Stream, reason: string): void {
  stream.on("error", () => undefined);
  const status = {
    "grpc-status": String(grpcCodes.unavailable),
    "grpc-message": encodeGrpcMessage(`etcdserver: no data: ${reason}`),
  };
  stream.respond({ ":status": 200, "content-type": "application/grpc", ...status }, { endStream: true });
  stream.resume();
}

function serve(exchange: HttpExchange, reason: string): void {
  const { pathname } = new URL(exchange.url, "http://etcd");
  if (pathname === "/livez") answer(exchange, 200, "text/plain; charset=utf-8", "ok\n");
  else if (pathname === "/health") {
    answer(exchange, 503, "application/json", JSON.stringify({ health: "false", reason: `NO DATA: ${reason}` }));
  } else answer(exchange, 503, "text/plain; charset=utf-8", `[-]data failed: ${reason}\n`);
}
