import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { seededRng, utf8 } from "@triarch/base";
import { openBbolt, planSnapshot, snapshotStatus, type BucketSource, type ByteSource, type Row } from "@triarch/bbolt";

function bytesSource(bytes: Uint8Array): ByteSource {
  return { sizeBytes: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

function bucket(name: string, rows: readonly Row[]): BucketSource {
  return { name, rows: () => rows };
}

async function fileOf(buckets: readonly BucketSource[]): Promise<Uint8Array> {
  const plan = await planSnapshot(buckets);
  const chunks: Uint8Array[] = [];
  for await (const chunk of plan.chunks(createHash("sha256"))) chunks.push(chunk);
  const file = Buffer.concat(chunks);
  t.equal(file.length, plan.sizeBytes);
  return file;
}

async function rowsOf(file: Uint8Array, name: string): Promise<string[]> {
  const reader = await openBbolt(bytesSource(file));
  const seen: string[] = [];
  for await (const rows of reader.rows(name)) {
    for (const [key, value] of rows) seen.push(`${Buffer.from(key).toString("hex")}=${value.length}:${value[0] ?? ""}`);
  }
  return seen;
}

/** Revision keys with values of mixed sizes, some larger than a page; as many as make several branch levels. */
function manyRows(count: number, seed = 5): Row[] {
  const rng = seededRng(seed);
  return Array.from({ length: count }, (_, i) => {
    const key = Buffer.alloc(17);
    key.writeBigUInt64BE(BigInt(i + 2), 0);
    key.write("_", 8);
    const size = rng.int(50) === 0 ? 5_000 + rng.int(20_000) : rng.int(300);
    return [key, new Uint8Array(size).fill(i & 0xff)];
  });
}

const meta: Row[] = [[utf8("consistent_index"), new Uint8Array(8)]];
const sources = (rows: readonly Row[]) => [bucket("meta", meta), bucket("key", rows), bucket("auth", [])];

t.test("rows come back as they were given, over several levels, large ones and empty buckets included", async (t) => {
  const rows = manyRows(30_000);
  const file = await fileOf(sources(rows));
  const reader = await openBbolt(bytesSource(file));
  t.same(reader.bucketNames, ["auth", "key", "meta"]);
  t.same(
    await rowsOf(file, "key"),
    rows.map(([key, value]) => `${Buffer.from(key).toString("hex")}=${value.length}:${value[0] ?? ""}`),
  );
  t.same(await rowsOf(file, "auth"), []);
});

t.test("rows out of order are refused", async (t) => {
  await t.rejects(
    fileOf([
      bucket("key", [
        [utf8("b"), utf8("")],
        [utf8("a"), utf8("")],
      ]),
    ]),
    { code: "badInput" },
  );
});

t.test("a flipped byte anywhere is found, and a truncated file is told as such", async (t) => {
  const file = await fileOf(sources(manyRows(500)));
  const rng = seededRng(9);
  for (let i = 0; i < 50; i++) {
    const altered = Buffer.from(file);
    const at = rng.int(file.length);
    altered[at] = (altered[at] ?? 0) ^ (1 + rng.int(255));
    await t.rejects(snapshotStatus(bytesSource(altered), createHash("sha256")), { name: "BboltError" });
  }
  await t.rejects(snapshotStatus(bytesSource(file.subarray(0, file.length - 600)), createHash("sha256")), {
    code: "checksum",
  });
});

t.test("hostile pages end in an error, never in a hang or a crash", async (t) => {
  const file = await fileOf(sources(manyRows(3_000)));
  const rng = seededRng(11);
  let refused = 0;
  for (let i = 0; i < 400; i++) {
    const altered = Buffer.from(file);
    const page = 2 + rng.int(file.length / 4096 - 2);
    for (let n = 0; n < 4; n++) altered[page * 4096 + rng.int(64)] = rng.int(256);
    try {
      for (const name of (await openBbolt(bytesSource(altered))).bucketNames) await rowsOf(altered, name);
    } catch (error) {
      refused += 1;
      if (!(error instanceof Error) || error.name !== "BboltError") throw error;
    }
  }
  t.ok(refused > 200, `${refused} of 400 altered files were refused`);
});

const etcdctl = spawnSync("etcdctl", ["version"]).status === 0 ? {} : { skip: "etcdctl is not installed" };

t.test("etcdctl accepts our file and prints the same status", etcdctl, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "bbolt-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "snap.db");
  const file = await fileOf([...sources(manyRows(20_000)), bucket("members", []), bucket("lease", [])]);
  writeFileSync(path, file);
  const run = spawnSync("etcdctl", ["snapshot", "status", path, "-w", "json"], {
    env: { ...process.env, ETCDCTL_API: "3" },
  });
  const theirs: unknown = JSON.parse(run.stdout.toString());
  const ours = await snapshotStatus(bytesSource(file), createHash("sha256"));
  t.match(theirs, { hash: ours.hash, revision: ours.revision, totalKey: ours.totalKeys });
});

const recorded = new URL("../../../../shared/kubernetes/recorded/cluster/snapshot.db", import.meta.url);
const present = existsSync(recorded) ? {} : { skip: "the recorded snapshot of a real cluster is not there" };

t.test("a real cluster's snapshot is read whole", present, async (t) => {
  const status = await snapshotStatus(bytesSource(readFileSync(recorded)), createHash("sha256"));
  t.ok(status.revision > 250 && status.totalKeys > 257, JSON.stringify(status));
});
