import { randomBytes } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { seededRng } from "@triarch/base";
import type { ByteSource } from "@triarch/bbolt";
import {
  isSealed,
  readSnapshotKey,
  sealed,
  sealedKeyId,
  sealedSizeBytes,
  snapshotKey,
  unsealed,
} from "../src/snapshot/encryption.ts";

const key = snapshotKey(randomBytes(32));
const chunk = 64 * 1024;

function sourceOf(bytes: Uint8Array): ByteSource {
  return { sizeBytes: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) };
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function sealAll(plain: Uint8Array, pieceBytes = 10_000): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of sealed(pieces(plain, pieceBytes), key)) parts.push(part);
  return Buffer.concat(parts);
}

async function readAll(bytes: Uint8Array): Promise<Uint8Array> {
  const source = await unsealed(sourceOf(bytes), key);
  return source.read(0, source.sizeBytes);
}

t.test("what was sealed is read back, whole and in parts, whatever its size", async (t) => {
  for (const size of [0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, 1_000_000]) {
    const plain = randomBytes(size);
    const file = await sealAll(plain, size > 100_000 ? 300_000 : 777);
    t.equal(file.length, sealedSizeBytes(size));
    t.equal(await isSealed(sourceOf(file)), true);
    t.equal(await sealedKeyId(sourceOf(file)), key.id);
    t.equal(plain.compare(await readAll(file)), 0, `${size} bytes`);
    const source = await unsealed(sourceOf(file), key);
    const from = Math.floor(size / 3);
    t.equal(plain.subarray(from, from + 70_000).compare(await source.read(from, 70_000)), 0);
  }
  t.not(Buffer.compare(await sealAll(Buffer.alloc(100)), await sealAll(Buffer.alloc(100))), 0, "no two are alike");
});

t.test("no byte can be changed, no chunk moved, nothing cut off or added", async (t) => {
  const seed = randomBytes(4).readUInt32LE();
  t.comment(`seed ${seed}`);
  const rng = seededRng(seed);
  const file = await sealAll(randomBytes(3 * chunk + 5000));
  for (let i = 0; i < 200; i++) {
    const changed = Buffer.from(file);
    const at = rng.int(file.length);
    changed.writeUInt8(changed.readUInt8(at) ^ (1 << rng.int(8)), at);
    await t.rejects(readAll(changed), { name: "EncryptionError" }, `bit at ${at}`);
  }
  for (let i = 0; i < 100; i++) {
    const length = rng.int(file.length);
    await t.rejects(readAll(file.subarray(0, length)), { name: "EncryptionError" }, `cut to ${length}`);
  }
  const first = file.length - (3 * (chunk + 16) + 5000 + 16);
  const sealedChunk = chunk + 16;
  for (const count of [1, 2, 3]) {
    const cut = file.subarray(0, first + count * sealedChunk);
    await t.rejects(unsealed(sourceOf(cut), key), { code: "altered" }, `cut behind chunk ${count}, found at once`);
  }
  const [one, two] = [
    file.subarray(first, first + sealedChunk),
    file.subarray(first + sealedChunk, first + 2 * sealedChunk),
  ];
  const rest = file.subarray(first + 2 * sealedChunk);
  await t.rejects(readAll(Buffer.concat([file.subarray(0, first), two, one, rest])), { code: "altered" });
  await t.rejects(readAll(Buffer.concat([file, randomBytes(100)])), { code: "altered" });
  const other = await sealAll(randomBytes(3 * chunk + 5000));
  await t.rejects(readAll(Buffer.concat([other.subarray(0, first), file.subarray(first)])), { code: "altered" });
});

t.test("another key, and key files that are none, are refused in clear words", async (t) => {
  const file = await sealAll(randomBytes(100));
  const other = snapshotKey(randomBytes(32));
  await t.rejects(unsealed(sourceOf(file), other), { code: "wrongKey", message: new RegExp(`${key.id}.*${other.id}`) });
  const dir = t.testdir({ short: "abcd", text: "z".repeat(64) });
  for (const name of ["short", "text"]) {
    chmodSync(join(dir, name), 0o600);
    await t.rejects(readSnapshotKey(join(dir, name)), /64 hexadecimal digits/);
  }
  await t.rejects(readSnapshotKey(join(dir, "none")), { code: "keyFile" });
  const good = join(dir, "good");
  writeFileSync(good, `${Buffer.from(key.key).toString("hex")}\n`, { mode: 0o600 });
  t.equal((await readSnapshotKey(good)).id, key.id);
  chmodSync(good, 0o644);
  await t.rejects(readSnapshotKey(good), /chmod 600/);
});
