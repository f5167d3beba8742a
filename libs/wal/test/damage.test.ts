import t from "tap";
import { cpSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { nodeWalDisk, openWal, WalError } from "../src/index.ts";
import type { WalDisk, WalFile } from "../src/index.ts";
import { create, editFile, entries, metadata, replayOf, segmentFiles, start, tempDir, usedEnd } from "./support.ts";

const manyIds = Array.from({ length: 300 }, (_, i) => BigInt(i + 1));

/** A log of two batches in one segment; says where the second begins. */
async function twoBatches(dir: string, dataBytes: number): Promise<{ file: string; middle: number; end: number }> {
  const wal = await create(dir, 16 * 1024);
  await wal.append({ entries: entries(4, 9, 2, 100), sync: true });
  const file = segmentFiles(dir)[0] as string;
  const middle = usedEnd(file);
  await wal.append({ entries: entries(10, 12, 2, dataBytes), hardState: { term: 2, vote: 1n, commit: 9 }, sync: true });
  await wal.close();
  return { file, middle, end: usedEnd(file) };
}

/** A copy of `dir`, with its only segment edited. */
function edited(t: Tap, dir: string, edit: (bytes: Buffer) => Buffer | void): string {
  const copy = join(tempDir(t), "wal");
  cpSync(dir, copy, { recursive: true });
  editFile(segmentFiles(copy)[0] as string, edit);
  return copy;
}
type Tap = Parameters<typeof tempDir>[0];

t.test("a last batch cut at any byte is dropped and reported", async (t) => {
  const dir = tempDir(t);
  const { middle, end } = await twoBatches(dir, 40);
  for (let cut = middle + 1; cut < end; cut += cut % 32 === 0 ? 9 : 1) {
    for (const cutFile of [true, false]) {
      const copy = edited(t, dir, (bytes) => (cutFile ? bytes.subarray(0, cut) : void bytes.fill(0, cut)));
      const replay = await replayOf(copy);
      t.equal(replay.entries.length, 6, `cut at ${cut}`);
      t.equal(replay.repair?.offset, middle);
      const { wal } = await openWal({ disk: nodeWalDisk(copy), metadata });
      await wal.append({ entries: entries(10, 10), sync: true });
      await wal.close();
      const again = await replayOf(copy);
      t.equal(again.entries.length, 7, "the repaired log goes on");
      t.equal(again.repair, undefined);
    }
  }
});

t.test("zeros inside the last batch with something behind them are refused: no repair guesses", async (t) => {
  const dir = tempDir(t);
  const { middle, end } = await twoBatches(dir, 4000);
  const firstSector = Math.floor(middle / 512);
  const sectors = Math.ceil(end / 512) - firstSector;
  t.ok(sectors > 4);
  for (let sector = 0; sector < sectors; sector++) {
    const from = Math.max(middle, (firstSector + sector) * 512);
    const to = (firstSector + sector + 1) * 512;
    const copy = edited(t, dir, (bytes) => void bytes.fill(0, from, to));
    if (to >= end) {
      t.equal((await replayOf(copy)).repair?.offset, middle, "zeros up to the end are a tear");
      continue;
    }
    const error = await replayOf(copy).catch((caught: unknown) => caught);
    t.match(
      error,
      { name: "WalError", failure: "corrupt", message: /at byte \d+: .*Do not edit it/ },
      `sector ${sector}`,
    );
    t.ok(error instanceof WalError && error.offset >= middle && error.offset < to);
  }
});

t.test("a flipped bit anywhere is refused, in the last batch too", async (t) => {
  const dir = tempDir(t);
  const { end } = await twoBatches(dir, 700);
  for (let byte = 0; byte < end; byte += byte % 64 < 30 ? 1 : 5) {
    const copy = edited(t, dir, (bytes) => void (bytes[byte] = (bytes[byte] as number) ^ (1 << (byte % 8))));
    const error = await replayOf(copy).catch((caught: unknown) => caught);
    t.ok(
      error instanceof WalError && error.failure === "corrupt" && error.offset >= 0,
      `byte ${byte}: ${String(error)}`,
    );
  }
});

t.test("bytes after the end of the log, where only zeros may be, are refused and left alone", async (t) => {
  const dir = tempDir(t);
  const { end } = await twoBatches(dir, 700);
  for (const distance of [0, 3, 600, 5000]) {
    const copy = edited(t, dir, (bytes) => void (bytes[end + distance] = 1));
    const before = readFileSync(segmentFiles(copy)[0] as string);
    await t.rejects(replayOf(copy), { name: "WalError", failure: "corrupt", offset: end, message: /Do not edit it/ });
    t.strictSame(readFileSync(segmentFiles(copy)[0] as string), before);
  }
});

t.test("bytes behind a tear are refused", async (t) => {
  const dir = tempDir(t);
  const { middle, end } = await twoBatches(dir, 700);
  for (const cut of [middle + 3, middle + 20, middle + 60, end - 9]) {
    for (const stray of [end - 1, end, end + 3000]) {
      const copy = edited(t, dir, (bytes) => void (bytes.fill(0, cut), (bytes[stray] = 0x55)));
      await t.rejects(replayOf(copy), { name: "WalError", failure: "corrupt" }, `cut at ${cut}, a byte at ${stray}`);
    }
  }
});

t.test("the first batch of a segment was durable before the segment had its name: it is never torn", async (t) => {
  const dir = tempDir(t);
  await (await create(dir)).close();
  const end = usedEnd(segmentFiles(dir)[0] as string);
  for (const cut of [49, 60, 74, 90, end - 1]) {
    await t.rejects(
      replayOf(edited(t, dir, (bytes) => bytes.subarray(0, cut))),
      { name: "WalError", failure: "corrupt" },
      `${cut}`,
    );
    await t.rejects(
      replayOf(edited(t, dir, (bytes) => void bytes.fill(0, cut))),
      { name: "WalError", failure: "corrupt" },
      `${cut}`,
    );
  }
});

t.test("a crash while a segment was sealed loses nothing", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir, 2048);
  await wal.append({ entries: entries(4, 20, 2, 400), sync: true });
  await wal.append({ entries: entries(21, 22, 2, 40), sync: true });
  await wal.close();
  const [file = ""] = segmentFiles(dir);
  t.equal(segmentFiles(dir).length, 2);
  const end = usedEnd(file);
  for (let cut = end - 18; cut <= end; cut++) {
    const copy = join(tempDir(t), "wal");
    cpSync(dir, copy, { recursive: true });
    editFile(segmentFiles(copy)[0] as string, (bytes) => void bytes.fill(0, cut));
    if (cut < end - 17) {
      await t.rejects(replayOf(copy), { name: "WalError", failure: "corrupt" }, "more than the seal is missing");
      continue;
    }
    const { entries: found, repair } = await replayOf(copy);
    t.equal(found.length, 19, `cut at ${cut}`);
    t.equal(repair, undefined);
  }
  editFile(file, (bytes) => void (bytes[end - 5] = (bytes[end - 5] as number) ^ 4));
  await t.rejects(replayOf(dir), { name: "WalError", failure: "corrupt" }, "a seal that was changed");
});

