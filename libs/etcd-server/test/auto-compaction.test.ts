import t from "tap";
import { autoCompactor, parseAutoCompaction, parseDurationMs } from "../src/server/auto-compaction.ts";

const minuteMs = 60_000;

/** Runs it on a leader that makes one revision a minute. @returns what was compacted, as "minute:revision" */
function run(policy: Parameters<typeof autoCompactor>[0], minutes: number): string[] {
  const compactor = autoCompactor(policy, 0);
  const done: string[] = [];
  for (let nowMs = compactor.lookIntervalMs; nowMs <= minutes * minuteMs; nowMs += compactor.lookIntervalMs) {
    const revision = compactor.look({ nowMs, revision: 1 + Math.floor(nowMs / minuteMs), leads: true });
    if (revision === undefined) continue;
    done.push(`${Math.round(nowMs / minuteMs)}:${revision}`);
    compactor.compacted(revision, nowMs);
  }
  return done;
}

t.test("periodic: one to two periods of history stay", (t) => {
  t.strictSame(run({ mode: "periodic", retentionMs: 10 * minuteMs }, 41), ["10:2", "20:11", "30:21", "40:31"]);
  t.end();
});

t.test("periodic over an hour: each hour, once the first period is over", (t) => {
  t.strictSame(run({ mode: "periodic", retentionMs: 120 * minuteMs }, 250), ["120:7", "180:61", "240:121"]);
  t.end();
});

t.test("by revision: every five minutes all but the newest", (t) => {
  t.strictSame(run({ mode: "revision", retentionRevisions: 7 }, 21), ["10:4", "15:9", "20:14"]);
  t.end();
});

t.test("only the leader compacts; a new one knows the past and goes on at once", (t) => {
  const compactor = autoCompactor({ mode: "periodic", retentionMs: 10 * minuteMs }, 0);
  const look = (minute: number, leads: boolean): number | undefined =>
    compactor.look({ nowMs: minute * minuteMs, revision: minute, leads });
  for (let minute = 1; minute <= 30; minute++) t.equal(look(minute, false), undefined);
  t.equal(look(31, true), 21);
  t.equal(look(32, true), 22, "as long as nobody says that it was done");
  compactor.compacted(22, 32 * minuteMs);
  t.equal(look(33, true), undefined);
  t.end();
});

t.test("the same revision is not compacted twice", (t) => {
  const compactor = autoCompactor({ mode: "periodic", retentionMs: 10 * minuteMs }, 0);
  let count = 0;
  for (let minute = 1; minute <= 100; minute++) {
    if (compactor.look({ nowMs: minute * minuteMs, revision: 5, leads: true }) === undefined) continue;
    count += 1;
    compactor.compacted(5, minute * minuteMs);
  }
  t.equal(count, 1);
  t.end();
});

t.test("flags as etcd takes them", (t) => {
  t.strictSame(parseAutoCompaction("periodic", "72h"), { mode: "periodic", retentionMs: 72 * 60 * minuteMs });
  t.strictSame(parseAutoCompaction("periodic", "5m30s"), { mode: "periodic", retentionMs: 330_000 });
  t.strictSame(parseAutoCompaction("periodic", "1"), { mode: "periodic", retentionMs: 60 * minuteMs });
  t.strictSame(parseAutoCompaction("revision", "1000"), { mode: "revision", retentionRevisions: 1000 });
  t.strictSame(parseAutoCompaction("revision", "0"), { mode: "off" });
  for (const [mode, retention] of [
    ["never", "1h"],
    ["periodic", "soon"],
    ["periodic", "-1h"],
    ["periodic", "10ms"],
    ["revision", "1h"],
  ] as const) {
    t.throws(() => parseAutoCompaction(mode, retention), RangeError, `${mode} ${retention}`);
  }
  t.equal(parseDurationMs("1.5h"), 90 * minuteMs);
  t.equal(parseDurationMs("7d"), 7 * 24 * 60 * minuteMs);
  t.equal(parseDurationMs("h"), undefined);
  t.end();
});
