// Commands and ports over WebSockets, with a real client library: channels, ends, refusals, bounds.
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import t, { type Test } from "tap";
import { WebSocket } from "ws";
import { ManualClock } from "@triarch/base";
import type { CommandRequest, CommandStreams, TerminalSize } from "../src/index.ts";
import { HandTimers, startTestKubelet } from "./support/test-kubelet.ts";

const all = "/exec/default/p/c?command=x&input=1&output=1&error=1";

interface Client {
  readonly socket: WebSocket;
  /** What came on each channel, as text. */
  readonly texts: ReadonlyMap<number, string>;
  readonly bytes: ReadonlyMap<number, Buffer>;
  readonly closed: Promise<number>;
  readonly send: (channel: number, text: string) => void;
}

async function open(t: Test, at: string, path: string, protocol: string | undefined): Promise<Client> {
  const socket = new WebSocket(`ws://${at}${path}`, protocol === undefined ? [] : [protocol]);
  t.teardown(() => socket.terminate());
  const texts = new Map<number, string>();
  const bytes = new Map<number, Buffer>();
  const base64 = protocol?.includes("base64") === true;
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    t.equal(isBinary, !base64);
    const channel = base64 ? Number(data.toString("latin1", 0, 1)) : (data[0] ?? -1);
    const part = base64 ? Buffer.from(data.toString("latin1", 1), "base64") : data.subarray(1);
    const whole = Buffer.concat([bytes.get(channel) ?? Buffer.alloc(0), part]);
    bytes.set(channel, whole);
    texts.set(channel, whole.toString());
  });
  const closed = once(socket, "close").then(([code]) => code as number);
  await once(socket, "open");
  return {
    socket,
    texts,
    bytes,
    closed,
    send: (channel, text) =>
      socket.send(
        base64
          ? `${channel}${Buffer.from(text).toString("base64")}`
          : Buffer.concat([Buffer.of(channel), Buffer.from(text)]),
      ),
  };
}

/** Says its command on stderr, gives back on stdout what it reads, and ends with 7 on `exit`. */
async function talk(request: CommandRequest, { stdin, stdout, stderr }: CommandStreams): Promise<{ exitCode: number }> {
  stderr?.write(request.command.join(" "));
  for await (const chunk of (stdin ?? []) as AsyncIterable<Buffer>) {
    if (chunk.toString() === "exit") return { exitCode: 7 };
    stdout?.write(chunk);
  }
  return { exitCode: 0 };
}

t.test("every form of the channels carries the three streams and the exit code", async (t) => {
  const at = await startTestKubelet(t, { run: talk });
  const failure = "command terminated with non-zero exit code: exit status 7";
  const status = {
    metadata: {},
    status: "Failure",
    message: failure,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: "7" }] },
  };
  for (const protocol of [
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
    undefined,
  ]) {
    const { socket, texts, closed, send } = await open(t, at, `${all}&command=y`, protocol);
    t.equal(socket.protocol, protocol ?? "");
    send(0, "hello");
    while (texts.get(1) !== "hello") await once(socket, "message");
    send(0, "exit");
    t.equal(await closed, 1000);
    t.equal(texts.get(2), "x y");
    const isOld = protocol === undefined || !protocol.startsWith("v");
    t.same(isOld ? texts.get(3) : JSON.parse(texts.get(3) ?? ""), isOld ? failure : status, protocol ?? "none");
  }
});

t.test("v5 closes stdin by itself, and the command goes on to its end", async (t) => {
  const at = await startTestKubelet(t, { run: talk });
  const { socket, texts, closed, send } = await open(t, at, all, "v5.channel.k8s.io");
  send(0, "all of it");
  socket.send(Buffer.of(255, 0));
  t.equal(await closed, 1000);
  t.same([texts.get(1), texts.get(3)], ["all of it", '{"metadata":{},"status":"Success"}']);
});

t.test("sizes of the terminal, and no stderr beside it", async (t) => {
  const sizes: TerminalSize[] = [];
  const seen: CommandRequest[] = [];
  const at = await startTestKubelet(t, {
    run: async (request, { onResize, stderr, stdin }) => {
      seen.push(request);
      t.equal(stderr, undefined);
      onResize((size) => sizes.push(size));
      await once(stdin ?? t, "data");
      return { exitCode: 0 };
    },
  });
  const { closed, send } = await open(t, at, `${all}&tty=1`, "v4.channel.k8s.io");
  send(4, '{"Width":80,"Height":24}');
  send(4, 'nonsense}{"Width":-1,"Height":2}{"Width":120,');
  send(4, '"Height":40}\n');
  send(0, "done");
  await closed;
  t.same(sizes, [
    { width: 80, height: 24 },
    { width: 120, height: 40 },
  ]);
  t.match(seen, [{ tty: true, stderr: false, stdin: true }]);
});

