// Two upgraded connections joined byte by byte: the client's and the kubelet's (or a pod's). Nothing is interpreted.
//
// I1: no more is held than the two sockets' own buffers: a side that does not read stops the other one. I2: a side that
// ends in order gets everything that is on its way, and then ends the other; one that breaks off breaks the other off.
// I3: neither socket outlives the other by more than `tunnelLingerMs` without traffic.
import type { Socket } from "node:net";

/** Tunnels of one master at once; past it 429. */
export const tunnelsMax = 2_000;
/** A tunnel in which nothing moved for so long is cut. The ends of our kubelets' streams ping more often. */
export const tunnelIdleMs = 4 * 60 * 60_000;
/** One side has ended: the other may be silent for so long. */
export const tunnelLingerMs = 30_000;
/** The operating system looks after a silent peer from then on. */
const keepAliveMs = 30_000;

export interface TunnelEnd {
  readonly socket: Socket;
  /** Read from it before the tunnel was made. */
  readonly head: Buffer;
}

/** @param signal cuts the tunnel */
export function joinSockets(client: TunnelEnd, upstream: TunnelEnd, signal: AbortSignal): void {
  const cut = (): void => {
    client.socket.destroy();
    upstream.socket.destroy();
  };
  signal.addEventListener("abort", cut, { once: true });
  oneWay(client, upstream, cut);
  oneWay(upstream, client, cut);
  const over = (): void => {
    if (client.socket.destroyed && upstream.socket.destroyed) signal.removeEventListener("abort", cut);
  };
  for (const { socket } of [client, upstream]) {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    socket.setTimeout(tunnelIdleMs);
    socket.once("timeout", cut).once("error", cut).once("close", over);
    socket.once("finish", () => {
      for (const end of [client, upstream]) end.socket.setTimeout(tunnelLingerMs);
    });
  }
  if (signal.aborted || client.socket.destroyed || upstream.socket.destroyed) cut();
}

function oneWay(from: TunnelEnd, to: TunnelEnd, cut: () => void): void {
  if (from.head.length > 0) to.socket.write(from.head);
  from.socket.pipe(to.socket);
  from.socket.once("close", () => {
    // Ended in order: `pipe` has ended the other side, which may still be writing what it has.
    if (!from.socket.readableEnded) cut();
  });
}
