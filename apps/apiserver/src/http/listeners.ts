// Several addresses, one server: each address has a listener of its own that hands its connections to the server.
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

export interface ListenAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface Listeners {
  /** In the order asked for, with the ports that were taken. */
  readonly addresses: readonly ListenAddress[];
  /** No new connections; those that are open stay. */
  stop(): Promise<void>;
  /** Resolves when nobody is connected, or after `withinMs`. */
  connectionsEnded(withinMs: number): Promise<void>;
  destroyConnections(): void;
}

/** A client that says nothing for so long is asked by the operating system whether it is still there. */
const keepAliveMs = 30_000;

/** @throws Error naming the address: the port is taken, or the address is not this machine's */
export async function listen(
  addresses: readonly ListenAddress[],
  onConnection: (socket: Socket) => void,
): Promise<Listeners> {
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  const accept = (socket: Socket): void => {
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0) for (const resolve of waiting) resolve();
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    onConnection(socket);
  };
  const servers: Server[] = [];
  const stop = async (): Promise<void> => {
    for (const server of servers) server.close();
  };
  for (const address of addresses) {
    const server = createServer({ pauseOnConnect: false }, accept);
    try {
      await bind(server, address);
    } catch (error) {
      await stop();
      throw error;
    }
    servers.push(server);
  }
  return {
    addresses: servers.map((server, i) => ({
      host: (addresses[i] as ListenAddress).host,
      port: (server.address() as AddressInfo).port,
    })),
    stop,
    connectionsEnded: async (withinMs) => {
      if (sockets.size === 0) return;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, withinMs);
        waiting.add(done);
      });
    },
    destroyConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function bind(server: Server, { host, port }: ListenAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(new Error(bindProblem(error, host, port), { cause: error })),
    );
    server.listen({ host, port }, resolve);
  });
}

function bindProblem(error: NodeJS.ErrnoException, host: string, port: number): string {
  const where = `${host}:${port}`;
  if (error.code === "EADDRINUSE")
    return `port ${where} is in use by another process; choose another or stop that process`;
  if (error.code === "EADDRNOTAVAIL") return `${where} is no address of this machine; choose one that is`;
  if (error.code === "EACCES") return `${where} needs more rights than this process has; choose a port above 1023`;
  return `can't listen on ${where}: ${error.message}`;
}
