import t from "tap";
import { entriesSizeBytes, MemoryStorage, RaftStorageError } from "../src/index.ts";
import type { Entry, Snapshot } from "../src/index.ts";
import { RaftLog } from "../src/log/raft-log.ts";
import { Inflights } from "../src/tracker/inflights.ts";

const none = new Uint8Array(0);
const unbounded = Number.MAX_SAFE_INTEGER;

function entries(first: number, ...terms: readonly number[]): Entry[] {
  return terms.map((term, i) => ({ term, index: first + i, type: "normal", data: Uint8Array.of(first + i) }));
}

function snapshot(index: number, term: number): Snapshot {
  return {
    index,
    term,
    confState: { voters: [1n], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
    data: none,
  };
}

function failure(code: string): { name: string; failure: string } {
  return { name: "RaftStorageError", failure: code };
}

t.test("storage: append replaces a conflicting end and skips what is compacted", (t) => {
  const storage = new MemoryStorage();
  storage.append(entries(1, 1, 1, 1, 1));
  storage.append(entries(3, 2));
  t.equal(storage.lastIndex(), 3);
  t.equal(storage.term(3), 2);
  storage.compact(2);
  t.equal(storage.firstIndex(), 3);
  t.equal(storage.term(2), 1, "the term before the first entry is still known");
  storage.append(entries(1, 1, 1, 2, 2));
  t.equal(storage.lastIndex(), 4);
  t.throws(() => storage.append(entries(6, 2)), /gap/);
  t.throws(() => storage.term(1), failure("compacted"));
  t.throws(() => storage.term(5), failure("unavailable"));
  t.throws(() => storage.entries(2, 4, unbounded), failure("compacted"));
  t.throws(() => storage.entries(3, 6, unbounded), failure("unavailable"));
  t.throws(() => storage.compact(2), failure("compacted"));
  t.throws(() => storage.compact(9), failure("unavailable"));
  t.end();
});

t.test("storage: a read is bounded by bytes but returns at least one entry", (t) => {
  const storage = new MemoryStorage();
  const all = entries(1, 1, 1, 1);
  storage.append(all);
  t.equal(storage.entries(1, 4, 0).length, 1);
  t.equal(storage.entries(1, 4, entriesSizeBytes(all.slice(0, 2))).length, 2);
  t.equal(storage.entries(1, 4, entriesSizeBytes(all) - 1).length, 2);
  t.equal(storage.entries(1, 4, unbounded).length, 3);
  t.end();
});

t.test("storage: snapshots only go forward", (t) => {
  const storage = new MemoryStorage();
  storage.append(entries(1, 1, 1, 1));
  t.match(storage.createSnapshot(2, undefined, none), { index: 2, term: 1 });
  t.throws(() => storage.createSnapshot(1, undefined, none), failure("snapshotOutOfDate"));
  storage.applySnapshot(snapshot(9, 3));
  t.equal(storage.firstIndex(), 10);
  t.equal(storage.lastIndex(), 9);
  t.equal(storage.term(9), 3);
  t.throws(() => storage.applySnapshot(snapshot(9, 3)), RaftStorageError);
  t.end();
});

t.test("log: an overwritten write confirms nothing", (t) => {
  // Entry 2 of term 1 is being written when a leader of term 2 replaces it, and a leader of term 3 puts term 1 back.
  const log = new RaftLog(new MemoryStorage(), unbounded);
  log.append(entries(1, 1, 1));
  log.unstable.acceptInProgress();
  log.maybeAppend({ index: 1, term: 1 }, entries(2, 2), 0);
  t.same(
    log.unstable.nextEntries().map((entry) => entry.term),
    [2],
    "the new one must be written too",
  );
  t.notOk(log.unstable.stableTo(2, 1), "the old write is done, but of no use");
  t.equal(log.unstable.offset, 1);
  log.unstable.acceptInProgress();
  t.ok(log.unstable.stableTo(2, 2));
  t.equal(log.unstable.offset, 3);
  t.end();
});

t.test("log: a committed entry is never replaced", (t) => {
  const log = new RaftLog(new MemoryStorage(), unbounded);
  log.append(entries(1, 1, 1, 1));
  log.commitTo(2);
  t.throws(() => log.maybeAppend({ index: 1, term: 1 }, entries(2, 2), 2), /replace entries committed/);
  t.throws(() => log.commitTo(4), /past the last entry/);
  t.end();
});

t.test("log: the hint skips terms", (t) => {
  const log = new RaftLog(new MemoryStorage(), unbounded);
  log.append(entries(1, 1, 1, 2, 4, 4, 4));
  t.same(log.findConflictByTerm(6, 3), { index: 3, term: 2 });
  t.same(log.findConflictByTerm(6, 4), { index: 6, term: 4 });
  t.same(log.findConflictByTerm(2, 0), { index: 0, term: 0 });
  t.end();
});

t.test("log: reads join storage and what is not yet there, within the bound", (t) => {
  const storage = new MemoryStorage();
  storage.append(entries(1, 1, 1));
  const log = new RaftLog(storage, unbounded);
  log.append(entries(3, 1, 1));
  const size = entriesSizeBytes(entries(1, 1));
  t.equal(log.entriesFrom(1, unbounded)?.length, 4);
  t.equal(log.entriesFrom(1, 3 * size)?.length, 3);
  t.equal(log.entriesFrom(1, 2 * size + 1)?.length, 2);
  t.equal(log.entriesFrom(2, 1)?.length, 1);
  t.equal(log.entriesFrom(5, unbounded)?.length, 0);
  storage.compact(1);
  t.equal(log.entriesFrom(1, unbounded), undefined);
  t.end();
});

t.test("log: application is bounded by bytes that are not applied yet", (t) => {
  const size = entriesSizeBytes(entries(1, 1));
  const log = new RaftLog(new MemoryStorage(), 2 * size);
  log.append(entries(1, 1, 1, 1, 1));
  log.commitTo(4);
  const first = log.nextCommittedEntries(true);
  t.equal(first.length, 2);
  log.acceptApplying(2, entriesSizeBytes(first), true);
  t.notOk(log.hasNextCommittedEntries(true), "the bound is reached");
  log.appliedTo(2, entriesSizeBytes(first));
  t.equal(log.nextCommittedEntries(true)[0]?.index, 3);
  t.equal(log.nextCommittedEntries(false).length, 0, "nothing that is not on this disk");
  t.throws(() => log.appliedTo(5, 0), /outside/);
  t.end();
});

t.test("in-flight window: bounded by messages and by bytes", (t) => {
  const window = new Inflights(3, 100);
  for (const index of [10, 20, 30]) window.add(index, 10);
  t.ok(window.full);
  t.throws(() => window.add(40, 1), /full/);
  window.freeUpTo(20);
  t.equal(window.count, 1);
  window.add(40, 90);
  t.ok(window.full, "by bytes");
  window.freeUpTo(5);
  t.equal(window.count, 2);
  window.reset();
  for (let i = 1; i <= 1000; i++) {
    window.add(i, 1);
    window.freeUpTo(i);
  }
  t.equal(window.count, 0);
  const wide = new Inflights(100, 0);
  for (let i = 1; i <= 60; i++) wide.add(i, 1_000_000);
  wide.freeUpTo(30);
  for (let i = 61; i <= 130; i++) wide.add(i, 1);
  t.ok(wide.full);
  wide.freeUpTo(129);
  t.equal(wide.count, 1);
  t.end();
});
