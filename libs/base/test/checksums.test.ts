import t from "tap";
import { compareBytes, crc32c, fromByteString, seededRng, toByteString, utf8 } from "../src/index.ts";

t.test("crc32c: published vectors (RFC 3720 B.4) and any split gives the same sum", async (t) => {
  t.equal(crc32c(new Uint8Array(0)), 0);
  t.equal(crc32c(utf8("123456789")), 0xe3069283);
  t.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  t.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => i);
  t.equal(crc32c(bytes), 0x46dd794e);
  for (let cut = 0; cut <= 32; cut++) t.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), 0x46dd794e);
});

t.test("byte strings keep bytes and order", async (t) => {
  const rng = seededRng(7);
  const samples = Array.from({ length: 200 }, () => Uint8Array.from({ length: rng.int(12) }, () => rng.int(256)));
  samples.push(Uint8Array.from({ length: 10_000 }, (_, i) => i & 0xff));
  for (const sample of samples) t.same(fromByteString(toByteString(sample)), sample);
  for (let i = 1; i < samples.length; i++) {
    const [left, right] = [samples[i - 1] as Uint8Array, samples[i] as Uint8Array];
    t.equal(toByteString(left) < toByteString(right), compareBytes(left, right) < 0);
  }
});
