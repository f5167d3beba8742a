// The HTTP answers of health check node ports: 200 while this node has a ready endpoint of the Service, else 503.
import { createServer, type Server } from "node:http";
import type { Logger } from "@triarch/telemetry";

export interface HealthCheckState {
  readonly service: string;
  readonly localEndpoints: number;
}

export class HealthCheckServers {
  readonly #logger: Logger;
  readonly #servers = new Map<number, Server>();
  #state: ReadonlyMap<number, HealthCheckState> = new Map();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  update(state: ReadonlyMap<number, HealthCheckState>): void {
    this.#state = state;
    for (const [port, server] of this.#servers) {
      if (state.has(port)) continue;
      this.#servers.delete(port);
      stop(server);
    }
    for (const port of state.keys()) if (!this.#servers.has(port)) this.#servers.set(port, this.#listen(port));
  }

  close(): void {
    for (const server of this.#servers.values()) stop(server);
    this.#servers.clear();
  }

  #listen(port: number): Server {
    const server = createServer((_request, response) => {
      const found = this.#state.get(port);
      const [namespace, name] = (found?.service ?? "/").split("/");
      const count = found?.localEndpoints ?? 0;
      response.writeHead(count > 0 ? 200 : 503, {
        "content-type": "application/json",
        "x-load-balancing-endpoint-weight": String(count),
      });
      response.end(JSON.stringify({ service: { namespace, name }, localEndpoints: count, serviceProxyHealthy: true }));
    });
    server.on("error", (error) =>
      this.#logger.error({ port, error: error.message }, "health check node port not served"),
    );
    server.listen(port);
    return server;
  }
}

function stop(server: Server): void {
  server.close();
  server.closeAllConnections();
}
