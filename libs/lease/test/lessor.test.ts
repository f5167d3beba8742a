import t from "tap";
import { hex, ManualClock, seededRng } from "@triarch/base";
import { decodeLeaseRow, encodeLeaseRow, LeaseError, Lessor, pickLeaseId } from "../src/index.ts";

const outcome = (run: () => unknown): string => {
  try {
    run();
    return "accepted";
  } catch (error) {
    if (error instanceof LeaseError) return error.failure.code;
    throw error;
  }
};

const primary = (): { clock: ManualClock; lessor: Lessor } => {
  const clock = new ManualClock();
  const lessor = new Lessor({ clock });
  lessor.promote(0);
  return { clock, lessor };
};

t.test("grant: minimum and maximum TTL, duplicates, the row", async (t) => {
  const { lessor } = primary();
  for (const [id, asked] of [
    [1n, 0],
    [2n, 1],
  ] as const) {
    t.equal(lessor.grant({ id, ttlSeconds: asked }).ttlSeconds, 2);
  }
  t.equal(
    outcome(() => lessor.grant({ id: 1n, ttlSeconds: 5 })),
    "leaseExists",
  );
  t.equal(
    outcome(() => lessor.grant({ id: 3n, ttlSeconds: 9_000_000_001 })),
    "leaseTtlTooLarge",
  );
  const { row } = lessor.grant({ id: 0x1234n, ttlSeconds: 60 });
  t.equal(hex(row.key), "0000000000001234");
  t.equal(hex(row.value), "08b424" + "103c", "no third field: the whole TTL");
  t.same(decodeLeaseRow(row), { id: 0x1234n, ttlSeconds: 60, checkpointSeconds: 0 });
});

t.test("only the primary expires, renews, and tells a lease as gone when it is due", async (t) => {
  const clock = new ManualClock();
  const lessor = new Lessor({ clock });
  lessor.grant({ id: 1n, ttlSeconds: 10 });
  clock.advance(1_000_000);
  t.same(lessor.takeExpired(10), []);
  t.equal(
    outcome(() => lessor.renew(1n)),
    "notPrimary",
  );
  t.equal(lessor.timeToLive(1n)?.remainingSeconds, 10);
  lessor.promote(500);
  clock.advance(10_000);
  t.same(lessor.takeExpired(10), [], "a promotion starts the TTL anew, with the extension");
  t.equal(lessor.timeToLive(1n)?.remainingSeconds, 0);
  t.equal(lessor.renew(1n).ttlSeconds, 10);
  clock.advance(10_000);
  t.equal(lessor.timeToLive(1n), undefined);
  t.equal(
    outcome(() => lessor.renew(1n)),
    "leaseNotFound",
  );
  t.same(lessor.takeExpired(10), [1n]);
  t.same(lessor.takeExpired(10), [], "not again at once");
  clock.advance(3000);
  t.same(lessor.takeExpired(10), [1n], "again when the revoke was not applied");
  t.ok(lessor.has(1n), "it exists until the revoke is applied");
  lessor.demote();
  clock.advance(3000);
  t.same(lessor.takeExpired(10), []);
});

t.test("keys: one lease each, sorted on revoke", async (t) => {
  const { lessor } = primary();
  lessor.grant({ id: 1n, ttlSeconds: 10 });
  lessor.grant({ id: 2n, ttlSeconds: 10 });
  for (const key of ["b", "c", "a"]) lessor.attach(1n, key);
  lessor.attach(2n, "c");
  lessor.attach(1n, "d");
  lessor.detach("d");
  lessor.detach("never attached");
  t.same(lessor.timeToLive(1n)?.keys, ["a", "b"]);
  const { keys, rowKey } = lessor.revoke(1n);
  t.same(keys, ["a", "b"]);
  t.equal(hex(rowKey), "0000000000000001");
  t.equal(
    outcome(() => lessor.revoke(1n)),
    "leaseNotFound",
  );
  t.equal(
    outcome(() => lessor.attach(1n, "a")),
    "leaseNotFound",
  );
  t.same(lessor.timeToLive(2n)?.keys, ["c"]);
  t.equal(lessor.timeToLive(1n), undefined);
});

t.test("leases are listed by expiry; taking the expired is bounded", async (t) => {
  const { clock, lessor } = primary();
  for (const [id, ttlSeconds] of [
    [1n, 30],
    [2n, 10],
    [3n, 20],
  ] as const) {
    lessor.grant({ id, ttlSeconds });
  }
  t.same(lessor.leaseIds(), [2n, 3n, 1n]);
  clock.advance(5000);
  lessor.renew(2n);
  t.same(lessor.leaseIds(), [2n, 3n, 1n]);
  clock.advance(9000);
  lessor.renew(2n);
  t.same(lessor.leaseIds(), [3n, 2n, 1n]);
  clock.advance(60_000);
  t.same(lessor.takeExpired(2), [3n, 2n]);
  t.same(lessor.takeExpired(2), [1n]);
});

t.test("a promotion spreads what would fall due together", async (t) => {
  const clock = new ManualClock();
  const lessor = new Lessor({ clock });
  for (let id = 1n; id <= 2500n; id++) lessor.grant({ id, ttlSeconds: 10 });
  lessor.promote(0);
  const due: number[] = [];
  for (let second = 0; second < 14; second++) {
    due.push(lessor.takeExpired(10_000).length);
    clock.advance(1000);
  }
  t.same(due.slice(10, 13), [1000, 1000, 500]);
});

t.test("checkpoints: a long lease does not start over with every leader", async (t) => {
  const { clock, lessor } = primary();
  lessor.grant({ id: 1n, ttlSeconds: 1000 });
  lessor.grant({ id: 2n, ttlSeconds: 100 });
  clock.advance(300_000);
  t.same(lessor.takeCheckpoints(10), [{ id: 1n, remainingSeconds: 700 }]);
  t.same(lessor.takeCheckpoints(10), [], "until it is applied");
  const row = lessor.checkpoint(1n, 700);
  t.same(row && decodeLeaseRow(row), { id: 1n, ttlSeconds: 1000, checkpointSeconds: 700 });
  t.equal(lessor.checkpoint(9n, 1), undefined);
  const next = new Lessor({ clock });
  next.restore(row === undefined ? [] : [decodeLeaseRow(row)]);
  next.promote(0);
  t.equal(next.timeToLive(1n)?.remainingSeconds, 700);
  t.same(next.renew(1n), { ttlSeconds: 1000, clearCheckpoint: true });
  t.same(next.renew(1n), { ttlSeconds: 1000, clearCheckpoint: false });
});

t.test("many renewals keep the deadlines bounded and right", async (t) => {
  const { clock, lessor } = primary();
  lessor.grant({ id: 1n, ttlSeconds: 600 });
  for (let i = 0; i < 20_000; i++) {
    clock.advance(100);
    lessor.renew(1n);
  }
  t.same(lessor.takeExpired(10), []);
  clock.advance(599_999);
  t.same(lessor.takeExpired(10), []);
  clock.advance(1);
  t.same(lessor.takeExpired(10), [1n]);
});

t.test("picked ids are positive 63-bit integers", async (t) => {
  const rng = seededRng(1);
  for (let i = 0; i < 1000; i++) {
    const id = pickLeaseId(rng);
    t.ok(id > 0n && id < 1n << 63n);
  }
  t.equal(pickLeaseId({ next: () => 0, int: () => 0 }), 1n);
  t.equal(decodeLeaseRow(encodeLeaseRow({ id: 5n, ttlSeconds: 3, checkpointSeconds: 1 })).checkpointSeconds, 1);
});