t.test("a batch that was synced before another is never taken for torn", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir);
  for (let i = 4; i < 10; i++) await wal.append({ entries: entries(i, i, 2, 900), sync: true });
  await wal.close();
  const file = segmentFiles(dir)[0] as string;
  const sectors = Math.floor(usedEnd(file) / 512) - 2;
  for (let sector = 0; sector < sectors; sector++) {
    const copy = edited(t, dir, (bytes) => void bytes.fill(0, sector * 512, (sector + 1) * 512));
    await t.rejects(replayOf(copy), { name: "WalError", failure: "corrupt" }, `sector ${sector}`);
  }
});

t.test("data of zeros does not make damage look like a tear", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir);
  await wal.append({ entries: [{ term: 2, index: 4, type: "normal", data: new Uint8Array(5000) }], sync: true });
  await wal.close();
  const end = usedEnd(segmentFiles(dir)[0] as string);
  await t.rejects(replayOf(edited(t, dir, (bytes) => void (bytes[end - 2000] = 1))), {
    name: "WalError",
    failure: "corrupt",
  });
  await t.rejects(replayOf(edited(t, dir, (bytes) => void (bytes[end - 1] = 0xc1))), {
    name: "WalError",
    failure: "corrupt",
  });
});

t.test("missing, reordered and changed segments are refused", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir, 4096);
  for (let i = 4; i < 100; i += 4) await wal.append({ entries: entries(i, i + 3), sync: true });
  await wal.close();
  const files = segmentFiles(dir);
  t.ok(files.length >= 4);
  const without = async (which: number): Promise<unknown> => {
    const copy = join(tempDir(t), "wal");
    cpSync(dir, copy, { recursive: true });
    rmSync(segmentFiles(copy).at(which) as string);
    return replayOf(copy).catch((error: unknown) => error);
  };
  t.match(await without(0), { name: "WalError", failure: "missingSegment" }, "the first, while replay needs it");
  t.match(await without(1), { name: "WalError", failure: "missingSegment" });
  t.match(await without(-1), { name: "WalError", failure: "missingSegment" }, "the last");

  const swapped = join(tempDir(t), "wal");
  cpSync(dir, swapped, { recursive: true });
  const [, one, two] = segmentFiles(swapped) as [string, string, string];
  renameSync(one, `${one}.x`);
  renameSync(two, one);
  renameSync(`${one}.x`, two);
  await t.rejects(replayOf(swapped), { name: "WalError", failure: "corrupt" });

  const shortened = join(tempDir(t), "wal");
  cpSync(dir, shortened, { recursive: true });
  editFile(segmentFiles(shortened)[1] as string, (bytes) => bytes.subarray(0, bytes.length - 700));
  await t.rejects(
    replayOf(shortened),
    { name: "WalError", failure: "corrupt" },
    "a cut in a segment that is not the last",
  );
});

