import t from "tap";
import { readFileSync } from "node:fs";
import { nodeWalDisk, verifyWal, walRecords } from "../src/index.ts";
import type { WalRecord } from "../src/index.ts";
import { create, editFile, entries, metadata, replayOf, segmentFiles, start, tempDir, usedEnd } from "./support.ts";

async function recordsIn(dir: string, fromIndex?: number): Promise<WalRecord[]> {
  const records: WalRecord[] = [];
  const options = fromIndex === undefined ? {} : { fromIndex };
  for await (const record of walRecords(nodeWalDisk(dir), options)) records.push(record);
  return records;
}

/** A log of several segments. */
async function manySegments(dir: string): Promise<void> {
  const wal = await create(dir, 8 * 1024);
  for (let i = 4; i < 204; i += 10) await wal.append({ entries: entries(i, i + 9), sync: true });
  await wal.append({ hardState: { term: 2, vote: 0xaa02n, commit: 203 }, sync: true });
  await wal.close();
}

t.test("records are those that replay takes, with where they are", async (t) => {
  const dir = tempDir(t);
  await manySegments(dir);
  const records = await recordsIn(dir);
  const replay = await replayOf(dir);
  t.strictSame(
    records.flatMap((record) => (record.kind === "entry" ? [record.entry] : [])),
    replay.entries,
  );
  const files = segmentFiles(dir);
  t.ok(files.length > 3);
  t.equal(records.filter(({ kind }) => kind === "segment").length, files.length);
  t.equal(records.filter(({ kind }) => kind === "seal").length, files.length - 1);
  t.match(records[0], { kind: "segment", offset: 0, header: { ...metadata, sequence: 0, firstIndex: 4 } });
  t.match(
    records.find(({ kind }) => kind === "snapshot"),
    { snapshot: start },
  );
  for (const { segment, offset, bytes } of records) {
    const content = readFileSync(`${dir}/${segment}`);
    t.equal(content.readUInt32LE(offset), bytes - 8, `a record of this length is at ${offset} of ${segment}`);
    t.not(content[offset + bytes - 1], 0, "and ends where it says");
  }
  t.match(records.at(-1), { kind: "hardState", hardState: { commit: 203 } });
});

t.test("records from an index on: earlier segments are not read", async (t) => {
  const dir = tempDir(t);
  await manySegments(dir);
  editFile(segmentFiles(dir)[0] as string, (bytes) => void (bytes[200] = (bytes[200] as number) ^ 1));
  const records = await recordsIn(dir, 150);
  t.match(records[0], { kind: "entry", entry: { index: 150 } });
  t.equal(records.filter(({ kind }) => kind === "entry").length, 54);
});

t.test("records before damage are given out, then the error that opening has", async (t) => {
  const dir = tempDir(t);
  await manySegments(dir);
  const file = segmentFiles(dir)[1] as string;
  editFile(file, (bytes) => void (bytes[3000] = (bytes[3000] as number) ^ 1));
  const opened = await replayOf(dir).catch((error: unknown) => error);
  const seen: WalRecord[] = [];
  const walk = async (): Promise<void> => {
    for await (const record of walRecords(nodeWalDisk(dir))) seen.push(record);
  };
  const message = opened instanceof Error ? opened.message : "";
  t.match(message, file);
  await t.rejects(walk(), { message });
  await t.rejects(verifyWal(nodeWalDisk(dir)), { message });
  t.ok(seen.length > 10);
});

t.test("a check sums up; a tear is told and left alone", async (t) => {
  const dir = tempDir(t);
  await manySegments(dir);
  const summary = await verifyWal(nodeWalDisk(dir));
  t.match(summary, {
    metadata,
    entries: 200,
    firstIndex: 4,
    lastIndex: 203,
    hardState: { commit: 203 },
    snapshot: start,
  });
  t.equal(summary.tear, undefined);
  t.equal(summary.segments, segmentFiles(dir).length);
  const last = segmentFiles(dir).at(-1) as string;
  editFile(last, (bytes) => bytes.subarray(0, usedEnd(last) - 10));
  const before = readFileSync(last);
  t.match((await verifyWal(nodeWalDisk(dir), metadata)).tear, { file: last });
  t.match((await recordsIn(dir)).at(-1), { kind: "tear" });
  t.strictSame(readFileSync(last), before);
  await t.rejects(verifyWal(nodeWalDisk(dir), { ...metadata, memberId: 1n }), { name: "WalError", failure: "foreign" });
  await t.rejects(verifyWal(nodeWalDisk(`${dir}/none`)), { name: "WalError", failure: "missing" });
});

t.test("a log that is written to and purged meanwhile can be looked at", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir, 16 * 1024);
  let stopping = false;
  let next = 4;
  const write = async (): Promise<void> => {
    while (!stopping) {
      await wal.append({ entries: entries(next, next + 4), sync: true });
      next += 5;
      if (next % 100 < 5) {
        await wal.append({ snapshot: { ...start, index: next - 1, term: 2 }, sync: true });
        await wal.purge(next - 30);
      }
    }
  };
  const writing = write();
  let looks = 0;
  while (looks < 30 || next < 2_000) {
    const { lastIndex } = await verifyWal(nodeWalDisk(dir));
    t.ok(lastIndex >= 0 && lastIndex < next + 5);
    let last = 0;
    for (const record of await recordsIn(dir)) if (record.kind === "entry") last = record.entry.index;
    t.ok(last <= next + 5);
    looks += 1;
  }
  stopping = true;
  await writing;
  await wal.close();
});
