// The `upgrade` event of HTTP/1.1. Three things may come of it:
// - a tunnel to a kubelet or a pod (exec, attach, portforward, proxy), whatever protocol is spoken inside;
// - a WebSocket of our own for watches and logs, which goes to the listeners that were there;
// - a refusal in plain HTTP, so that clients fall back, where a WebSocket library would answer in words that nobody
//   understands.
import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { badRequest } from "@triarch/api";
import { type DocumentAnswer, statusAnswer, type UpgradeAnswer, wholeBody } from "./answer.ts";
import { parseRequestInfo } from "./request-info.ts";

interface UpgradingServer {
  listeners(event: "upgrade"): unknown[];
  removeAllListeners(event: "upgrade"): unknown;
  on(event: "upgrade", listener: UpgradeListener): unknown;
}

type UpgradeListener = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

const tunnelled: ReadonlySet<string> = new Set([
  ...["pods/exec", "pods/attach", "pods/portforward", "pods/proxy"],
  ...["services/proxy", "nodes/proxy"],
]);
const proxied: ReadonlySet<string> = new Set(["pods/proxy", "services/proxy", "nodes/proxy"]);

/** Puts itself before the listeners that are there: only WebSocket handshakes of ours reach them. */
export function takeUpgrades(server: UpgradingServer, tunnel: UpgradeListener): void {
  const others = server.listeners("upgrade") as UpgradeListener[];
  server.removeAllListeners("upgrade");
  server.on("upgrade", (request, socket, head) => {
    const wanted = request.headers.upgrade ?? "";
    socket.on("error", () => socket.destroy());
    if (tunnelled.has(subresourceOf(request.url ?? "/"))) return tunnel(request, socket, head);
    if (request.method === "GET" && wanted.toLowerCase() === "websocket") {
      for (const listener of others) listener.call(server, request, socket, head);
      return;
    }
    writeDocument(
      socket,
      statusAnswer(badRequest(`nothing at this path can be upgraded to ${wanted}; nothing was done`)),
    );
  });
}

/** True for a path whose request is passed on as it comes, with a body of any length. */
export function isProxyPath(url: string): boolean {
  return url.includes("/proxy") && proxied.has(subresourceOf(url));
}

/** `pods/exec`; empty for what is no subresource of the core group, or no path at all. */
function subresourceOf(url: string): string {
  const question = url.indexOf("?");
  const path = question < 0 ? url : url.slice(0, question);
  try {
    const info = parseRequestInfo("GET", path, new URLSearchParams());
    return info.kind === "resource" && info.group === "" ? `${info.resource}/${info.subresource}` : "";
  } catch {
    return "";
  }
}

/** An ordinary answer on a connection that was to be upgraded; it is closed behind it. */
export function writeDocument(socket: Socket, answer: DocumentAnswer): void {
  const body = wholeBody(answer.body);
  const headers = Object.entries(answer.headers ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${one}`),
  );
  const head = [
    `HTTP/1.1 ${answer.statusCode} ${STATUS_CODES[answer.statusCode] ?? "Unknown"}`,
    `content-type: ${answer.contentType}`,
    `content-length: ${body.byteLength}`,
    "connection: close",
    ...headers,
    "\r\n",
  ];
  socket.write(head.join("\r\n"));
  socket.end(body);
}

/** 101 as upstream said it. */
export function writeSwitching(socket: Socket, { rawHeaders }: UpgradeAnswer): void {
  const lines = ["HTTP/1.1 101 Switching Protocols"];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
}