t.test("a batch that vanished from the end of a segment is missed", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir, 2048);
  await wal.append({ entries: entries(4, 5, 2, 50), sync: true });
  const [file] = segmentFiles(dir) as [string];
  const before = usedEnd(file);
  // The next one passes the segment's size and is its last.
  await wal.append({ hardState: { term: 3, vote: 2n, commit: 5 }, sync: true });
  await wal.append({ entries: entries(6, 6, 3, 0), sync: true });
  const middle = usedEnd(file);
  await wal.append({ snapshot: { ...start, confState: { ...start.confState, learners: manyIds } }, sync: true });
  await wal.close();
  t.equal(segmentFiles(dir).length, 2);
  t.ok(before < middle);
  editFile(file, (bytes) => void bytes.fill(0, middle));
  await t.rejects(replayOf(dir), { name: "WalError", failure: "corrupt", message: /does not continue/ });
});

t.test("another cluster's or member's log is refused and left alone", async (t) => {
  const dir = tempDir(t);
  await (await create(dir)).close();
  const before = readFileSync(segmentFiles(dir)[0] as string);
  const disk = nodeWalDisk(dir);
  await t.rejects(openWal({ disk, metadata: { ...metadata, clusterId: 1n } }), {
    name: "WalError",
    failure: "foreign",
  });
  await t.rejects(openWal({ disk, metadata: { ...metadata, memberId: 1n } }), {
    name: "WalError",
    failure: "foreign",
    message: /member aa01 of cluster feed, not to 1 of feed/,
  });
  t.strictSame(readFileSync(segmentFiles(dir)[0] as string), before);
});

/** A disk whose chosen operation fails with the given code. */
function failingDisk(dir: string, fails: (operation: "write" | "fdatasync") => string | undefined): WalDisk {
  const real = nodeWalDisk(dir);
  const check = (operation: "write" | "fdatasync"): void => {
    const code = fails(operation);
    if (code !== undefined) throw Object.assign(new Error(`${code}: ${operation}`), { code });
  };
  const wrap = (file: WalFile): WalFile => ({
    ...file,
    write: async (bytes, position) => {
      check("write");
      return file.write(bytes, position);
    },
    fdatasync: async () => {
      check("fdatasync");
      return file.fdatasync();
    },
  });
  return { ...real, open: async (name, mode) => wrap(await real.open(name, mode)) };
}

for (const [operation, code, advice] of [
  ["write", "ENOSPC", /free space/],
  ["write", "EROFS", /read-only/],
  ["fdatasync", "EIO", /disk failed/],
] as const) {
  t.test(`${code} on ${operation} poisons the log`, async (t) => {
    const dir = tempDir(t);
    let failing = false;
    const disk = failingDisk(dir, (now) => (failing && now === operation ? code : undefined));
    const wal = await create(dir, 1 << 20, disk);
    await wal.append({ entries: entries(4, 5), sync: true });
    failing = true;
    const error = await wal.append({ entries: entries(6, 7), sync: true }).catch((caught: unknown) => caught);
    t.match(error, { name: "WalError", failure: "io", message: advice, cause: { code } });
    failing = false;
    await t.rejects(wal.append({ entries: entries(6, 7), sync: true }), { name: "WalError", failure: "poisoned" });
    await wal.close();
    t.equal((await replayOf(dir)).entries[1]?.index, 5, "what was synced before is there");
  });
}
