// What a peer sends may be anything: each decoder gives a message or a `DecodeError`, and holds no more than a frame.
// Replay one run: TRIARCH_FRAME_SEED=17 node fuzz.test.ts
import { randomInt } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import t from "tap";
import { emptyBytes, seededRng, utf8, type Rng } from "@triarch/base";
import type { Entry, MemberId, Message, MessageType, Snapshot } from "@triarch/raft";
import { decodeMessage, encodeMessage } from "../src/codec/message-codec.ts";
import { DecodeError } from "../src/codec/varint.ts";
import { transportLimits } from "../src/limits.ts";
import { frame, FrameReader, frameTypes, messageFrames } from "../src/transport/frames.ts";
import { decodeAnswer, decodeHello, encodeAnswer, encodeHello } from "../src/transport/handshake.ts";

const rounds = 1_000;
const seed = Number(process.env["TRIARCH_FRAME_SEED"] ?? randomInt(1_000_000_000));
t.comment(`TRIARCH_FRAME_SEED=${seed}`);

const types: readonly MessageType[] = ["MsgProp", "MsgApp", "MsgAppResp", "MsgVote", "MsgHeartbeat", "MsgReadIndex"];

function bytesOf(rng: Rng, max: number): Uint8Array {
  return Uint8Array.from({ length: rng.int(max) }, () => rng.int(256));
}

function number(rng: Rng): number {
  return rng.int(3) === 0 ? 0 : rng.int(2 ** (1 + rng.int(31))) * (rng.int(4) === 0 ? 2 ** 21 : 1);
}

function randomMessage(rng: Rng): Message {
  const ids = (): MemberId[] =>
    Array.from({ length: rng.int(4) }, () => BigInt.asUintN(64, BigInt(number(rng)) * 1_000_003n));
  const snapshot: Snapshot = {
    index: number(rng),
    term: number(rng),
    confState: {
      voters: ids(),
      learners: ids(),
      votersOutgoing: ids(),
      learnersNext: ids(),
      autoLeave: rng.int(2) === 0,
    },
    data: emptyBytes,
  };
  const entry = (): Entry => ({ term: number(rng), index: number(rng), type: "confChangeV2", data: bytesOf(rng, 40) });
  return {
    type: types[rng.int(types.length)] as MessageType,
    ...{ to: BigInt(number(rng)), from: 0xffff_ffff_ffff_fff0n, vote: BigInt(number(rng)) },
    ...{ term: number(rng), logTerm: number(rng), index: number(rng), commit: number(rng), rejectHint: number(rng) },
    entries: Array.from({ length: rng.int(5) }, entry),
    snapshot: rng.int(4) === 0 ? snapshot : undefined,
    ...{ reject: rng.int(2) === 0, context: bytesOf(rng, 20), responses: [] },
  };
}

/** Some bytes changed, lost, or added. */
function mutated(bytes: Uint8Array, rng: Rng): Uint8Array {
  const out = [...bytes];
  for (let count = 1 + rng.int(3); count > 0; count--) {
    const at = rng.int(out.length + 1);
    const kind = rng.int(4);
    if (kind === 0) out.splice(at, 1 + rng.int(3));
    else if (kind === 1) out.splice(at, 0, ...bytesOf(rng, 4));
    else if (kind === 2) out.splice(at, 1, 0xff);
    else out.splice(at, 1, rng.int(256));
  }
  return Uint8Array.from(out);
}

/** @returns what was decoded; undefined after a `DecodeError`. @throws any other error, with how to repeat it */
function orRefused<T>(round: number, decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw new Error(`TRIARCH_FRAME_SEED=${seed}, round ${round}: ${String(error)}`, { cause: error });
  }
}

t.test("messages: what is whole comes back, what is not is refused or is another whole message", async (t) => {
  const rng = seededRng(seed);
  let refused = 0;
  for (let round = 0; round < rounds; round++) {
    const message = randomMessage(rng);
    const bytes = encodeMessage(message);
    if (!isDeepStrictEqual(decodeMessage(bytes), message)) t.fail(`TRIARCH_FRAME_SEED=${seed}, round ${round}`);
    for (const changed of [mutated(bytes, rng), bytes.slice(0, rng.int(bytes.length)), bytesOf(rng, 60)]) {
      const decoded = orRefused(round, () => decodeMessage(changed));
      if (decoded === undefined) refused += 1;
      else if (decoded.entries.length > changed.length) t.fail("more entries than bytes");
    }
  }
  t.ok(refused > rounds / 4, `${refused} refused`);
});

t.test("handshakes", async (t) => {
  const rng = seededRng(seed);
  const identity = { version: 1, clusterId: 10n, memberId: 1n };
  const samples = [
    encodeHello({ ...identity, to: 2n, kind: "bulk" }),
    encodeAnswer({ ...identity, refusal: "no", removed: false }),
  ];
  const odd = ["null", "7", '"x"', "[]", "{}", "true", '{"clusterId":null}', '{"clusterId":"1","memberId":"2"}', ""];
  const payloads = odd.map(utf8);
  for (let round = 0; round < rounds; round++) {
    const sample = samples[rng.int(samples.length)] as Uint8Array;
    payloads.push(round % 4 === 0 ? bytesOf(rng, 40) : mutated(sample, rng));
  }
  for (const [round, payload] of payloads.entries()) {
    orRefused(round, () => decodeHello(payload));
    const answer = orRefused(round, () => decodeAnswer(payload));
    if (answer !== undefined) t.type(answer.refusal, "string");
  }
  t.equal(
    orRefused(0, () => decodeHello(utf8("null"))),
    undefined,
  );
});

t.test("frames: whole ones come out however the stream is cut; the first bad one ends it", async (t) => {
  const rng = seededRng(seed);
  for (let round = 0; round < rounds / 10; round++) {
    const messages = Array.from({ length: 1 + rng.int(4) }, () => randomMessage(rng));
    const stream = messageFrames(messages, 3);
    const broken = round % 2 === 0 ? stream : mutated(stream, rng);
    const reader = new FrameReader();
    let payloadBytes = 0;
    let frames = 0;
    const end = orRefused(round, () => {
      for (let at = 0; at < broken.length;) {
        const chunk = broken.subarray(at, (at += 1 + rng.int(50)));
        reader.push(chunk, (one) => {
          payloadBytes += one.end - one.start;
          frames += 1;
          orRefused(round, () => decodeMessage(one.bytes, one.start, one.end));
        });
      }
      return "whole";
    });
    if (broken === stream) t.strictSame([end, frames], ["whole", messages.length]);
    t.ok(payloadBytes <= broken.length, "nothing is read twice");
  }
});

t.test("a frame's length is checked before anything is kept for it", async (t) => {
  for (const length of [0, transportLimits.frameBytesMax + 1, 0xffff_ffff]) {
    const header = new Uint8Array(5);
    new DataView(header.buffer).setUint32(0, length, true);
    t.throws(() => new FrameReader().push(header, () => t.fail("no frame")), DecodeError, `${length} bytes`);
  }
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 50 }, () => new FrameReader());
  const largest = frame(frameTypes.message, emptyBytes);
  new DataView(largest.buffer).setUint32(0, transportLimits.frameBytesMax, true);
  for (const reader of readers) reader.push(largest, () => t.fail("no frame"));
  const kept = process.memoryUsage().arrayBuffers - before;
  t.ok(kept < transportLimits.frameBytesMax, `${kept} bytes are kept for 50 announced frames of the largest size`);
});
