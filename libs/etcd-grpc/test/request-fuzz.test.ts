import { once } from "node:events";
import { connect, type ClientHttp2Session } from "node:http2";
import t from "tap";
import { concatBytes, seededRng, utf8, type Rng } from "@triarch/base";
import * as proto from "@triarch/etcd-proto";
import { encodeFrame } from "../src/frames.ts";
import { etcdServices } from "../src/services.ts";
import { startPlainPort } from "./plain-port.ts";
import { RawCall } from "./raw-call.ts";

// Requests that no client of ours would send, to every method: each call ends with one status, and the port serves on.

t.setTimeout(60_000);
const port = await startPlainPort(t.testdir({}));
t.teardown(() => port.close());
const session = connect(port.url);
session.on("error", () => undefined);
t.teardown(() => session.destroy());
const { server } = port;

/** Changes of members could, by chance, leave the cluster without a quorum: that would be as asked. */
const paths = [...etcdServices({ server, progressNotifyIntervalMs: 600_000, nowMs: () => 0 }).keys()].filter(
  (path) => !path.includes(".Cluster/Member"),
);
const key = utf8("k");
const valid: readonly Uint8Array[] = [
  new Uint8Array(0),
  proto.RangeRequest.encode({ key, rangeEnd: utf8("z"), limit: 3, sortOrder: 1, sortTarget: 2 }),
  proto.PutRequest.encode({ key, value: new Uint8Array(300), lease: 7n, prevKv: true }),
  proto.TxnRequest.encode({
    compare: [{ key, target: 3, value: utf8("v") }],
    success: [{ requestTxn: { success: [{ requestPut: { key } }], failure: [{ requestDeleteRange: { key } }] } }],
  }),
  proto.WatchRequest.encode({ createRequest: { key, filters: [0, 1], fragment: true } }),
  proto.LeaseGrantRequest.encode({ ttl: 60, id: 9n }),
  proto.AuthRoleGrantPermissionRequest.encode({ name: "r", perm: { permType: 2, key, rangeEnd: key } }),
];
const varintMax = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
const nothing = new Uint8Array(0);

function anyMessage(rng: Rng): Uint8Array {
  const bytes = (valid[rng.int(valid.length)] ?? nothing).slice();
  switch (rng.int(7)) {
    case 0: // noise
      return Uint8Array.from({ length: rng.int(40) }, () => rng.int(256));
    case 1: // cut off
      return bytes.subarray(0, rng.int(bytes.length + 1));
    case 2: // a length that goes past everything
      return concatBytes([bytes, Uint8Array.of(((1 + rng.int(8)) << 3) | 2), varintMax]);
    case 3: // a length of almost 4 GiB in front
      return concatBytes([Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f), bytes]);
    case 4: // groups and wire types that there are not
      return concatBytes([Uint8Array.of(((1 + rng.int(15)) << 3) | (3 + rng.int(5))), bytes]);
    case 5: // deeper than anybody needs
      return nested(1 + rng.int(400));
    default:
      for (let i = rng.int(4); i >= 0; i--) if (bytes.length > 0) bytes[rng.int(bytes.length)] = rng.int(256);
      return bytes;
  }
}

/** A transaction in a transaction in a transaction ... */
function nested(depth: number): Uint8Array {
  let bytes: Uint8Array = nothing;
  for (let i = 0; i < depth; i++) {
    for (const tag of [0x22, 0x12]) {
      const length: number[] = [];
      for (let rest = bytes.length; ; rest >>>= 7) {
        length.push(rest < 128 ? rest : (rest & 127) | 128);
        if (rest < 128) break;
      }
      bytes = concatBytes([Uint8Array.of(tag, ...length), bytes]);
    }
  }
  return bytes;
}

const types = { input: proto.RangeRequest, output: proto.HealthCheckResponse };

/** What comes back is not looked at: the messages are of any type. */
class Call extends RawCall<unknown, never, unknown, unknown> {
  constructor(path: string, to: ClientHttp2Session = session) {
    const skip = { ...types.output, decode: () => undefined } as unknown as proto.MessageType<unknown, unknown>;
    super(to, path, { input: skip, output: skip }, { "grpc-timeout": "2S" });
  }
}

