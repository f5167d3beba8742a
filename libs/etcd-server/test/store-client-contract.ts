import t, { type Test } from "tap";
import { utf8, utf8Text } from "@triarch/base";
import { StoreError, type StoreClient } from "../src/index.ts";
import { WatchRecorder } from "./watch-recorder.ts";

/** A store under contract, fresh for each test. */
export interface StoreUnderTest {
  readonly store: StoreClient;
  /** Lets `ms` of store time pass; a store on real time does nothing and the test waits for what must happen. */
  passTime(ms: number): void;
  /** Ends what stands behind `store`, which is closed before. */
  end?(): Promise<void>;
}

/** What every `StoreClient` promises, run on the twin and on the real one. */
export function storeClientContract(name: string, open: () => Promise<StoreUnderTest>): void {
  const scenario = (what: string, run: (t: Test, store: StoreClient, under: StoreUnderTest) => Promise<void>): void => {
    t.test(`${name}: ${what}`, async (t) => {
      const under = await open();
      try {
        await run(t, under.store, under);
      } finally {
        await under.store.close();
        await under.end?.();
      }
    });
  };

  scenario("optimistic writes", async (t, store) => {
    const base = await store.readBarrier();
    const created = await store.put({ key: "/a/1", value: utf8("one"), expectedModRevision: 0 });
    t.strictSame(created, { kind: "written", revision: base + 1, previous: undefined });
    const again = await store.put({ key: "/a/1", value: utf8("x"), expectedModRevision: 0 });
    t.equal(again.kind, "conflict");
    t.equal(again.revision, base + 1, "a conflict changes nothing");
    t.equal(again.kind === "conflict" ? text(again.current?.value) : "", "one");
    const updated = await store.put({ key: "/a/1", value: utf8("two"), expectedModRevision: base + 1 });
    t.equal(updated.revision, base + 2);
    const read = await store.get("/a/1");
    t.strictSame(
      read.rows.map((row) => ({ ...row, value: text(row.value) })),
      [
        {
          key: "/a/1",
          value: "two",
          createRevision: base + 1,
          modRevision: base + 2,
          version: 2,
          leaseId: 0n,
        },
      ],
    );
    const missed = await store.delete({ key: "/a/1", expectedModRevision: base + 1 });
    t.equal(missed.kind, "conflict");
    t.equal(missed.kind === "conflict" ? missed.current?.modRevision : 0, base + 2);
    const deleted = await store.delete({ key: "/a/1", expectedModRevision: base + 2 });
    t.equal(deleted.revision, base + 3);
    t.equal(deleted.kind === "written" ? text(deleted.previous?.value) : "", "two");
    const gone = await store.delete({ key: "/a/1", expectedModRevision: base + 2 });
    t.strictSame(gone, { kind: "conflict", revision: base + 3, current: undefined });
    const nothing = await store.delete({ key: "/a/1", expectedModRevision: 0 });
    t.strictSame(
      nothing,
      { kind: "written", revision: base + 3, previous: undefined },
      "nothing deleted, nothing moves",
    );
    const reborn = await store.put({ key: "/a/1", value: utf8("three"), expectedModRevision: 0 });
    const row = (await store.get("/a/1")).rows[0];
    t.equal(row?.createRevision, reborn.revision, "a new generation");
    t.equal(row?.version, 1);
  });

  scenario("lists, pages and old revisions", async (t, store) => {
    const keys = ["/l/a", "/l/b", "/l/bb", "/l/c", "/l/é", "/l/\u{1f600}", "/l/\uffee"];
    let last = 0;
    for (const key of keys) last = (await store.put({ key, value: utf8(`v${key}`), expectedModRevision: 0 })).revision;
    await store.put({ key: "/lz", value: utf8("outside"), expectedModRevision: 0 });
    const inByteOrder = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const all = await store.list("/l/");
    t.strictSame(
      all.rows.map((row) => row.key),
      inByteOrder,
    );
    t.equal(all.count, keys.length);
    t.equal(all.more, false);
    t.equal(all.revision, last + 1);
    t.strictSame(
      all.rows.map((row) => text(row.value)),
      inByteOrder.map((key) => `v${key}`),
    );

    const page = await store.list("/l/", { limit: 3, revision: last });
    t.strictSame(
      page.rows.map((row) => row.key),
      inByteOrder.slice(0, 3),
    );
    t.equal(page.more, true);
    t.equal(page.count, keys.length);
    const rest = await store.list("/l/", { limit: 10, revision: last, startAfter: "/l/bb" });
    t.strictSame(
      rest.rows.map((row) => row.key),
      inByteOrder.slice(3),
    );
    t.equal(rest.more, false);
    t.equal(rest.count, keys.length - 3, "count is of the range asked for");

    const counted = await store.list("/l/", { countOnly: true });
    t.strictSame([counted.count, counted.rows.length], [keys.length, 0]);
    t.equal((await store.list("/l/", { serializable: true })).count, keys.length);

    const row = (await store.get("/l/a")).rows[0];
    await store.delete({ key: "/l/a", expectedModRevision: row?.modRevision ?? 0 });
    t.equal((await store.list("/l/")).count, keys.length - 1);
    t.equal((await store.list("/l/", { revision: last })).count, keys.length, "the past does not change");
    t.equal(text((await store.get("/l/a", { revision: last })).rows[0]?.value), "v/l/a");
    t.equal((await store.get("/l/a")).rows.length, 0);
    await failsWith(t, store.list("/l/", { revision: last + 1000 }), {
      code: "futureRevision",
      requested: last + 1000,
    });
  });

  scenario("compaction", async (t, store) => {
    const first = await store.put({ key: "/c", value: utf8("1"), expectedModRevision: 0 });
    const second = await store.put({ key: "/c", value: utf8("2"), expectedModRevision: first.revision });
    const third = await store.put({ key: "/c", value: utf8("3"), expectedModRevision: second.revision });
    await store.compact(second.revision);
    t.equal(
      text((await store.get("/c", { revision: second.revision })).rows[0]?.value),
      "2",
      "readable at the compact revision",
    );
    const expected = { code: "compacted", requested: first.revision, compactRevision: second.revision };
    await failsWith(t, store.get("/c", { revision: first.revision }), expected);
    await failsWith(t, store.compact(second.revision), { code: "compacted" });
    await failsWith(t, store.compact(third.revision + 50), { code: "futureRevision" });
    const late = new WatchRecorder();
    store.watch("/c", first.revision, late);
    const failure = await late.end();
    t.match(failure, { code: "compacted", compactRevision: second.revision });
    const after = new WatchRecorder();
    const watch = store.watch("/c", third.revision, after);
    await after.progress(third.revision);
    t.strictSame(after.summary(), [`put /c=3@${third.revision} was ${text(utf8("2"))}`]);
    watch.close();
  });

  scenario("a watch sees history, then what follows, each once and in order", async (t, store) => {
    const before = await store.readBarrier();
    const a = await store.put({ key: "/w/a", value: utf8("1"), expectedModRevision: 0 });
    await store.put({ key: "/x/other", value: utf8("1"), expectedModRevision: 0 });
    const fromStart = new WatchRecorder();
    const fromNow = new WatchRecorder();
    const watches = [store.watch("/w/", before + 1, fromStart), store.watch("/w/", 0, fromNow)];
    await fromNow.progress(before + 2);
    const b = await store.put({ key: "/w/b", value: utf8("2"), expectedModRevision: 0 });
    const a2 = await store.put({ key: "/w/a", value: utf8("3"), expectedModRevision: a.revision });
    const gone = await store.delete({ key: "/w/b", expectedModRevision: b.revision });
    await fromStart.progress(gone.revision);
    await fromNow.progress(gone.revision);
    const later = [
      `put /w/b=2@${b.revision} created`,
      `put /w/a=3@${a2.revision} was 1`,
      `delete /w/b=@${gone.revision} was 2`,
    ];
    t.strictSame(fromStart.summary(), [`put /w/a=1@${a.revision} created`, ...later]);
    t.strictSame(fromNow.summary(), later);
    const tombstone = fromStart.events.at(-1);
    t.match(tombstone?.row, { createRevision: 0, version: 0, leaseId: 0n });

    const idle = await store.put({ key: "/x/idle", value: utf8("1"), expectedModRevision: 0 });
    await fromStart.progress(idle.revision);
    t.equal(fromStart.events.length, 4, "progress passes without events of one's own");
    t.strictSame(fromStart.problems, []);

    for (const watch of watches) watch.close();
    const closedAt = fromStart.events.length;
    const other = new WatchRecorder();
    store.watch("/w/", 0, other);
    const after = await store.put({ key: "/w/c", value: utf8("9"), expectedModRevision: 0 });
    await other.progress(after.revision);
    t.equal(fromStart.events.length, closedAt, "a closed watch is silent");
  });

  scenario("many concurrent writers and a watch", async (t, store) => {
    const start = await store.readBarrier();
    const recorder = new WatchRecorder();
    store.watch("/m/", start + 1, recorder);
    const writes = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        store.put({ key: `/m/${i % 50}`, value: utf8(`${i}`), expectedModRevision: 0 }),
      ),
    );
    const written = writes.filter((outcome) => outcome.kind === "written");
    t.equal(written.length, 50, "one create per key wins");
    const end = await store.readBarrier();
    t.equal(end, start + 50);
    await recorder.progress(end);
    t.equal(recorder.events.length, 50);
    t.strictSame(recorder.problems, []);
  });

  scenario("leases", async (t, store, under) => {
    const leaseId = await store.leaseGrant(1);
    t.ok(leaseId > 0n);
    const start = await store.readBarrier();
    const recorder = new WatchRecorder();
    store.watch("/e/", start + 1, recorder);
    await store.put({ key: "/e/b", value: utf8("1"), expectedModRevision: 0, leaseId });
    await store.put({ key: "/e/a", value: utf8("1"), expectedModRevision: 0, leaseId });
    t.equal((await store.get("/e/a")).rows[0]?.leaseId, leaseId);
    const unknown = store.put({ key: "/e/c", value: utf8("1"), expectedModRevision: 0, leaseId: 12345n });
    await failsWith(t, unknown, { code: "leaseNotFound", leaseId: 12345n });
    under.passTime(5_000);
    await store.readBarrier();
    await recorder.count(4);
    t.strictSame(
      recorder.events.slice(2).map((event) => `${event.kind} ${event.row.key}@${event.row.modRevision}`),
      [`delete /e/a@${start + 3}`, `delete /e/b@${start + 3}`],
      "expiry deletes the keys, sorted, in one revision",
    );
    t.strictSame(recorder.problems, []);
  });

  scenario("limits, status and the end", async (t, store) => {
    const tooLarge = store.put({ key: "/big", value: new Uint8Array(1_600_000), expectedModRevision: 0 });
    await failsWith(t, tooLarge, { code: "tooLarge", limitBytes: 1_572_864 });
    const large = await store.put({ key: "/big", value: new Uint8Array(1_500_000).fill(7), expectedModRevision: 0 });
    t.equal(large.kind, "written");
    const back = (await store.get("/big")).rows[0]?.value;
    t.ok(back?.length === 1_500_000 && back.every((byte) => byte === 7));
    const status = await store.status();
    t.equal(status.revision, large.revision);
    t.equal(status.role, "leader");
    t.equal(status.leaderId, status.memberId);
    t.equal(status.members.length, 1);
    await store.handOverLeadership();
    const recorder = new WatchRecorder();
    store.watch("/", 0, recorder);
    await store.close();
    t.match(await recorder.end(), { code: "stopped" });
    await failsWith(t, store.get("/big"), { code: "stopped" });
    await t.rejects(store.get("/big"), StoreError);
    await store.close();
  });
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : utf8Text(bytes);
}

export async function failsWith(t: Test, promise: Promise<unknown>, expected: object): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof StoreError) t.match(error.failure, expected);
  else t.fail("expected a StoreError", { error });
}
