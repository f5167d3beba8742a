import t from "tap";
import { concatBytes, seededRng, type Rng } from "@triarch/base";
import { encodeFrame, FrameDecoder, receiveBytesMax } from "../src/frames.ts";
import { grpcTimeoutMs } from "../src/grpc-server.ts";
import { decodeGrpcMessage, encodeGrpcMessage } from "../src/status.ts";

function header(flag: number, length: number): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = flag;
  new DataView(bytes.buffer).setUint32(1, length, false);
  return bytes;
}

function randomMessages(rng: Rng): Uint8Array[] {
  return Array.from({ length: 1 + rng.int(12) }, () => {
    const length = rng.int(8) === 0 ? rng.int(60_000) : rng.int(40);
    return Uint8Array.from({ length }, () => rng.int(256));
  });
}

/** Cuts at random places, also into pieces of nothing and of one byte. */
function randomChunks(bytes: Uint8Array, rng: Rng): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = rng.int(4) === 0 ? rng.int(20_000) : rng.int(7);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

t.test("messages come out as they went in, however the bytes are cut", async (t) => {
  const wrong: string[] = [];
  for (let seed = 1; seed <= 300; seed++) {
    const rng = seededRng(seed);
    const sent = randomMessages(rng);
    const decoder = new FrameDecoder();
    const received: Buffer[] = [];
    for (const chunk of randomChunks(concatBytes(sent.map((message) => encodeFrame(message))), rng)) {
      for (const message of decoder.push(chunk)) received.push(Buffer.from(message));
    }
    const same =
      received.length === sent.length && received.every((message, i) => message.equals(sent[i] ?? header(0, 0)));
    if (!same || decoder.pendingBytes !== 0) wrong.push(`seed ${seed}: ${received.length} of ${sent.length} messages`);
  }
  t.same(wrong, []);
});

t.test("what is not there yet is counted as pending", async (t) => {
  const decoder = new FrameDecoder();
  const frame = encodeFrame(new Uint8Array(100));
  t.same(decoder.push(frame.subarray(0, 104)), []);
  t.equal(decoder.pendingBytes, 104);
  t.equal(decoder.push(frame.subarray(104)).length, 1);
  t.equal(decoder.pendingBytes, 0);
});

t.test("a message past the bound is refused by its length, before its bytes are there", async (t) => {
  t.throws(() => new FrameDecoder().push(header(0, receiveBytesMax + 1)), {
    code: 8,
    message: "grpc: received message larger than max (2097153 vs. 2097152)",
  });
  t.throws(() => new FrameDecoder(10).push(header(0, 0xffff_ffff)), { code: 8 });
  t.equal(new FrameDecoder(10).push(encodeFrame(new Uint8Array(10))).length, 1);
});

t.test("a compressed message is refused, also behind a plain one", async (t) => {
  const decoder = new FrameDecoder();
  t.throws(() => decoder.push(header(1, 0)), { code: 12, message: /compressed/ });
  t.throws(() => new FrameDecoder().push(concatBytes([encodeFrame(new Uint8Array(3)), header(1, 2)])), { code: 12 });
});

t.test("random bytes give messages or a refusal with a code, nothing else", async (t) => {
  const wrong: string[] = [];
  for (let seed = 1; seed <= 500; seed++) {
    const rng = seededRng(seed);
    const decoder = new FrameDecoder(1_000);
    try {
      for (let i = 0; i < 20; i++) {
        const chunk = Uint8Array.from({ length: rng.int(30) }, () => (rng.int(3) === 0 ? rng.int(256) : 0));
        for (const message of decoder.push(chunk)) if (message.length > 1_000) wrong.push(`seed ${seed}: too long`);
        if (decoder.pendingBytes > 1_005 + 30) wrong.push(`seed ${seed}: ${decoder.pendingBytes} bytes are held`);
      }
    } catch (error) {
      if (!(error instanceof Error && error.name === "GrpcError")) throw error;
    }
  }
  t.same(wrong, []);
});

t.test("a long message in small pieces is not copied again for each of them", async (t) => {
  const size = 32 * 1024 * 1024;
  const decoder = new FrameDecoder(size);
  const frame = encodeFrame(new Uint8Array(size));
  const startedAt = process.cpuUsage().user;
  let received = 0;
  for (let at = 0; at < frame.length; at += 4096) received += decoder.push(frame.subarray(at, at + 4096)).length;
  const seconds = (process.cpuUsage().user - startedAt) / 1e6;
  t.equal(received, 1);
  t.ok(seconds < 5, `${seconds} s of CPU`); // each time: 8,192 copies of 16 MiB, half a minute
});

t.test("grpc-timeout: eight digits at most and a unit", async (t) => {
  const cases = {
    "1H": 3_600_000,
    "2M": 120_000,
    "7S": 7_000,
    "250m": 250,
    "500u": 0.5,
    "0n": 0,
    "99999999S": 99_999_999_000,
  };
  for (const [text, ms] of Object.entries(cases)) t.equal(grpcTimeoutMs(text), ms, text);
  t.equal(grpcTimeoutMs("1000000n"), 1);
  for (const text of ["", "S", "1", "1s", "-1S", "1.5S", "123456789S", " 1S", "1S ", "1SS"]) {
    t.equal(grpcTimeoutMs(text), undefined, JSON.stringify(text));
  }
});

t.test("status messages survive the trailers", async (t) => {
  for (const text of ["", "etcdserver: no leader", "100 %", "Zürich\n\t✓ 🙂", "%41"]) {
    const encoded = encodeGrpcMessage(text);
    t.match(encoded, /^[ -~]*$/);
    t.equal(decodeGrpcMessage(encoded), text);
  }
  t.equal(decodeGrpcMessage(encodeGrpcMessage("half \ud83d")), "half \ufffd");
  t.equal(decodeGrpcMessage("%zz"), "%zz", "text of a careless peer is taken as it is");
});
