// Commands and forwarded ports over a WebSocket's channels.
import type { WebSocket } from "ws";
import { ChannelSocket } from "./channel-socket.ts";
import { runCommand } from "./command-session.ts";
import { forward } from "./forwarding.ts";
import type { SessionParts } from "./spdy-sessions.ts";
import type { CommandRequest, PortRequest } from "./streaming-target.ts";

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

export async function webSocketCommand(
  { target, signal, watch }: SessionParts,
  socket: WebSocket,
  request: CommandRequest,
  protocol: string,
): Promise<void> {
  const all = new ChannelSocket(socket, protocol, () => watch.moved());
  watch.pingWith(() => socket.ping());
  const wanted = <T>(isWanted: boolean, number: number, use: (number: number) => T): T | undefined =>
    isWanted ? use(number) : undefined;
  const open = (number: number) => all.channel(number);
  const streams = {
    stdin: wanted(request.stdin, channels.stdin, open),
    stdout: wanted(request.stdout, channels.stdout, open),
    stderr: wanted(request.stderr, channels.stderr, open),
    error: open(channels.error),
    resize: wanted(request.tty, channels.resize, open),
  };
  all.announce(request.stdout ? channels.stdout : request.stderr ? channels.stderr : channels.error);
  await runCommand(target, request, streams, { protocol, signal });
  socket.close(1000);
}

/** Two channels per port: data, and the text that says why there is none. Both begin with the port, little end first. */
export async function webSocketPorts(
  { target, signal, watch }: SessionParts,
  socket: WebSocket,
  pod: Omit<PortRequest, "port">,
  { ports, protocol }: { readonly ports: readonly number[]; readonly protocol: string },
): Promise<void> {
  const all = new ChannelSocket(socket, protocol, () => watch.moved());
  watch.pingWith(() => socket.ping());
  const forwarded = ports.map((port, i) => {
    const ends = { data: all.channel(2 * i), error: all.channel(2 * i + 1) };
    for (const end of [ends.data, ends.error]) end.write(Buffer.of(port & 0xff, port >> 8));
    return forward(target, { ...pod, port }, ends, signal);
  });
  await Promise.all(forwarded);
  socket.close(1000);
}
