import t from "tap";
import { readdirSync } from "node:fs";
import type { Entry } from "@triarch/raft";
import { nodeWalDisk, openWal, walExists } from "../src/index.ts";
import type { CatchUpBounds } from "../src/index.ts";
import { create, entries, metadata, replayOf, segmentFiles, start, tempDir } from "./support.ts";

t.test("an empty log gives back where it starts", async (t) => {
  const dir = tempDir(t);
  t.equal(await walExists(nodeWalDisk(dir)), false);
  await (await create(dir)).close();
  t.equal(await walExists(nodeWalDisk(dir)), true);
  const replay = await replayOf(dir);
  t.strictSame(replay.snapshot, start);
  t.strictSame(replay.hardState, { term: 1, vote: 0n, commit: 3 });
  t.strictSame(replay.entries, []);
  t.equal(replay.repair, undefined);
});

t.test("what was appended comes back, over reopenings", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir);
  const first = entries(4, 40);
  await wal.append({ entries: first, hardState: { term: 2, vote: 0xaa02n, commit: 3 }, sync: true });
  await wal.append({ hardState: { term: 2, vote: 0xaa02n, commit: 40 }, sync: false });
  await wal.close();
  const reopened = await openWal({ disk: nodeWalDisk(dir), metadata });
  t.strictSame(reopened.replay.entries, first);
  t.strictSame(reopened.replay.hardState, { term: 2, vote: 0xaa02n, commit: 40 }, "close writes what was not synced");
  const second = entries(41, 50);
  await reopened.wal.append({ entries: second, sync: true });
  await reopened.wal.close();
  t.strictSame((await replayOf(dir)).entries, [...first, ...second]);
});

t.test("later entries replace earlier ones from their index on", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir);
  const old = entries(4, 20, 2);
  const replacing = entries(10, 12, 3);
  await wal.append({ entries: old, sync: true });
  await wal.append({ entries: replacing, sync: true });
  await wal.close();
  t.strictSame((await replayOf(dir)).entries, [...old.slice(0, 6), ...replacing]);
});

t.test("segments are cut, chained and purged", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir, 8 * 1024);
  const all = entries(4, 303);
  for (let i = 0; i < 300; i += 10) await wal.append({ entries: all.slice(i, i + 10), sync: true });
  t.ok(wal.segmentCount > 4, `${wal.segmentCount} segments`);
  const confState = { ...start.confState, learners: [5n] };
  await wal.append({ snapshot: { index: 200, term: 2, confState }, sync: true });
  const before = wal.segmentCount;
  const purged = await wal.purge(150);
  t.ok(purged > 0);
  t.equal(segmentFiles(dir).length, before - purged);
  t.equal(await wal.purge(150), 0, "a second time there is nothing to do");
  await wal.close();
  const replay = await replayOf(dir);
  t.ok((replay.entries[0]?.index ?? 999) <= 151, "entries after the purged index are kept");
  t.strictSame(replay.entries, all.slice((replay.entries[0]?.index ?? 0) - 4));
  t.strictSame(replay.snapshot, { index: 200, term: 2, confState });
});

t.test("a leader's snapshot replaces a log that does not reach it", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir);
  await wal.append({ entries: entries(4, 20), sync: true });
  const snapshot = { ...start, index: 500, term: 4 };
  await wal.append({ installing: snapshot, sync: true });
  await wal.close();
  const pending = await replayOf(dir);
  t.strictSame(pending.installing, snapshot, "an installation that was announced and not completed");
  t.equal(pending.snapshot.index, 3);
  const { wal: again } = await openWal({ disk: nodeWalDisk(dir), metadata });
  await again.append({ snapshot, hardState: { term: 4, vote: 0n, commit: 500 }, sync: true });
  const next = entries(501, 510, 4);
  await again.append({ entries: next, sync: true });
  await again.close();
  const replay = await replayOf(dir);
  t.equal(replay.installing, undefined);
  t.strictSame(replay.entries, next);
});

