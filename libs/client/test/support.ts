import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A master made of one plain HTTP server whose behaviour the test sets. */
export interface FakeMaster {
  readonly url: string;
  readonly seen: string[];
  /** What `/readyz` says. */
  ready: boolean;
  looks: number;
  handle: (request: IncomingMessage, response: ServerResponse) => void;
  /** As when its process is killed: the port closes and every connection is reset. */
  kill(): Promise<void>;
}

export async function fakeMaster(handle: FakeMaster["handle"]): Promise<FakeMaster> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((request, response) => {
    if (request.url === "/readyz") {
      master.looks += 1;
      response.writeHead(master.ready ? 200 : 503).end();
      return;
    }
    master.seen.push(`${request.method} ${request.url}`);
    master.handle(request, response);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const master: FakeMaster = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    ready: true,
    looks: 0,
    handle,
    kill: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.resetAndDestroy();
      }),
  };
  return master;
}

export function json(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}
