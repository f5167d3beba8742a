// A kubelet's upgraded requests: which protocol both sides speak, what is refused before the upgrade, and the bounds of
// each session.
//
// Towards the client: WebSocket with Kubernetes' channels (v5 and v4, the older forms too), WebSocket with SPDY inside
// for port-forward, and SPDY/3.1.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { type Clock, systemClock, systemTimers, type Timers } from "@triarch/base";
import type { Logger } from "@triarch/telemetry";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import { spdyCommand, spdyPorts, type SessionParts } from "./spdy-sessions.ts";
import { SessionWatch } from "./session-watch.ts";
import { parseStreamingUrl, type StreamingRequest } from "./streaming-paths.ts";
import { type StreamingTarget, StreamRefused } from "./streaming-target.ts";
import { webSocketCommand, webSocketPorts } from "./web-socket-sessions.ts";

export interface StreamingServerOptions {
  readonly target: StreamingTarget;
  readonly logger: Logger;
  /** Sessions at once; past it 503. */
  readonly sessionsMax?: number;
  /** A session in which nothing moved for so long is cut. */
  readonly idleTimeoutMs?: number;
  readonly clock?: Clock;
  readonly timers?: Timers;
}

export interface StreamingServer {
  /** @returns false: the path is none of ours, and nothing was done */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Cuts all sessions; resolves when they are over. */
  close(): Promise<void>;
}

const sessionsMaxDefault = 512;
const idleTimeoutMsDefault = 4 * 60 * 60_000;
/** After the end was told, the client has this long to close the connection. */
const lingerMs = 5_000;
/** Largest message of a WebSocket; past it the session ends. */
const messageBytesMax = 16 * 1024 * 1024;

const commandProtocols = ["v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"];
const oldCommandProtocols = ["channel.k8s.io", "base64.channel.k8s.io"];
const spdyCommandProtocols = ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"];
const tunnelProtocol = "SPDY/3.1+portforward.k8s.io";
const forwardProtocol = "portforward.k8s.io";

/** Requests for the tunnel whose handshake is under way. */
const tunnels = new WeakSet<IncomingMessage>();

type Session = (parts: SessionParts) => Promise<void>;

export function createStreamingServer(options: StreamingServerOptions): StreamingServer {
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => chooseWebSocketProtocol([...offered]) ?? false,
  });
  // The tunnel's name has a slash, which RFC 6455 does not allow and ws does not take: the header is ours to write.
  webSockets.on("headers", (headers, request) => {
    if (tunnels.has(request)) headers.push(`Sec-WebSocket-Protocol: ${tunnelProtocol}`);
  });
  const running = new Map<Duplex, Promise<void>>();
  const closing = new AbortController();
  const { clock = systemClock, timers = systemTimers } = options;
  const idleTimeoutMs = options.idleTimeoutMs ?? idleTimeoutMsDefault;

  const begin = async (wanted: StreamingRequest, request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (running.size >= (options.sessionsMax ?? sessionsMaxDefault)) {
      throw new StreamRefused(503, "too many streaming sessions on this node, please try again later");
    }
    await (wanted.kind === "command"
      ? options.target.checkCommand(wanted.request)
      : options.target.checkPod(wanted.pod));
    const isWebSocket = request.headers.upgrade?.toLowerCase() === "websocket";
    const session = isWebSocket
      ? await openWebSocket(webSockets, wanted, request, socket, head)
      : openSpdy(wanted, request, socket, head);
    const gone = new AbortController();
    socket.once("close", () => gone.abort());
    if (socket.destroyed) gone.abort();
    const signal = AbortSignal.any([gone.signal, closing.signal]);
    const watch = new SessionWatch({ clock, timers, idleTimeoutMs, onIdle: () => socket.destroy() });
    try {
      await session({ target: options.target, timers, watch, signal });
      await linger(socket, timers);
    } finally {
      watch.stop();
    }
  };

  return {
    upgrade: (request, socket, head) => {
      socket.on("error", () => socket.destroy());
      let wanted: StreamingRequest | undefined;
      try {
        wanted = parseStreamingUrl(request.url ?? "/");
      } catch (error) {
        refuse(socket, error);
        return true;
      }
      if (wanted === undefined) return false;
      (socket as Socket).setNoDelay(true);
      const done = begin(wanted, request, socket, head)
        .catch((error: unknown) => {
          if (error instanceof StreamRefused) return refuse(socket, error);
          options.logger.debug({ path: request.url, error: String(error) }, "a streaming session broke off");
          socket.destroy();
        })
        .finally(() => running.delete(socket));
      running.set(socket, done);
      return true;
    },
    close: async () => {
      closing.abort();
      for (const socket of running.keys()) socket.destroy();
      await Promise.all(running.values());
      webSockets.close();
    },
  };
}

