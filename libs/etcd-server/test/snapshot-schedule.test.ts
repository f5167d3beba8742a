import t from "tap";
import { utf8 } from "@triarch/base";
import {
  checkSchedule,
  decodeLast,
  decodeSchedule,
  encodeSchedule,
  expired,
  nextDueMs,
  parseSnapshotName,
  retryAfterFailureMs,
  snapshotName,
  type SnapshotSchedule,
} from "../src/snapshot/schedule.ts";

const hourMs = 3_600_000;
const schedule: SnapshotSchedule = { intervalMs: hourMs, directory: "/backup", keepCount: 3, keepAgeMs: 48 * hourMs };

t.test("when the next one is due", (t) => {
  t.equal(nextDueMs(schedule, undefined), 0, "the first at once");
  const last = { atMs: 1e12, member: "m1", durationMs: 5 };
  t.equal(nextDueMs(schedule, last), 1e12 + hourMs);
  t.equal(nextDueMs(schedule, { ...last, error: "no space" }), 1e12 + retryAfterFailureMs);
  t.equal(nextDueMs({ ...schedule, intervalMs: 20_000 }, { ...last, error: "no space" }), 1e12 + 20_000);
  t.equal(decodeLast(utf8("no json")), undefined, "what cannot be read counts as none");
  t.end();
});

t.test("names tell time and revision, and are read back", (t) => {
  const atMs = Date.UTC(2026, 10, 21, 18, 5, 9);
  t.equal(snapshotName({ atMs, revision: 77, encrypted: false }), "triarch-20261121T180509Z-r77.db");
  for (const encrypted of [false, true]) {
    const name = snapshotName({ atMs: atMs + 321, revision: 2 ** 52, encrypted });
    t.strictSame(parseSnapshotName(name), { name, atMs, revision: 2 ** 52, encrypted });
  }
  for (const name of [
    "snapshot.db",
    ".triarch-m1.part",
    "triarch-20261121T180509Z-r77.db.bak",
    "x-triarch-20261121T180509Z-r1.db",
  ]) {
    t.equal(parseSnapshotName(name), undefined, name);
  }
  t.end();
});

t.test("retention by count and by age; the newest and what is not ours stay", (t) => {
  const nowMs = Date.UTC(2026, 10, 21);
  const names = [1, 2, 3, 4, 5].map((hours) =>
    snapshotName({ atMs: nowMs - hours * hourMs, revision: 1, encrypted: hours % 2 === 0 }),
  );
  const old = snapshotName({ atMs: nowMs - 50 * hourMs, revision: 1, encrypted: false });
  t.strictSame(expired(["notes.txt", ...names.toReversed()], schedule, nowMs), names.slice(3));
  t.strictSame(expired([names[0] ?? "", old], schedule, nowMs), [old], "too old");
  t.strictSame(expired([old], schedule, nowMs), [], "but better than none");
  const { keepAgeMs: _, ...forever } = schedule;
  t.strictSame(expired([names[0] ?? "", old], forever, nowMs), []);
  t.end();
});

t.test("a schedule is checked when it is set and when it is read", (t) => {
  t.strictSame(decodeSchedule(encodeSchedule(schedule)), schedule);
  t.equal(decodeSchedule(encodeSchedule(undefined)), undefined, "stopped");
  for (const wrong of [
    { intervalMs: 10 },
    { intervalMs: Number.NaN },
    { directory: "backup" },
    { keepCount: 0 },
    { keepAgeMs: 1 },
    { keyFile: "key" },
  ]) {
    t.throws(() => checkSchedule({ ...schedule, ...wrong }), RangeError, JSON.stringify(wrong));
  }
  t.throws(() => decodeSchedule(utf8("{}")), RangeError);
  t.end();
});
