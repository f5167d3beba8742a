// SPDY/3.1 over real sockets, both roles ours; and headers as another implementation compresses them.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { constants, createDeflate } from "node:zlib";
import t, { type Test } from "tap";
import { seededRng } from "@triarch/base";
import { SpdyConnection, SpdyError, type SpdyStream } from "../src/index.ts";
import { dictionary } from "../src/spdy/dictionary.ts";
import { controlFrame, dataHead, FrameReader, frameTypes, type FrameEvent } from "../src/spdy/frames.ts";
import { HeaderReader, HeaderWriter } from "../src/spdy/headers.ts";
import { streamBufferBytesMax } from "../src/spdy/spdy-stream.ts";

async function socketPair(t: Test): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const near = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  const [far] = await accepted;
  for (const socket of [near, far]) socket.on("error", () => undefined);
  t.teardown(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

async function pairOf(t: Test, onStream: (stream: SpdyStream) => boolean, streamsMax?: number) {
  const [near, far] = await socketPair(t);
  const limit = streamsMax === undefined ? {} : { streamsMax };
  const server = new SpdyConnection({ transport: far, role: "server", onStream, ...limit });
  const client = new SpdyConnection({ transport: near, role: "client", onStream: () => false });
  const over = Promise.all([server.run(), client.run()]);
  over.catch(() => undefined);
  return { client, server, near, far, over };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

t.test("many streams at once, each with its headers; halves end by themselves", async (t) => {
  const seen: string[] = [];
  const { client, over, server } = await pairOf(t, (stream) => {
    seen.push(stream.headers.get("streamtype") ?? "");
    stream.pipe(stream);
    return true;
  });
  const texts = await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const stream = client.open(new Map([["streamtype", `s${i}`]]));
      stream.write("a".repeat(i * 1000));
      stream.end(`-${i}`);
      return textOf(stream);
    }),
  );
  t.same(
    texts.map((text, i) => text === `${"a".repeat(i * 1000)}-${i}`),
    texts.map(() => true),
  );
  t.same(
    seen,
    texts.map((_, i) => `s${i}`),
  );
  client.end();
  server.end();
  await over;
});

t.test("megabytes arrive whole", async (t) => {
  const { client } = await pairOf(t, (stream) => {
    stream.pipe(stream);
    return true;
  });
  const stream = client.open(new Map());
  const sent = Buffer.alloc(8 * 1024 * 1024, "0123456789abcdef-");
  stream.end(sent);
  t.equal(await textOf(stream), sent.toString());
});

t.test("a reader that does not read stops the writer, and nothing grows", async (t) => {
  let held: SpdyStream | undefined;
  const { client, near } = await pairOf(t, (stream) => {
    held = stream;
    return true;
  });
  const stream = client.open(new Map());
  const chunk = Buffer.alloc(256 * 1024);
  let sentBytes = 0;
  while (sentBytes < 64 * 1024 * 1024) {
    sentBytes += chunk.length;
    const left = new Promise<boolean>((resolve) => stream.write(chunk, () => resolve(true)));
    // The kernel's buffers of both sides fill first; then a write that can't leave within many turns has been stopped.
    if (!(await Promise.race([left, turns(2_000)]))) break;
  }
  t.ok(sentBytes < 64 * 1024 * 1024, `stopped after ${sentBytes} bytes`);
  t.ok((held?.readableLength ?? 0) <= streamBufferBytesMax + chunk.length, "the receiver holds no more than its bound");
  t.ok(near.writableLength <= 2 * chunk.length, "nor does the sender's socket");
  held?.resume();
  await new Promise<void>((resolve) => stream.end(resolve));
});

async function turns(count: number): Promise<boolean> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
  return false;
}

t.test("a reset closes the stream on the other side, the others live on", async (t) => {
  const opened: SpdyStream[] = [];
  const { client } = await pairOf(t, (stream) => {
    opened.push(stream);
    return true;
  });
  const [one, two] = [client.open(new Map()), client.open(new Map())];
  one.write("x");
  two.end("y");
  while (opened.length < 2) await turns(1);
  const closed = once(opened[0] as SpdyStream, "close");
  one.destroy();
  await closed;
  t.equal(await textOf(opened[1] as SpdyStream), "y");
});

