// Commands and forwarded ports over SPDY/3.1, whatever carries it: a socket after an upgrade, or a WebSocket's messages.
import type { Duplex } from "node:stream";
import type { Timers } from "@triarch/base";
import { runCommand } from "./command-session.ts";
import { forward } from "./forwarding.ts";
import { SpdyConnection, type SpdyConnectionOptions } from "./spdy/spdy-connection.ts";
import type { SpdyStream } from "./spdy/spdy-stream.ts";
import type { SessionWatch } from "./session-watch.ts";
import { StreamGroup } from "./stream-groups.ts";
import { portOf } from "./streaming-paths.ts";
import type { CommandRequest, PortRequest, StreamingTarget } from "./streaming-target.ts";

export interface SessionParts {
  readonly target: StreamingTarget;
  readonly timers: Timers;
  readonly watch: SessionWatch;
  /** Aborted when the client is gone or the server stops. */
  readonly signal: AbortSignal;
}

/** Forwarded connections of one client at once; further ones are refused. */
export const forwardedConnectionsMax = 256;

export async function spdyCommand(
  parts: SessionParts,
  transport: Duplex,
  request: CommandRequest,
  protocol: string,
): Promise<void> {
  const { target, timers, signal } = parts;
  const group = new StreamGroup(streamTypes(request, protocol), timers);
  const connection = watched(parts, { transport, role: "server", onStream: (stream) => group.add(stream) });
  connection
    .run()
    .catch(() => transport.destroy())
    .finally(() => group.fail(new Error("the client is gone")));
  try {
    const streams = await group.complete;
    const channels = {
      stdin: streams.get("stdin"),
      stdout: streams.get("stdout"),
      stderr: streams.get("stderr"),
      error: streams.get("error") as SpdyStream,
      resize: streams.get("resize"),
    };
    await runCommand(target, request, channels, { protocol, signal });
  } finally {
    connection.end();
  }
}

function watched({ watch }: SessionParts, options: SpdyConnectionOptions): SpdyConnection {
  const connection = new SpdyConnection({ ...options, onData: () => watch.moved() });
  watch.pingWith(() => connection.ping());
  return connection;
}

function streamTypes(request: CommandRequest, protocol: string): readonly string[] {
  const resizes = request.tty && protocol !== "channel.k8s.io" && !protocol.startsWith("v2.");
  return [
    "error",
    ...(request.stdin ? ["stdin"] : []),
    ...(request.stdout ? ["stdout"] : []),
    ...(request.stderr ? ["stderr"] : []),
    ...(resizes ? ["resize"] : []),
  ];
}

/** Each pair of streams with the same request id is one connection to the port that they name. */
export async function spdyPorts(parts: SessionParts, transport: Duplex, pod: Omit<PortRequest, "port">): Promise<void> {
  const { target, timers, signal } = parts;
  const pairs = new Map<string, StreamGroup>();
  const begin = (id: string, port: number): StreamGroup => {
    const pair = new StreamGroup(["data", "error"], timers);
    pairs.set(id, pair);
    pair.complete
      .then((streams) => {
        const ends = { data: streams.get("data") as SpdyStream, error: streams.get("error") as SpdyStream };
        return forward(target, { ...pod, port }, ends, signal);
      })
      .catch(() => undefined)
      .finally(() => pairs.delete(id));
    return pair;
  };
  const onStream = (stream: SpdyStream): boolean => {
    const id = stream.headers.get("requestid") ?? "";
    const known = pairs.get(id);
    if (known !== undefined) return known.add(stream);
    if (id === "" || pairs.size >= forwardedConnectionsMax) return false;
    try {
      return begin(id, portOf(stream.headers.get("port") ?? "")).add(stream);
    } catch {
      return false;
    }
  };
  const streamsMax = forwardedConnectionsMax * 2;
  try {
    await watched(parts, { transport, role: "server", onStream, streamsMax }).run();
  } finally {
    for (const pair of pairs.values()) pair.fail(new Error("the client is gone"));
    transport.end();
  }
}