async function serves(t: Tap): Promise<void> {
  await server.put({ key: utf8("alive"), value: utf8("yes") });
  const call = new RawCall(session, "/etcdserverpb.KV/Range", {
    input: proto.RangeRequest,
    output: proto.RangeResponse,
  });
  call.send({ key: utf8("alive") });
  call.stream.end();
  t.match(await call.ended, { code: 0 });
  t.match(call.received, [{ count: 1 }]);
}
type Tap = Pick<typeof t, "match">;

const roundsMax = 3;
/** What etcd, too, answers with code 2. */
const knownUnknown =
  /^\/v3(?:lock|election)pb\.\S+ etcdserver: |"leader" field must be provided$|election: no leader$|bcrypt: password length exceeds|Downgrade/;

t.test("any bytes as a request message", async (t) => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  t.comment(`SEED=${seed}`);
  const rng = seededRng(seed);
  const codes = new Map<number, number>();
  const unknown = new Set<string>();
  // Together, since streams that have nothing to say last until their deadline.
  for (let round = 0; round < roundsMax; round++) {
    const calls = [...paths, ...paths, ...paths, ...paths, ...paths].map((path) => {
      const call = new Call(path);
      const message = anyMessage(rng);
      call.stream.write(encodeFrame(message));
      call.stream.end();
      return { path, message, ended: call.ended };
    });
    for (const { path, message, ended } of calls) {
      const { code, message: text } = await ended;
      codes.set(code, (codes.get(code) ?? 0) + 1);
      if (code === 2) unknown.add(`${path} ${text}`);
      if (code >= 0 && code <= 16) continue;
      t.fail(`${path} ended with ${code} ${text}`, { message: Buffer.from(message).toString("hex"), seed });
    }
  }
  t.comment(`${paths.length} methods; calls by code: ${JSON.stringify([...codes].sort(([a], [b]) => a - b))}`);
  t.ok((codes.get(13) ?? 0) > 0, "some could not be read");
  t.strictSame(
    [...unknown].filter((text) => !knownUnknown.test(text)),
    [],
    "errors without a code are etcd's own",
  );
  await serves(t);
});

t.test("frames: cut off, absurdly long, compressed, two where one is allowed", async (t) => {
  const frames: readonly (readonly [number, Uint8Array])[] = [
    [13, Uint8Array.of(0, 0, 0)],
    [13, Uint8Array.of(0, 0, 0, 1, 0, 1, 2, 3)],
    [8, Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff, 1)],
    [8, Uint8Array.of(0, 0, 0x20, 0, 1)],
    [12, Uint8Array.of(1, 0, 0, 0, 1, 0)],
    [12, Uint8Array.of(255, 0xff, 0xff, 0xff, 0xff)],
    [13, concatBytes([encodeFrame(nothing), encodeFrame(nothing)])],
  ];
  for (const path of ["/etcdserverpb.KV/Put", "/etcdserverpb.Maintenance/Snapshot"]) {
    for (const [expected, bytes] of frames) {
      const call = new Call(path);
      call.stream.write(bytes);
      call.stream.end();
      t.match(await call.ended, { code: expected }, `${path} ${Buffer.from(bytes).toString("hex")}`);
    }
  }
  await serves(t);
});

t.test("many requests that are announced and never come cost no memory", async (t) => {
  const { arrayBuffers } = process.memoryUsage();
  const own = connect(port.url);
  own.on("error", () => undefined);
  await once(own, "connect");
  const calls = Array.from({ length: 200 }, () => {
    const call = new Call("/etcdserverpb.KV/Put", own);
    call.stream.write(Uint8Array.of(0, 0, 0x1f, 0xff, 0xff, 1, 2, 3)); // 2 MiB less one byte are announced
    return call;
  });
  await new Promise<void>((resolve, reject) => {
    own.ping((error) => (error === null ? resolve() : reject(error)));
  });
  t.ok(process.memoryUsage().arrayBuffers - arrayBuffers < 50 * 1024 * 1024, "announced were 400 MiB");
  await serves(t);
  for (const call of calls) t.match(await call.ended, { code: 4 }, "each ends at its deadline");
  own.destroy();
});
