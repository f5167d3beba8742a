// Upgrades to anything but a WebSocket (SPDY/3.1, as older clients and fallbacks ask for) are answered with a Status in
// plain HTTP. They are not spoken here yet, and a WebSocket library would answer in words that no client understands.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { badRequest } from "@triarch/api";

interface UpgradingServer {
  listeners(event: "upgrade"): unknown[];
  removeAllListeners(event: "upgrade"): unknown;
  on(event: "upgrade", listener: UpgradeListener): unknown;
}

type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Puts itself before the listeners that are there: only WebSocket handshakes reach them. */
export function refuseOtherUpgrades(server: UpgradingServer): void {
  const others = server.listeners("upgrade") as UpgradeListener[];
  server.removeAllListeners("upgrade");
  server.on("upgrade", (request, socket, head) => {
    const wanted = request.headers.upgrade ?? "";
    if (request.method === "GET" && wanted.toLowerCase() === "websocket") {
      for (const listener of others) listener.call(server, request, socket, head);
      return;
    }
    const body = JSON.stringify(
      badRequest(`upgrade to ${wanted} is not supported by this server yet; nothing was done`),
    );
    socket.on("error", () => socket.destroy());
    socket.end(
      [
        "HTTP/1.1 400 Bad Request",
        "Content-Type: application/json",
        `Content-Length: ${Buffer.byteLength(body)}`,
        "Connection: close",
        "",
        body,
      ].join("\r\n"),
    );
  });
}
