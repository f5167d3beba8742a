import t, { type Test } from "tap";
import { toByteString, utf8 } from "@triarch/base";
import type { Event } from "@triarch/etcd-proto";
import type { Watch, WriteSteps } from "../src/index.ts";
import { fixture, type Fixture } from "./support.ts";

// Writes over many keys, in slices: between them everybody sees the store as it was, after the last all of it.

const keys = 15_000;
/** Of one slice. */
const deletesMax = 500;
const everything = { key: utf8("/k/"), rangeEnd: utf8("/k0") };
const keyOf = (i: number): Uint8Array => utf8(`/k/${String(i).padStart(6, "0")}`);

async function filled(): Promise<Fixture> {
  const f = await fixture();
  f.leases.granted.add(7n);
  for (let i = 0; i < keys; i++) f.apply(f.store.put({ key: keyOf(i), value: utf8(`${i}`), lease: 7n }));
  return f;
}

interface Watched {
  readonly watch: Watch;
  readonly calls: (readonly Event[])[];
  readonly progress: number[];
}

function watchAll({ store }: Fixture): Watched {
  const [calls, progress]: [(readonly Event[])[], number[]] = [[], []];
  const watch = store.watch(
    { ...everything, startRevision: 0, prevKv: true, noPut: false, noDelete: false },
    {
      onEvents: (events) => (calls.push(events), true),
      onProgress: (revision) => void progress.push(revision),
      onCompacted: () => undefined,
    },
  );
  return { watch, calls, progress };
}

/** Runs the steps to their end, looking around between them. */
async function run(t: Test, f: Fixture, steps: () => WriteSteps<unknown>): Promise<void> {
  const { store } = f;
  const watched = watchAll(f);
  const before = store.revision;
  const hash = await store.hashKv(0);
  const writing = steps();
  let slices = 0;
  let step = writing.next();
  for (; step.done !== true; step = writing.next()) {
    slices += 1;
    if (slices % 7 > 0) continue;
    t.equal(store.revision, before);
    t.match(store.range({ ...everything, countOnly: true }), { count: keys, header: { revision: before } });
    t.equal(toByteString(store.range({ key: keyOf(0) }).kvs[0]?.value ?? utf8("gone")), "0");
    t.strictSame(await store.hashKv(0), hash);
    t.equal(f.leases.keys.size, keys, "keys are still on their lease");
    store.deliverEvents();
    t.equal(watched.calls.length, 0);
    t.notOk(watched.progress.some((revision) => revision > before));
    t.equal(store.txn({ success: [{ requestRange: { key: keyOf(1) } }] }).rows.length, 0, "reading is no other write");
  }
  t.ok(slices > keys / deletesMax, `${slices} slices`);
  f.apply(step.value);
  t.equal(store.revision, before + 1);
  checkDelivery(t, f, watched);
  t.match(store.range({ ...everything, countOnly: true }), { count: 0 });
  t.match(store.range({ ...everything, countOnly: true, revision: before }), { count: keys });
  t.equal(f.leases.keys.size, 0);
  t.equal(toByteString(watched.calls[0]?.at(-1)?.prevKv?.value ?? utf8("")), `${keys - 1}`);
}

/** Of the revision just made: in slices, in one call, and what is written meanwhile after it. */
function checkDelivery(t: Test, f: Fixture, { watch, calls, progress }: Watched): void {
  const { store } = f;
  const long = store.revision;
  t.equal(store.deliverEvents(), true, "it is only begun with");
  let slices = 0;
  for (; calls.length === 0 && store.catchUp(); slices++) {
    if (slices === 2) f.apply(store.put({ key: keyOf(0), value: utf8("later") }));
    t.equal(store.deliverEvents(), true);
    if (calls.length > 0) break;
    t.equal(watch.synced, false, "nobody may be told that it has everything");
    t.notOk(progress.some((revision) => revision >= long));
  }
  t.ok(slices > keys / 5_000 + keys / 2_000, `${slices} slices`);
  while (store.catchUp());
  t.strictSame(
    calls.map((events) => [events.length, events[0]?.kv?.modRevision]),
    [
      [keys, long],
      [1, long + 1],
    ],
    "all events of the revision in one call",
  );
  t.equal(watch.synced, true);
  t.strictSame([progress.at(-1), store.deliverEvents()], [long + 1, false]);
  f.apply(store.deleteRange({ key: keyOf(0) }));
  store.deliverEvents();
  calls.length = 1;
}

