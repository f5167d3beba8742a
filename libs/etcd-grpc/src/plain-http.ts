// What people, probes and load balancers ask the etcd port, over HTTP/1.1 or HTTP/2, beside gRPC.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { EtcdServer } from "@triarch/etcd-server";
import type { Logger, Registry } from "@triarch/telemetry";
import { isServing } from "./health-service.ts";

/** What `/version` and `Status` report; kube-apiserver asks for 3.5.13 or later. */
export const etcdVersion = "3.6.5";

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export class PlainHttp {
  readonly #server: EtcdServer;
  readonly #registry: Registry;
  readonly #logger: Logger;

  constructor(options: { readonly server: EtcdServer; readonly registry: Registry; readonly logger: Logger }) {
    this.#server = options.server;
    this.#registry = options.registry;
    this.#logger = options.logger;
  }

  serveHttp1(request: IncomingMessage, response: ServerResponse): void {
    this.#answer(request.method, request.url).then(
      ({ status, type, body }) => response.writeHead(status, { "content-type": type }).end(body),
      (error: unknown) => this.#failed(error, () => response.destroy()),
    );
  }

  serveStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.resume();
    this.#answer(headers[":method"], headers[":path"]).then(
      ({ status, type, body }) => {
        if (stream.destroyed) return;
        stream.respond({ ":status": status, "content-type": type });
        stream.end(body);
      },
      (error: unknown) => this.#failed(error, () => stream.destroy()),
    );
  }

  #failed(error: unknown, cut: () => void): void {
    this.#logger.warn({ error: String(error) }, "answering a plain request on the etcd port failed");
    cut();
  }

  async #answer(method: string | undefined, url: string | undefined): Promise<Answer> {
    if (method !== "GET") return text(405, "only GET is served here, and gRPC over HTTP/2\n");
    const serving = isServing(this.#server);
    switch ((url ?? "").split("?")[0]) {
      case "/version":
        return json(200, { etcdserver: etcdVersion, etcdcluster: "3.6.0", storage: "3.6.0" });
      case "/health":
        return serving
          ? json(200, { health: "true", reason: "" })
          : json(503, { health: "false", reason: "RAFT NO LEADER" });
      case "/livez":
        return text(200, "ok\n");
      case "/readyz":
        return serving ? text(200, "ok\n") : text(503, "[-]leader failed: no leader is known\n");
      case "/metrics":
        return { status: 200, type: this.#registry.contentType, body: await this.#registry.metrics() };
      default:
        return text(404, "not found: /version, /health, /livez, /readyz and /metrics are served; gRPC over HTTP/2\n");
    }
  }
}

function json(status: number, value: unknown): Answer {
  return { status, type: "application/json", body: JSON.stringify(value) };
}

function text(status: number, body: string): Answer {
  return { status, type: "text/plain", body };
}
