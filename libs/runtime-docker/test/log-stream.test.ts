import { text } from "node:stream/consumers";
import { Readable } from "node:stream";
import t from "tap";
import { seededRng } from "@triarch/base";
import { LogFrames } from "../src/log-stream.ts";

function frame(stream: 1 | 2, payload: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(payload), 4);
  return Buffer.concat([header, Buffer.from(payload)]);
}

t.test("frames cut anywhere give the payload", async (t) => {
  const rng = seededRng(7);
  const lines = Array.from({ length: 50 }, (_, i) => `line ${i} ${"ä".repeat(Math.floor(rng.next() * 40))}\n`);
  const bytes = Buffer.concat([...lines.map((line, i) => frame(i % 2 === 0 ? 1 : 2, line)), frame(1, "")]);
  for (let round = 0; round < 50; round++) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = 1 + Math.floor(rng.next() * 20);
      chunks.push(bytes.subarray(at, at + size));
      at += size;
    }
    t.equal(await text(Readable.from(chunks).pipe(new LogFrames())), lines.join(""), `round ${round}`);
  }
});