t.test("a compaction does not take rows that events of a long write still have to show", async (t) => {
  const f = await filled();
  const { store } = f;
  const { calls } = watchAll(f);
  f.apply(store.deleteRange(everything));
  store.deliverEvents();
  store.catchUp();
  store.compact(store.revision);
  for (let done = store.compactionStep(); done !== undefined; done = store.compactionStep()) {
    f.backend.write({ deletes: done.deletes });
  }
  t.equal(f.backend.size, keys, "the tombstones");
  t.equal(calls[0]?.length, keys);
  t.ok(calls[0]?.every(({ prevKv }, i) => toByteString(prevKv?.value ?? utf8("")) === `${i}`));
});

t.test("a watcher that goes, one that comes and one that refuses while a long write is delivered", async (t) => {
  const f = await filled();
  const { store } = f;
  const before = store.revision;
  const [goes, stays, refuses] = [watchAll(f), watchAll(f), watchAll(f)];
  let refused = 0;
  const refusing = store.watch(
    { ...everything, startRevision: 0, prevKv: false },
    { onEvents: (events) => ((refused += events.length), refused > keys), onCompacted: () => undefined },
  );
  f.apply(store.deleteRange(everything));
  store.deliverEvents();
  store.catchUp();
  goes.watch.close();
  const comes = watchAll(f);
  const resumed: (readonly Event[])[] = [];
  store.watch(
    { ...everything, startRevision: before + 1, prevKv: false },
    { onEvents: (events) => (resumed.push(events), true), onCompacted: () => undefined },
  );
  while (store.catchUp());
  t.strictSame(
    [goes, stays, refuses, comes].map(({ calls }) => calls.map(({ length }) => length)),
    [[], [keys], [keys], []],
  );
  t.strictSame([refused, refusing.synced], [keys, false]);
  t.strictSame(
    resumed.map(({ length }) => length),
    [keys],
    "who starts at the long write gets it from history",
  );
  refusing.resume();
  while (store.catchUp());
  t.strictSame([refused, refusing.synced], [2 * keys, true]);
});

t.test("a delete of a range", async (t) => {
  const f = await filled();
  await run(t, f, () => f.store.deleteRangeSteps({ ...everything, prevKv: true }));
});

t.test("a transaction that reads, deletes and reads again", async (t) => {
  const f = await filled();
  const count = { requestRange: { ...everything, countOnly: true } };
  await run(t, f, () => f.store.txnSteps({ success: [count, { requestDeleteRange: everything }, count] }));
});

t.test("the keys of a revoked lease", async (t) => {
  const f = await filled();
  await run(t, f, () => f.store.deleteKeysSteps([...f.leases.keys.keys()].reverse()));
});

t.test("in slices or at once: the same rows, with a compaction between the slices too", async (t) => {
  const [sliced, whole] = [await filled(), await filled()];
  for (const { store, apply } of [sliced, whole]) {
    for (let i = 0; i < 3_000; i++) apply(store.put({ key: keyOf(i), value: utf8("newer") }));
    store.compact(keys + 1_000);
  }
  const steps = sliced.store.deleteRangeSteps(everything);
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) {
    const compacted = sliced.store.compactionStep();
    if (compacted !== undefined) sliced.backend.write({ deletes: compacted.deletes });
  }
  sliced.apply(step.value);
  whole.apply(whole.store.deleteRange(everything));
  for (let done = whole.store.compactionStep(); done !== undefined; done = whole.store.compactionStep()) {
    whole.backend.write({ deletes: done.deletes });
  }
  t.strictSame(await sliced.store.hashKv(0), await whole.store.hashKv(0));
  t.equal(sliced.backend.size, whole.backend.size);
});

t.test("another write before the last slice is a bug that is noticed", async (t) => {
  const f = await filled();
  const steps = f.store.deleteRangeSteps(everything);
  steps.next();
  f.store.put({ key: utf8("other") });
  t.throws(() => {
    while (steps.next().done !== true);
  }, /another write has ended/);
});