t.test("a snapshot of the own state keeps the entries before it", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir);
  const all = entries(4, 60);
  await wal.append({ entries: all, sync: true });
  await wal.append({ snapshot: { ...start, index: 50, term: 2 }, sync: false });
  await wal.append({ entries: entries(61, 61), sync: true });
  await wal.close();
  t.equal((await replayOf(dir)).entries.length, 58);
});

t.test("of the entries before the newest snapshot as many are given back as peers may need", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir, 32 * 1024);
  const all = entries(4, 1_203);
  const confState = start.confState;
  for (let i = 0; i < all.length; i += 50) {
    await wal.append({ entries: all.slice(i, i + 50), sync: true });
    const index = i - 60; // 110 behind, as a state machine that is durable a little later
    if (index > 3) await wal.append({ snapshot: { index, term: 2, confState }, sync: false });
  }
  await wal.close();
  const snapshotIndex = (await replayOf(dir)).snapshot.index;
  const reopen = async (catchUp: CatchUpBounds): Promise<readonly Entry[]> => {
    const { wal: again, replay } = await openWal({ disk: nodeWalDisk(dir), metadata, catchUp });
    await again.close();
    t.equal(replay.snapshot.index, snapshotIndex);
    return replay.entries;
  };
  const last = (count: number): Entry[] => all.slice(snapshotIndex - 3 - count);
  t.strictSame(await reopen({ entriesMax: 100, bytesMax: 1 << 20 }), last(100));
  t.strictSame(await reopen({ entriesMax: 0, bytesMax: 1 << 20 }), last(0), "what follows the snapshot stays");
  t.strictSame(await reopen({ entriesMax: 10_000, bytesMax: 1 << 30 }), all);
  const few = await reopen({ entriesMax: 10_000, bytesMax: 5_000 });
  t.strictSame(few, all.slice(-few.length));
  const catchUp = few.filter((entry) => entry.index <= snapshotIndex);
  const bytesOf = (list: readonly Entry[]): number => list.reduce((sum, { data }) => sum + data.length, 0);
  const before = all.find((entry) => entry.index === (catchUp[0]?.index ?? 0) - 1) as Entry;
  t.ok(bytesOf(catchUp) <= 5_000 && bytesOf([before, ...catchUp]) > 5_000, `${bytesOf(catchUp)} bytes`);
});

t.test("an entry that comes back does not hold its segment in memory", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir);
  await wal.append({ entries: entries(4, 300), sync: true });
  await wal.close();
  for (const { data } of (await replayOf(dir)).entries) {
    if (data.buffer.byteLength !== data.length) t.fail(`${data.length} bytes hold ${data.buffer.byteLength}`);
  }
});

t.test("large batches and data of zeros", async (t) => {
  const dir = tempDir(t);
  const wal = await create(dir, 16 << 20);
  const zeros = [4, 5, 6].map((index) => ({
    term: 2,
    index,
    type: "normal" as const,
    data: new Uint8Array(1_500_000),
  }));
  await wal.append({ entries: zeros, sync: true });
  await wal.append({ entries: entries(7, 8), sync: true });
  await wal.close();
  const replay = await replayOf(dir);
  t.equal(replay.entries.length, 5);
  t.equal(replay.entries[1]?.data.length, 1_500_000);
});

t.test("a crash while a segment was made leaves nothing behind", async (t) => {
  const dir = tempDir(t);
  await (await create(dir)).close();
  const { writeFileSync } = await import("node:fs");
  writeFileSync(`${dir}/0000000000000001-0000000000000004.wal.tmp`, "half");
  await replayOf(dir);
  t.equal(readdirSync(dir).length, 1);
});

t.test("a second log is not made over the first", async (t) => {
  const dir = tempDir(t);
  await (await create(dir)).close();
  await t.rejects(create(dir), { name: "WalError", failure: "exists" });
  await t.rejects(openWal({ disk: nodeWalDisk(`${dir}/none`), metadata }), { name: "WalError", failure: "missing" });
});