async function openWebSocket(
  server: WebSocketServer,
  wanted: StreamingRequest,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<Session> {
  const offered = listOf(request.headers["sec-websocket-protocol"]);
  const protocol = offered.length === 0 ? "channel.k8s.io" : chooseWebSocketProtocol(offered);
  if (protocol === undefined || (protocol === tunnelProtocol && wanted.kind !== "ports")) {
    throw new StreamRefused(400, `none of these protocols is spoken here: ${offered.join(", ")}`);
  }
  if (protocol === tunnelProtocol) {
    tunnels.add(request);
    delete request.headers["sec-websocket-protocol"];
  }
  const opened = await new Promise<WebSocket | undefined>((resolve) => {
    // ws answers a broken handshake itself, and closes.
    socket.once("close", () => resolve(undefined));
    server.handleUpgrade(request, socket, head, resolve);
  });
  if (opened === undefined) throw new Error("the handshake failed");
  opened.on("error", () => opened.terminate());
  if (wanted.kind === "command") return (parts) => webSocketCommand(parts, opened, wanted.request, protocol);
  if (protocol !== tunnelProtocol) {
    return (parts) => webSocketPorts(parts, opened, wanted.pod, { ports: wanted.ports, protocol });
  }
  const transport = createWebSocketStream(opened);
  transport.on("error", () => opened.terminate());
  return (parts) => spdyPorts(parts, transport, wanted.pod);
}

function chooseWebSocketProtocol(offered: readonly string[]): string | undefined {
  const known = [tunnelProtocol, ...commandProtocols, ...oldCommandProtocols];
  return offered.find((protocol) => known.includes(protocol));
}

function openSpdy(wanted: StreamingRequest, request: IncomingMessage, socket: Duplex, head: Buffer): Session {
  if (request.headers.upgrade?.toLowerCase() !== "spdy/3.1") {
    throw new StreamRefused(400, "upgrade to SPDY/3.1 or to a WebSocket to use this path");
  }
  const known = wanted.kind === "command" ? spdyCommandProtocols : [forwardProtocol];
  const offered = listOf(request.headers["x-stream-protocol-version"]);
  const protocol = offered.length === 0 ? known.at(-1) : offered.find((one) => known.includes(one));
  if (protocol === undefined) {
    throw new StreamRefused(
      403,
      `none of these protocols is spoken here: ${offered.join(", ")}; known: ${known.join(", ")}`,
    );
  }
  socket.write(
    [
      "HTTP/1.1 101 Switching Protocols",
      "Connection: Upgrade",
      "Upgrade: SPDY/3.1",
      `X-Stream-Protocol-Version: ${protocol}`,
      "\r\n",
    ].join("\r\n"),
  );
  if (head.length > 0) socket.unshift(head);
  return wanted.kind === "command"
    ? (parts) => spdyCommand(parts, socket, wanted.request, protocol)
    : (parts) => spdyPorts(parts, socket, wanted.pod);
}

function listOf(header: string | string[] | undefined): readonly string[] {
  return [header ?? []].flat().flatMap((text) =>
    text
      .split(",")
      .map((one) => one.trim())
      .filter((one) => one !== ""),
  );
}

/** What was said last shall arrive: the client closes, or it is closed after a while. */
async function linger(socket: Duplex, timers: Timers): Promise<void> {
  if (socket.closed) return;
  await new Promise<void>((resolve) => {
    const timer = timers.after(lingerMs, () => socket.destroy());
    socket.once("close", () => {
      timer.cancel();
      resolve();
    });
    socket.resume();
  });
}

function refuse(socket: Duplex, error: unknown): void {
  const { statusCode, message } = error instanceof StreamRefused ? error : new StreamRefused(400, String(error));
  socket.end(
    [
      `HTTP/1.1 ${statusCode} Refused`,
      "Content-Type: text/plain; charset=utf-8",
      `Content-Length: ${Buffer.byteLength(message)}`,
      "Connection: close",
      "",
      message,
    ].join("\r\n"),
  );
}
