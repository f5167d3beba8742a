// The balanced address for clients that know only one: a layer-4 pass-through of TLS. A connection goes to a master that
// answers; when its master dies the connection is reset and the client opens another, which goes elsewhere.
import { setMaxListeners } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { systemClock, type Clock, type Rng } from "@triarch/base";
import { Balancer, type Master } from "./balancer.ts";

/** Connections at a time; further ones are closed at once. */
const connectionsMax = 4_096;
/** A master that does not take a TCP connection in this time counts as failed. */
const dialTimeoutMs = 1_000;

export interface RelayOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** `https://host:port` of every master. */
  readonly backends: readonly string[];
  /** Tells whether a master is ready; asked every `probeIntervalMs`. False or a rejection ejects it. */
  readonly probe: (url: string) => Promise<boolean>;
  readonly probeIntervalMs?: number;
  readonly rng: Rng;
  readonly clock?: Clock;
  readonly onChange?: (url: string, healthy: boolean) => void;
}

export interface Relay {
  readonly port: number;
  close(): Promise<void>;
}

/** @throws Error with `code` EADDRINUSE when the port is taken */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const balancer = new Balancer(options.backends, { clock: options.clock ?? systemClock, rng: options.rng });
  const open = new Set<Socket>();

  const note = (master: Master, healthy: boolean): void => {
    const was = master.failures === 0;
    if (healthy) balancer.succeeded(master);
    else balancer.failed(master);
    if (was !== healthy) options.onChange?.(master.url, healthy);
  };

  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    client.on("error", () => client.destroy());
    if (open.size >= connectionsMax) {
      client.destroy();
      return;
    }
    open.add(client);
    client.once("close", () => open.delete(client));
    void dial(balancer, note).then((found) => {
      if (found === undefined || client.destroyed) {
        client.resetAndDestroy();
        found?.socket.destroy();
        return;
      }
      join(client, found.socket, found.master);
    });
  });

  const probing = setInterval(() => {
    for (const master of balancer.due()) {
      options.probe(master.url).then(
        (ready) => note(master, ready),
        () => note(master, false),
      );
    }
  }, options.probeIntervalMs ?? 500);

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        clearInterval(probing);
        server.close(() => resolve());
        for (const client of open) client.destroy();
      }),
  };
}

/** A connection to the first master that takes one; nothing of the client was sent yet, so trying the next is safe. */
async function dial(
  balancer: Balancer,
  note: (master: Master, healthy: boolean) => void,
): Promise<{ readonly socket: Socket; readonly master: Master } | undefined> {
  const tried = new Set<Master>();
  for (let master = balancer.pick(tried); master !== undefined; master = balancer.pick(tried)) {
    tried.add(master);
    const socket = await connectTo(master.url);
    if (socket !== undefined) return { socket, master };
    note(master, false);
  }
  return undefined;
}

function connectTo(url: string): Promise<Socket | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname,
      port: Number(port === "" ? 443 : port),
      noDelay: true,
      allowHalfOpen: true,
    });
    const giveUp = (): void => {
      socket.destroy();
      resolve(undefined);
    };
    socket.setTimeout(dialTimeoutMs, giveUp);
    socket.once("error", giveUp);
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.off("error", giveUp);
      resolve(socket);
    });
  });
}

/** Copies both ways with back-pressure until one side is gone; an ejected master's connections are reset. */
function join(client: Socket, backend: Socket, master: Master): void {
  master.inflight += 1;
  const ejected = (): void => {
    client.resetAndDestroy();
    backend.destroy();
  };
  const { signal } = master.ejection;
  setMaxListeners(0, signal); // one listener per connection, bounded by connectionsMax
  signal.addEventListener("abort", ejected, { once: true });
  backend.once("close", () => {
    master.inflight -= 1;
    signal.removeEventListener("abort", ejected);
    client.destroy();
  });
  backend.on("error", () => client.resetAndDestroy());
  client.once("close", () => backend.destroy());
  client.pipe(backend);
  backend.pipe(client);
}
