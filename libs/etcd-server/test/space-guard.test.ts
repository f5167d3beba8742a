import { ManualClock } from "@triarch/base";
import t from "tap";
import { clearHoldMs, costOfTxn, headroomBytesMax, SpaceGuard, type SpaceReading } from "../src/server/space-guard.ts";

const disk = { freeBytes: 1e12, diskBytes: 2e12 };
const size = (databaseBytes: number): SpaceReading => ({ databaseBytes, ...disk });

t.test("warns once on the way up, raises at the quota, takes back below nine tenths and only after a while", (t) => {
  const clock = new ManualClock();
  const guard = new SpaceGuard({ quotaBytes: 1000, clock });
  t.ok(guard.admits(1e9, 0), "nothing is refused before anything is known");
  t.equal(guard.measured(size(700), false).kind, "fine");
  t.equal(guard.measured(size(800), false).kind, "warn");
  t.equal(guard.measured(size(810), false).kind, "fine", "once");
  t.equal(guard.isWarning, true);
  t.equal(guard.measured(size(700), false).kind, "fine");
  t.equal(guard.isWarning, false);
  t.equal(guard.measured(size(900), false).kind, "warn", "and again after it was over");
  t.strictSame(guard.measured(size(1000), false), { kind: "raise", short: "quota" });
  t.equal(guard.measured(size(1000), true).kind, "fine");
  t.equal(guard.measured(size(950), true).kind, "fine", "below the quota is not yet room");
  t.equal(guard.measured(size(899), true).kind, "fine");
  clock.advance(clearHoldMs - 1);
  t.equal(guard.measured(size(899), true).kind, "fine");
  t.equal(guard.measured(size(901), true).kind, "fine", "a moment above begins the wait anew");
  clock.advance(clearHoldMs);
  t.equal(guard.measured(size(899), true).kind, "fine");
  clock.advance(clearHoldMs);
  t.equal(guard.measured(size(899), true).kind, "clear");
  t.end();
});

t.test("a full disk counts as much as the quota; a small disk keeps a smaller part free", (t) => {
  const guard = new SpaceGuard({ quotaBytes: 1e12, clock: new ManualClock() });
  const large = { databaseBytes: 0, diskBytes: 1e12 };
  t.equal(guard.measured({ ...large, freeBytes: headroomBytesMax }, false).kind, "fine");
  t.strictSame(guard.measured({ ...large, freeBytes: headroomBytesMax - 1 }, false), { kind: "raise", short: "disk" });
  t.notOk(guard.admits(1, 0));
  const small = { databaseBytes: 0, diskBytes: 1000 };
  t.equal(guard.measured({ ...small, freeBytes: 50 }, false).kind, "fine");
  t.strictSame(guard.measured({ ...small, freeBytes: 49 }, false), { kind: "raise", short: "disk" });
  t.end();
});

t.test("a write is admitted while it fits, with what is not in the files yet", (t) => {
  const guard = new SpaceGuard({ quotaBytes: 1000, clock: new ManualClock() });
  guard.measured(size(500), false);
  t.ok(guard.admits(499, 0));
  t.notOk(guard.admits(500, 0));
  t.notOk(guard.admits(400, 100));
  t.end();
});

t.test("a transaction costs its dearer branch, nested ones included; reading and deleting is free", (t) => {
  const put = (bytes: number): object => ({ requestPut: { key: new Uint8Array(1), value: new Uint8Array(bytes) } });
  t.equal(costOfTxn({ success: [{ requestRange: {} }], failure: [{ requestDeleteRange: {} }] }), 0);
  t.equal(costOfTxn({ success: [put(10)], failure: [put(20), put(30)] }), 2 * 257 + 50);
  t.equal(costOfTxn({ success: [{ requestTxn: { failure: [put(5)] } }] }), 262);
  t.end();
});
