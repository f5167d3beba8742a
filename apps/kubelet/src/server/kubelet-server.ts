// HTTPS on the node's address, for the API server: logs, the list of pods, and the streams of exec, attach and
// port-forward. Callers need a certificate of the cluster's
// CA whose subject is the API server's kubelet client, or in the group system:masters.
import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Pod } from "@triarch/api";
import type { Lister } from "@triarch/informer";
import type { ContainerRuntime } from "@triarch/runtime-hollow";
import { createStreamingServer } from "@triarch/streaming";
import type { Logger } from "@triarch/telemetry";
import { LogRequestError, openLogs } from "./container-logs.ts";
import { PodStreams } from "./streaming-target.ts";

export interface KubeletServerOptions {
  readonly host: string;
  readonly port: number;
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly clientCa: string | Buffer;
  readonly pods: Lister<Pod>;
  readonly runtime: ContainerRuntime;
  readonly logger: Logger;
}

export interface KubeletServer {
  readonly port: number;
  close(): Promise<void>;
}

const apiServerName = "kube-apiserver-kubelet-client";
const mastersGroup = "system:masters";

/** @throws Error with `code` EADDRINUSE or EADDRNOTAVAIL */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const server: Server = createServer(
    { cert: options.cert, key: options.key, ca: options.clientCa, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      handle(options, request, response).catch((error: unknown) => {
        options.logger.warn({ path: request.url, error: String(error) }, "request failed");
        if (response.headersSent) response.destroy();
        else answer(response, 500, error instanceof Error ? error.message : String(error));
      });
    },
  );
  const streaming = createStreamingServer({ target: new PodStreams(options), logger: options.logger });
  server.on("upgrade", (request, socket, head) => {
    if (isAllowed(socket as TLSSocket) && streaming.upgrade(request, socket, head)) return;
    socket.on("error", () => socket.destroy());
    socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    close: async () => {
      await streaming.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function handle(
  options: KubeletServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isAllowed(request.socket as TLSSocket)) {
    return answer(response, 403, "Forbidden: only the API server and system:masters may ask the kubelet");
  }
  const url = new URL(request.url ?? "/", "https://kubelet");
  const [first, ...rest] = url.pathname.split("/").slice(1).map(decodeURIComponent);
  if (request.method !== "GET") return answer(response, 405, "only GET is served here");
  if (first === "healthz") return answer(response, 200, "ok");
  if (first === "pods") {
    const list = { kind: "PodList", apiVersion: "v1", metadata: {}, items: options.pods.list() };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(list));
    return;
  }
  if (first === "containerLogs" && rest.length === 3) {
    const [namespace = "", name = "", container = ""] = rest;
    return sendLogs(options, response, { namespace, name, container, query: url.searchParams });
  }
  answer(response, 404, `404 page not found: ${url.pathname}`);
}

async function sendLogs(
  options: KubeletServerOptions,
  response: ServerResponse,
  wanted: {
    readonly namespace: string;
    readonly name: string;
    readonly container: string;
    readonly query: URLSearchParams;
  },
): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  try {
    const logs = await openLogs({ ...options, ...wanted, signal: gone.signal });
    response.writeHead(200, { "content-type": "text/plain" });
    response.flushHeaders();
    logs.on("error", () => response.destroy());
    logs.pipe(response);
  } catch (error) {
    if (!(error instanceof LogRequestError)) throw error;
    answer(response, error.statusCode, error.message);
  }
}

function isAllowed(socket: TLSSocket): boolean {
  if (!socket.authorized) return false;
  const { subject } = socket.getPeerCertificate();
  const groups = [subject?.O ?? []].flat();
  return [subject?.CN ?? []].flat().includes(apiServerName) || groups.includes(mastersGroup);
}

function answer(response: ServerResponse, statusCode: number, text: string): void {
  response.writeHead(statusCode, { "content-type": "text/plain; charset=utf-8" }).end(text);
}
