// What people, probes and load balancers ask the etcd port, over HTTP/1.1 or HTTP/2, beside gRPC.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { EtcdServer } from "@triarch/etcd-server";
import type { Logger, Registry } from "@triarch/telemetry";
import type { Callers } from "./auth-callers.ts";
import { isGatewayPath, serveGateway } from "./gateway.ts";
import { answer, http1Exchange, http2Exchange, type HttpExchange } from "./http-exchange.ts";
import { probes, runChecks, unhealthyReason } from "./probes.ts";

/** What `/version` and `Status` report; kube-apiserver asks for 3.5.13 or later. */
export const etcdVersion = "3.6.5";
/** The version of the whole cluster and of its stored data. */
export const clusterVersion = "3.6.0";

const plainText = "text/plain; charset=utf-8";
const json = "application/json";
const servedText =
  "not found: /version, /health, /livez, /readyz, /metrics and the JSON gateway under /v3 are served; gRPC over HTTP/2\n";

export interface PlainHttpOptions {
  readonly server: EtcdServer;
  readonly callers: Callers;
  readonly registry: Registry;
  readonly logger: Logger;
  /** Each look at `/health`. */
  readonly onHealth: (healthy: boolean) => void;
}

export class PlainHttp {
  readonly #options: PlainHttpOptions;

  constructor(options: PlainHttpOptions) {
    this.#options = options;
  }

  serveHttp1(request: IncomingMessage, response: ServerResponse): void {
    this.#serve(http1Exchange(request, response));
  }

  serveStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    this.#serve(http2Exchange(stream, headers));
  }

  #serve(exchange: HttpExchange): void {
    this.#answer(exchange).catch((error: unknown) => {
      this.#options.logger.warn({ error: String(error) }, "answering a plain request on the etcd port failed");
      exchange.cut();
    });
  }

  async #answer(exchange: HttpExchange): Promise<void> {
    const { pathname, searchParams } = new URL(exchange.url, "http://etcd");
    if (isGatewayPath(pathname)) return serveGateway(exchange, pathname, this.#options.callers);
    const serve = this.#pageAt(pathname);
    if (serve === undefined) return answer(exchange, 404, plainText, servedText);
    if (exchange.method !== "GET") return notAllowed(exchange, "GET");
    return serve(exchange, searchParams);
  }

  #pageAt(path: string): ((exchange: HttpExchange, query: URLSearchParams) => Promise<void>) | undefined {
    const [, page = "", check, ...rest] = path.split("/");
    if (page === "livez" || page === "readyz") {
      const names = probes[page].filter((name) => check === undefined || name === check);
      if (rest.length > 0 || names.length === 0) return undefined;
      return (exchange, query) => this.#probe(exchange, query, names);
    }
    switch (path) {
      case "/version": {
        const versions = { etcdserver: etcdVersion, etcdcluster: clusterVersion, storage: clusterVersion };
        return async (exchange) => answer(exchange, 200, json, JSON.stringify(versions));
      }
      case "/health":
        return (exchange, query) => this.#health(exchange, query);
      case "/metrics": {
        const { registry } = this.#options;
        return async (exchange) => answer(exchange, 200, registry.contentType, await registry.metrics());
      }
      default:
        return undefined;
    }
  }

  async #probe(exchange: HttpExchange, query: URLSearchParams, names: readonly string[]): Promise<void> {
    const excluded = query.getAll("exclude");
    const { ok, text } = await runChecks(
      this.#options.server,
      names.filter((name) => !excluded.includes(name)),
    );
    const shown = !ok || query.has("verbose") ? text : "";
    answer(exchange, ok ? 200 : 503, plainText, ok ? `${shown}ok\n` : shown);
  }

  async #health(exchange: HttpExchange, query: URLSearchParams): Promise<void> {
    const serializable = query.get("serializable") === "true";
    const reason = await unhealthyReason(this.#options.server, {
      serializable,
      excludedAlarms: query.getAll("exclude"),
    });
    const healthy = reason === "";
    this.#options.onHealth(healthy);
    answer(exchange, healthy ? 200 : 503, json, JSON.stringify({ health: String(healthy), reason }));
  }
}

function notAllowed(exchange: HttpExchange, allowed: string): void {
  const text = "Method Not Allowed\n";
  exchange.begin(405, { allow: allowed, "content-type": plainText, "content-length": String(text.length) }).end(text);
}
