// Files that were changed by somebody who knows the format: header and checksums are made right again after each change,
// so that the reader's own checks are what stands in the way. Wanted: all rows, or a `BboltError`; and never more work
// than the file is long.
import { execFileSync, spawn } from "node:child_process";
import { createHash, randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { seededRng, utf8, type Rng } from "@triarch/base";
import { BboltError, openBbolt, planSnapshot, snapshotStatus, verifyTrailer, type ByteSource } from "../src/index.ts";
import { metaChecksum, pageFlags } from "../src/format.ts";

type Tap = Pick<typeof t, "fail" | "ok" | "comment">;

t.setTimeout(60_000);

const pageBytes = 4096;
const trailerBytes = 32;
/** Bytes that are mutated and read, per file: larger ones get fewer rounds. */
const fuzzBytes = 30 * 1024 * 1024;
const roundsMax = 200;
/** Both passes of a status, each page's header read before its run, and the headers. */
const readFactorMax = 4;

interface Counted extends ByteSource {
  readBytes: number;
  longestRead: number;
}

function counted(bytes: Uint8Array): Counted {
  const source: Counted = {
    sizeBytes: bytes.length,
    readBytes: 0,
    longestRead: 0,
    read: async (offset, length) => {
      source.readBytes += length;
      source.longestRead = Math.max(source.longestRead, length);
      return bytes.slice(offset, offset + length);
    },
  };
  return source;
}

async function ours(rows: number): Promise<Buffer> {
  const row = (i: number): readonly [Uint8Array, Uint8Array] => [
    utf8(`key-${String(i).padStart(6, "0")}`),
    Buffer.alloc(i % 97 === 0 ? 9_000 : 40, i),
  ];
  const plan = await planSnapshot([
    { name: "key", rows: () => Array.from({ length: rows }, (_, i) => row(i)) },
    { name: "lease", rows: () => Array.from({ length: rows / 20 }, (_, i) => row(i)) },
    { name: "meta", rows: () => [[utf8("consistent_index"), Buffer.alloc(8)]] },
  ]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of plan.chunks(createHash("sha256"))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Makes the header's checksum and the file's right again. */
function seal(file: Buffer): Buffer {
  for (const page of [0, 1]) {
    const meta = file.subarray(page * pageBytes + 16, page * pageBytes + 80);
    if (meta.length === 64) meta.writeBigUInt64LE(metaChecksum(meta), 56);
  }
  const body = file.subarray(0, file.length - trailerBytes);
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}

/** One change somewhere, mostly where the format keeps its numbers. */
function mutate(original: Buffer, rng: Rng): { readonly file: Buffer; readonly what: string } {
  const file = Buffer.from(original);
  const pages = Math.floor(file.length / pageBytes);
  const page = rng.int(pages);
  const start = page * pageBytes;
  const absurd = (): number =>
    [0, 1, 2, page, pages - 1, pages, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff][rng.int(10)] ?? 0;
  switch (rng.int(9)) {
    case 0: {
      const at = rng.int(file.length);
      file.writeUInt8(rng.int(256), at);
      return { file: seal(file), what: `byte ${at}` };
    }
    case 1:
      file.writeUInt16LE(absurd() & 0xffff, start + 10);
      return { file: seal(file), what: `count of page ${page}` };
    case 2:
      file.writeUInt32LE(absurd(), start + 12);
      return { file: seal(file), what: `overflow of page ${page}` };
    case 3:
      file.writeUInt16LE([1, 2, 4, 16, 3, 0][rng.int(6)] ?? 0, start + 8);
      return { file: seal(file), what: `flags of page ${page}` };
    case 4: {
      const element = start + 16 + 16 * rng.int(8);
      file.writeUInt32LE(absurd(), element + 4 * rng.int(4));
      return { file: seal(file), what: `an element of page ${page}` };
    }
    case 5: {
      // Pages that point to each other, to themselves, to the root.
      const branch = rng.int(2) === 0 ? start : (pages - 1) * pageBytes;
      file.writeBigUInt64LE(BigInt(absurd()), branch + 16 + 8 + 16 * rng.int(4));
      return { file: seal(file), what: `a child of page ${branch / pageBytes}` };
    }
    case 6: {
      const field = 8 + 8 * rng.int(5);
      for (const meta of [0, 1]) file.writeBigUInt64LE(BigInt(absurd()), meta * pageBytes + 16 + field);
      return { file: seal(file), what: `field ${field} of the header` };
    }
    case 7: {
      const from = rng.int(pages);
      file.copy(file, start, from * pageBytes, (from + 1) * pageBytes);
      file.writeBigUInt64LE(BigInt(page), start);
      return { file: seal(file), what: `page ${from} again as page ${page}` };
    }
    default: {
      const length = Math.max(1, page) * 512;
      const cut = Buffer.concat([file.subarray(0, length), Buffer.alloc(trailerBytes)]);
      return { file: seal(cut), what: `cut to ${length}` };
    }
  }
}

async function fuzz(t: Tap, name: string, original: Buffer): Promise<void> {
  const seed = randomInt(2 ** 32);
  t.comment(`${name}: seed ${seed}`);
  const rng = seededRng(seed);
  const rounds = Math.min(roundsMax, Math.ceil(fuzzBytes / original.length));
  let refused = 0;
  for (let round = 0; round < rounds; round++) {
    const { file, what } = mutate(original, rng);
    const source = counted(file);
    try {
      await snapshotStatus(source, createHash("sha256"));
    } catch (error) {
      refused += 1;
      if (!(error instanceof BboltError)) t.fail(`${name}, seed ${seed}, round ${round}, ${what}: ${String(error)}`);
      else if (error.code === "checksum") t.fail(`${what}: the fuzzer's own checksum is wrong`);
    }
    if (source.readBytes > readFactorMax * file.length + 16 * pageBytes || source.longestRead > 64 * 1024 * 1024) {
      t.fail(`${name}, seed ${seed}, round ${round}, ${what}: ${source.readBytes} bytes read of ${file.length}`);
    }
  }
  t.ok(refused > rounds / 4, `${refused} of ${rounds} were refused, the rest read to its end`);
}

t.test("our own files, changed", async (t) => {
  const file = await ours(1000);
  await verifyTrailer(counted(file), createHash("sha256"));
  await fuzz(t, "ours", file);
});

const recorded = join(import.meta.dirname, "../../../../shared/kubernetes/recorded/cluster/snapshot.db");
t.test("a real cluster's file, changed", { skip: existsSync(recorded) ? false : "no recorded snapshot" }, async (t) => {
  await fuzz(t, "recorded", readFileSync(recorded));
});

t.test("the dangers by name", async (t) => {
  const original = await ours(1000);
  const pages = Math.floor(original.length / pageBytes);
  const rootPage = Number(original.readBigUInt64LE(16 + 16));
  const find = (flags: number, countMin: number): number => {
    for (let page = 2; page < pages; page++) {
      const [found, count] = [
        original.readUInt16LE(page * pageBytes + 8),
        original.readUInt16LE(page * pageBytes + 10),
      ];
      if (original.readUInt32LE(page * pageBytes) === page && found === flags && count >= countMin) return page;
    }
    throw new Error("no such page");
  };
  const branch = find(pageFlags.branch, 2);
  const leaf = find(pageFlags.leaf, 2);
  const change = async (edit: (file: Buffer) => void): Promise<string> => {
    const file = Buffer.from(original);
    edit(file);
    return snapshotStatus(counted(seal(file)), createHash("sha256")).then(
      () => "read",
      (error: unknown) => (error instanceof BboltError ? error.message : `bug: ${String(error)}`),
    );
  };
  const child = branch * pageBytes + 16 + 8;
  t.match(await change((file) => file.writeBigUInt64LE(BigInt(branch), child)), /reached twice/, "a cycle");
  t.match(await change((file) => file.writeBigUInt64LE(2n ** 63n, child)), /outside the file/, "an absurd page");
  t.match(await change((file) => file.writeBigUInt64LE(BigInt(rootPage), child)), /two buckets|not in order|reached/);
  t.match(await change((file) => file.writeUInt32LE(0xffffffff, leaf * pageBytes + 12)), /past the end/);
  t.match(await change((file) => file.writeUInt16LE(0xffff, leaf * pageBytes + 10)), /do not fit/);
  t.match(
    await change((file) => file.writeUInt32LE(0xffffffff, leaf * pageBytes + 16 + 12)),
    /runs past/,
    "a huge value",
  );
  t.match(
    await change((file) => file.writeUInt32LE(16, leaf * pageBytes + 32 + 4)),
    /overlaps/,
    "rows over each other",
  );
  const key = original.indexOf("key-000001", leaf * pageBytes, "latin1");
  t.match(await change((file) => file.write("zzz", key, "latin1")), /not in order/);
  t.match(
    await change((file) => {
      for (const meta of [0, 1]) file.writeBigUInt64LE(2n ** 40n, meta * pageBytes + 16 + 40);
    }),
    /the header counts/,
  );
  // Both buckets with one tree: reading all would cost the tree once per bucket.
  const names = rootPage * pageBytes;
  const rootOf = (file: Buffer, element: number): number => {
    const at = names + 16 + 16 * element;
    return at + file.readUInt32LE(at + 4) + file.readUInt32LE(at + 8);
  };
  t.match(
    await change((file) => file.copy(file, rootOf(file, 1), rootOf(file, 0), rootOf(file, 0) + 8)),
    /two buckets/,
  );
  t.match(
    await change((file) => file.write("\xff\xfe", names + 16 + 48 + 0, "latin1")),
    /bucket|overlaps|past|order|text/,
  );
});

const etcd = "/usr/bin/etcd";
t.test("a file of the real etcd, changed", { skip: existsSync(etcd) ? false : "etcd is not installed" }, async (t) => {
  const dir = t.testdir({});
  const ports = [20_000 + randomInt(20_000), 40_001 + randomInt(20_000)];
  const url = `http://127.0.0.1:${ports[0]}`;
  const peer = `http://127.0.0.1:${ports[1]}`;
  const child = spawn(
    etcd,
    [
      ...["--data-dir", join(dir, "data"), "--listen-client-urls", url, "--advertise-client-urls", url],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `default=${peer}`],
    ],
    { stdio: "ignore" },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  t.teardown(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const env = { ...process.env, ETCDCTL_API: "3" };
  const etcdctl = (args: readonly string[], input?: string): string =>
    execFileSync("etcdctl", [`--endpoints=${url}`, "--dial-timeout=20s", "--command-timeout=30s", ...args], {
      env,
      input,
      encoding: "utf8",
    });
  for (let tries = 0; ; tries++) {
    try {
      etcdctl(["put", "/first", "1"]);
      break;
    } catch (error) {
      if (tries > 20) throw error;
    }
  }
  for (let batch = 0; batch < 2; batch++) {
    const puts = Array.from({ length: 100 }, (_, i) => `put /k/${batch}/${i} ${"v".repeat(300)}`).join("\n");
    etcdctl(["txn"], `\n${puts}\n\n\n`);
  }
  const file = join(dir, "snapshot.db");
  execFileSync("etcdctl", [`--endpoints=${url}`, "snapshot", "save", file], { env, stdio: "pipe" });
  const bytes = readFileSync(file);
  await openBbolt(counted(bytes));
  await fuzz(t, "etcd", bytes);
});
