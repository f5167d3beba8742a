import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";

/** A named condition; returns undefined when it holds, or why it does not. */
export interface HealthCheck {
  readonly name: string;
  check(): string | undefined;
}

export interface HealthServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly registry: Registry;
  readonly livez?: readonly HealthCheck[];
  readonly readyz?: readonly HealthCheck[];
}

/** Serves `/metrics`, `/livez`, `/readyz` and `/healthz` over plain HTTP, meant for loopback. */
export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** The text and status code that `/livez` and `/readyz` answer, in Kubernetes' form. */
export function healthReport(name: string, checks: readonly HealthCheck[]): { statusCode: number; body: string } {
  const lines: string[] = [];
  let failed = false;
  for (const one of checks) {
    const problem = one.check();
    failed ||= problem !== undefined;
    lines.push(problem === undefined ? `[+]${one.name} ok` : `[-]${one.name} failed: ${problem}`);
  }
  if (!failed) return { statusCode: 200, body: "ok" };
  return { statusCode: 503, body: `${lines.join("\n")}\n${name} check failed\n` };
}

/** @throws Error with `code` EADDRINUSE, naming host and port, when the port is taken */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server: Server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?")[0];
    if (request.method !== "GET") {
      response.writeHead(405).end("only GET is served here\n");
    } else if (path === "/metrics") {
      options.registry.metrics().then(
        (text) => response.writeHead(200, { "content-type": options.registry.contentType }).end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    } else if (path === "/livez" || path === "/healthz" || path === "/readyz") {
      const checks = path === "/readyz" ? (options.readyz ?? []) : (options.livez ?? []);
      const report = healthReport(path.slice(1), checks);
      response.writeHead(report.statusCode, { "content-type": "text/plain; charset=utf-8" }).end(report.body);
    } else {
      response.writeHead(404).end("not found: /metrics, /livez, /readyz and /healthz are served here\n");
    }
  });
  server.requestTimeout = 5_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