t.test("a command that fails to start is told on the error channel", async (t) => {
  const at = await startTestKubelet(t, {});
  const { closed, texts } = await open(t, at, all, "v4.channel.k8s.io");
  await closed;
  t.match(JSON.parse(texts.get(3) ?? ""), {
    status: "Failure",
    reason: "InternalError",
    message: /this test has none/,
  });
});

t.test("a client that is gone aborts the command", async (t) => {
  const gone = Promise.withResolvers<void>();
  const at = await startTestKubelet(t, {
    run: async (_request, { signal }) => {
      await once(signal, "abort");
      gone.resolve();
      return { exitCode: 0 };
    },
  });
  const { socket } = await open(t, at, all, "v5.channel.k8s.io");
  socket.terminate();
  await gone.promise;
  t.pass();
});

t.test("refused before the upgrade, in plain HTTP", async (t) => {
  const at = await startTestKubelet(t, { run: talk }, { sessionsMax: 1 });
  const refusal = async (path: string, protocol: string): Promise<string> => {
    const socket = new WebSocket(`ws://${at}${path}`, [protocol]);
    const [error] = (await once(socket, "error").catch((error: unknown) => [error])) as [Error];
    return error.message;
  };
  t.match(await refusal("/exec/default/gone/c?command=x&output=1", "v5.channel.k8s.io"), /404/);
  t.match(await refusal("/exec/default/p/c?command=x", "v5.channel.k8s.io"), /400/, "no stream at all");
  t.match(await refusal("/exec/default/p/c?output=1", "v5.channel.k8s.io"), /400/, "no command");
  t.match(await refusal(all, "v9.channel.k8s.io"), /400/, "a protocol nobody knows");
  t.match(await refusal("/portForward/default/p?port=70000", "v4.channel.k8s.io"), /400/);
  t.match(await refusal("/other", "v5.channel.k8s.io"), /404/);
  await open(t, at, all, "v5.channel.k8s.io");
  t.match(await refusal(all, "v5.channel.k8s.io"), /503/, "one session more than there may be");
});

t.test("a session in which no data moves for the idle time is cut; pings are no data", async (t) => {
  const timers = new HandTimers();
  const clock = new ManualClock();
  const at = await startTestKubelet(t, { run: talk }, { timers, clock, idleTimeoutMs: 60_000 });
  const { socket, send, texts, closed } = await open(t, at, all, "v5.channel.k8s.io");
  while (timers.running === 0) await once(socket, "message");
  clock.advance(50_000);
  send(0, "x");
  while (texts.get(1) !== "x") await once(socket, "message");
  clock.advance(50_000);
  const pinged = once(socket, "ping");
  timers.fire();
  await pinged;
  clock.advance(10_000);
  timers.fire();
  t.equal(await closed, 1006);
  t.equal(timers.running, 0, "its timer is gone too");
});

t.test("ports without SPDY: two channels per port, the port first", async (t) => {
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(echo, "listening");
  t.teardown(() => echo.close());
  const { port } = echo.address() as AddressInfo;
  const at = await startTestKubelet(t, {
    connect: async (wanted) => {
      if (wanted.port !== port) throw new Error("nobody listens there");
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      await once(socket, "connect");
      return socket;
    },
  });
  const {
    socket,
    send,
    bytes: got,
  } = await open(t, at, `/portForward/default/p?port=${port}&port=1`, "v4.channel.k8s.io");
  send(0, "hello");
  while ((got.get(0)?.length ?? 0) < 7 || (got.get(3)?.length ?? 0) < 10) await once(socket, "message");
  t.equal(got.get(0)?.readUInt16LE(0), port);
  t.equal(got.get(0)?.toString("utf8", 2), "hello");
  t.equal(got.get(3)?.readUInt16LE(0), 1);
  t.match(got.get(3)?.toString("utf8", 2), /error occurred forwarding to port 1 of pod default\/p: nobody listens/);
});