t.test("more streams than allowed are refused, and so is what the owner does not want", async (t) => {
  const { client } = await pairOf(t, (stream) => stream.headers.get("streamtype") !== "bad", 2);
  const bad = client.open(new Map([["streamtype", "bad"]]));
  await once(bad, "close");
  const [, , third] = [client.open(new Map()), client.open(new Map()), client.open(new Map())];
  await once(third, "close");
  t.pass();
});

t.test("pings of the other end are answered, our own are not", async (t) => {
  const [near, far] = await socketPair(t);
  new SpdyConnection({ transport: far, role: "server", onStream: () => false }).run().catch(() => undefined);
  const frames = new FrameReader();
  const seen: FrameEvent[] = [];
  near.on("data", (chunk: Buffer) => seen.push(...frames.read(chunk)));
  near.write(controlFrame(frameTypes.ping, 0, 2));
  near.write(controlFrame(frameTypes.ping, 0, 7));
  while (seen.length === 0) await turns(1);
  t.match(seen, [{ kind: "control", type: frameTypes.ping, payload: Buffer.of(0, 0, 0, 7) }]);
});

t.test("what is no SPDY/3.1 ends the connection", async (t) => {
  const garbage: readonly (readonly [string, Buffer])[] = [
    ["badFrame", Buffer.of(0x80, 2, 0, 1, 0, 0, 0, 0)],
    ["frameTooLarge", Buffer.of(0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff)],
    ["badHeaders", controlFrame(frameTypes.synStream, 0, 1, 0, Buffer.alloc(2), Buffer.from("no zlib here"))],
    ["badFrame", controlFrame(frameTypes.synStream, 0, 2, 0, Buffer.alloc(2), new HeaderWriter().write(new Map()))],
    ["badFrame", controlFrame(frameTypes.rstStream, 0)],
  ];
  for (const [code, bytes] of garbage) {
    const [near, far] = await socketPair(t);
    const over = new SpdyConnection({ transport: far, role: "server", onStream: () => true }).run();
    near.write(bytes);
    t.equal(await codeOf(over), code);
  }
});

t.test("compressed headers with the dictionary, block after block; too large ones are refused", async (t) => {
  const deflate = createDeflate({ dictionary, flush: constants.Z_SYNC_FLUSH });
  const compress = async (plain: Buffer): Promise<Buffer> => {
    await new Promise<unknown>((resolve) => deflate.write(plain, resolve));
    return deflate.read() as Buffer;
  };
  const block = (name: string, value: string): Buffer => {
    const parts = [name, value].flatMap((text) => [uint32(text.length), Buffer.from(text)]);
    return Buffer.concat([uint32(1), ...parts]);
  };
  const reader = new HeaderReader();
  t.same(await reader.read(await compress(block("StreamType", "data"))), new Map([["streamtype", "data"]]));
  t.same(await reader.read(await compress(block("port", "80"))), new Map([["port", "80"]]));
  const bomb = await compress(block("x", "y".repeat(1024 * 1024)));
  t.ok(bomb.length < 8_000, "a bomb is small");
  t.equal(await codeOf(reader.read(bomb)), "badHeaders");
  reader.close();
});

t.test("frames cut anywhere read the same", async (t) => {
  const seed = Number(process.env["SEED"] ?? 7);
  t.comment(`seed ${seed}`);
  const rng = seededRng(seed);
  const whole = Buffer.concat([
    controlFrame(frameTypes.ping, 0, 1),
    dataHead(3, 5, false),
    Buffer.from("hello"),
    dataHead(3, 0, true),
    controlFrame(frameTypes.goAway, 0, 1, 2),
  ]);
  const read = (cuts: () => number): string => {
    const reader = new FrameReader();
    const all: FrameEvent[] = [];
    for (let at = 0; at < whole.length;) {
      const next = at + cuts();
      all.push(...reader.read(whole.subarray(at, next)));
      at = next;
    }
    const data = all.filter((one) => one.kind === "data");
    const text = Buffer.concat(data.map(({ bytes }) => bytes)).toString();
    return JSON.stringify([text, data.filter(({ fin }) => fin).length, all.filter(({ kind }) => kind === "control")]);
  };
  const expected = read(() => whole.length);
  for (let i = 0; i < 200; i += 1) if (read(() => 1 + rng.int(9)) !== expected) t.fail(`run ${i}`);
  t.match(expected, /^\["hello",1/);
});

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.catch((error: unknown) => error);
  return error instanceof SpdyError ? error.failure.code : `no SpdyError: ${String(error)}`;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
