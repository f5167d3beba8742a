/** Sockets to and from peers: mutual TLS, or plain TCP where no TLS is configured. */
import { connect as connectTcp, createServer as createTcpServer } from "node:net";
import type { Server, Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import type { PeerTls } from "../types.ts";

const portDefault = 2380;

/** @param onReady the connection stands, certificates are checked @throws TypeError when `url` is none */
export function dial(url: string, tls: PeerTls | undefined, onReady: () => void): Socket {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const target = { host, port: port === "" ? portDefault : Number(port) };
  const socket =
    tls === undefined
      ? connectTcp(target, onReady)
      : connectTls({ ...target, ...certificates(tls), rejectUnauthorized: true }, onReady);
  return socket.setNoDelay(true);
}

/** Only connections that stand, with checked certificates, are handed out. */
export function createPeerServer(
  tls: PeerTls | undefined,
  onConnection: (socket: Socket) => void,
  onRefused: (reason: string, address: string) => void,
): Server {
  const accept = (socket: Socket): void => onConnection(socket.setNoDelay(true));
  if (tls === undefined) return createTcpServer(accept);
  const server = createTlsServer(
    { ...certificates(tls), requestCert: true, rejectUnauthorized: true, handshakeTimeout: 5_000 },
    accept,
  );
  server.on("tlsClientError", (error, socket) => onRefused(error.message, socket.remoteAddress ?? "unknown"));
  return server;
}

function certificates({ ca, cert, key }: PeerTls): object {
  return { ca, cert, key, minVersion: "TLSv1.2" };
}
