import t from "tap";
import { seededRng } from "@triarch/base";
import { emptyConfState, makeMessage } from "@triarch/raft";
import type { Message, MessageType } from "@triarch/raft";
import { decodeMessage, encodeMessage } from "../src/codec/message-codec.ts";
import { DecodeError } from "../src/codec/varint.ts";
import { FrameReader, frameTypes, messageFrames } from "../src/transport/frames.ts";
import { decodeAnswer, decodeHello, encodeHello, refusalOf } from "../src/transport/handshake.ts";

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

t.test("bytes are those of raftpb", (t) => {
  const heartbeat = makeMessage("MsgHeartbeat", { to: 2n, from: 0x8e9e05c52164694dn, term: 300, commit: 7 });
  t.equal(hexOf(encodeMessage(heartbeat)), "0808" + "1002" + "18cdd2918bd2b881cf8e01" + "20ac02" + "4007");
  const data = Uint8Array.of(0xaa, 0xbb);
  const append = makeMessage("MsgApp", {
    ...{ to: 1n, from: 2n, term: 5, logTerm: 4, index: 9, commit: 8 },
    entries: [
      { term: 5, index: 10, type: "normal", data },
      { term: 5, index: 11, type: "confChangeV2", data: new Uint8Array(0) },
    ],
  });
  t.equal(hexOf(encodeMessage(append)), "0803100118022005280430093a0810051" + "80a2202aabb3a06080210051" + "80b4008");
  t.end();
});

t.test("any message comes back as it went", (t) => {
  const rng = seededRng(3);
  const types: MessageType[] = ["MsgProp", "MsgApp", "MsgAppResp", "MsgPreVoteResp", "MsgSnap", "MsgReadIndexResp"];
  const number = (): number => Math.floor(rng.next() ** 4 * Number.MAX_SAFE_INTEGER);
  const id = (): bigint => (BigInt(rng.int(2 ** 32)) << 32n) | BigInt(rng.int(2 ** 32));
  const bytes = (): Uint8Array => Uint8Array.from({ length: rng.int(300) }, () => rng.int(256));
  for (let i = 0; i < 300; i++) {
    const type = types[rng.int(types.length)] as MessageType;
    const confState = {
      ...emptyConfState,
      voters: [id(), id()],
      learners: [id()],
      learnersNext: [3n],
      autoLeave: true,
    };
    const message: Message = makeMessage(type, {
      ...{ to: id(), from: id(), term: number(), logTerm: number(), index: number(), commit: number(), vote: id() },
      ...{ reject: rng.int(2) === 0, rejectHint: number(), context: bytes() },
      entries: Array.from({ length: rng.int(4) }, () => ({
        term: number(),
        index: number(),
        type: "normal",
        data: bytes(),
      })),
      snapshot:
        type === "MsgSnap" ? { index: number(), term: number(), confState, data: new Uint8Array(0) } : undefined,
    });
    t.strictSame(decodeMessage(encodeMessage(message)), message);
  }
  t.strictSame(
    decodeMessage(encodeMessage(makeMessage("MsgVote", { term: Number.MAX_SAFE_INTEGER }))).term,
    2 ** 53 - 1,
  );
  t.end();
});

t.test("unknown fields are skipped, broken messages refused", (t) => {
  const known = encodeMessage(makeMessage("MsgBeat", { to: 1n }));
  const extended = Buffer.concat([known, Buffer.from("f80101" + "f2010568656c6c6f", "hex")]);
  t.equal(decodeMessage(extended).to, 1n);
  for (const hex of [
    "08",
    "0863",
    "3a05",
    "20ffffffffffffffffff01",
    "10ffffffffffffffffffff01",
    "0b",
    "3a0408632001",
  ]) {
    t.throws(() => decodeMessage(Buffer.from(hex, "hex")), DecodeError, hex);
  }
  t.end();
});

t.test("frames survive any cutting of the stream", (t) => {
  const messages = [1, 2, 3].map((i) => makeMessage("MsgApp", { to: 2n, index: i, context: new Uint8Array(i * 1000) }));
  const stream = messageFrames([...messages, makeMessage("MsgProp", { to: 2n })], 12);
  for (const step of [1, 3, 7, 500, 1003, stream.length]) {
    const reader = new FrameReader();
    const read: Message[] = [];
    for (let at = 0; at < stream.length; at += step) {
      reader.push(stream.subarray(at, at + step), ({ type, bytes, start, end }) => {
        t.equal(type, frameTypes.message);
        read.push(decodeMessage(bytes, start, end));
      });
    }
    t.strictSame(read.slice(0, 3), messages);
    t.equal(read[3]?.term, 12, "a proposal carries the sender's term");
  }
  t.throws(() => new FrameReader().push(Buffer.from("GET / HTTP/1.1\r\n"), () => undefined), DecodeError);
  t.end();
});

t.test("a handshake tells who is wrong", (t) => {
  const own = { clusterId: 10n, memberId: 2n };
  const hello = { version: 1, clusterId: 10n, memberId: 1n, to: 2n, kind: "bulk" } as const;
  t.strictSame(decodeHello(encodeHello(hello)), hello);
  t.equal(refusalOf(hello, own, new Set()), "");
  t.match(refusalOf({ ...hello, version: 2 }, own, new Set()), /version 2 is not 1/);
  t.match(refusalOf({ ...hello, clusterId: 11n }, own, new Set()), /cluster b is not a/);
  t.match(refusalOf({ ...hello, to: 3n }, own, new Set()), /member 3 was called, this is 2/);
  t.match(refusalOf({ ...hello, memberId: 2n }, own, new Set()), /own id/);
  t.match(refusalOf(hello, own, new Set([1n])), /removed/);
  t.throws(() => decodeHello(Buffer.from("hi")), DecodeError);
  t.throws(() => decodeHello(encodeHello({ ...hello, kind: "x" as "bulk" })), DecodeError);
  t.throws(() => decodeAnswer(Buffer.from("{}")), DecodeError);
  t.end();
});
