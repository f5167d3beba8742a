import t from "tap";
import { prefixEnd, utf8 } from "@triarch/base";
import type { Event } from "@triarch/etcd-proto";
import type { MvccStore, WatchRequest, WatchSink } from "../src/index.ts";
import { compactFully, del, eventText, fixture, outcome, put } from "./support.ts";

class Recorder implements WatchSink {
  readonly batches: (readonly Event[])[] = [];
  progress = 0;
  compacted = 0;
  accepting = true;
  onEvents(events: readonly Event[]): boolean {
    if (!this.accepting) return false;
    this.batches.push(events);
    return true;
  }
  onProgress(revision: number): void {
    this.progress = revision;
  }
  onCompacted(compactRevision: number): void {
    this.compacted = compactRevision;
  }
  get texts(): string[] {
    return this.batches.flat().map(eventText);
  }
}

const prefix = (text: string, more: Partial<WatchRequest> = {}): WatchRequest => ({
  key: utf8(text),
  rangeEnd: prefixEnd(utf8(text)),
  startRevision: 0,
  prevKv: false,
  ...more,
});
const single = (text: string, more: Partial<WatchRequest> = {}): WatchRequest =>
  prefix(text, { rangeEnd: new Uint8Array(0), ...more });
const catchUp = (store: MvccStore): void => {
  for (let slices = 0; store.catchUp(); slices++) if (slices > 10_000) throw new Error("catching up does not end");
};

t.test("live events: only matching, from the next revision, previous row on request", async (t) => {
  const { store } = await fixture();
  put(store, "p/a", "0");
  const [now, withPrevious, one, from, deletes] = [1, 2, 3, 4, 5].map(() => new Recorder()) as [
    Recorder,
    Recorder,
    Recorder,
    Recorder,
    Recorder,
  ];
  const watch = store.watch(prefix("p/"), now);
  t.equal(watch.startRevision, 3);
  t.equal(watch.synced, true);
  store.watch(prefix("p/", { prevKv: true }), withPrevious);
  store.watch(single("p/a"), one);
  store.watch({ ...prefix("p/b"), rangeEnd: utf8("\0") }, from);
  store.watch(prefix("p/", { noPut: true }), deletes);
  put(store, "p/a", "1");
  put(store, "q", "1");
  del(store, "p/a");
  t.same(now.batches, [], "nothing before deliver");
  store.deliverEvents();
  t.same(now.texts, ["put p/a=1 c2 m3 v2", "del p/a= c0 m5 v0"]);
  t.equal(now.batches.length, 1, "one call for one applied batch");
  t.equal(now.progress, 5);
  t.same(withPrevious.texts, ["put p/a=1 c2 m3 v2 was p/a=0 c2 m2 v1", "del p/a= c0 m5 v0 was p/a=1 c2 m3 v2"]);
  t.same(one.texts, now.texts);
  t.same(from.texts, ["put q=1 c4 m4 v1"]);
  t.same(deletes.texts, ["del p/a= c0 m5 v0"]);
  watch.close();
  watch.close();
  put(store, "p/a", "2");
  store.deliverEvents();
  t.equal(now.batches.length, 1);
  t.equal(withPrevious.texts.at(-1), "put p/a=2 c6 m6 v1", "a create has no previous row");
  t.equal(store.watcherCount, 4);
  t.equal(
    outcome(() => store.watch({ ...prefix("b"), rangeEnd: utf8("a") }, now)),
    "emptyWatchRange",
  );
  t.equal(store.watcherCount, 4);
});

t.test("from the past: history in order, then live, no gap and no duplicate", async (t) => {
  const { store } = await fixture();
  for (let i = 0; i < 2000; i++) put(store, `p/${i % 700}`, String(i));
  del(store, "p/3");
  const recorder = new Recorder();
  const watch = store.watch(prefix("p/", { startRevision: 100, prevKv: true }), recorder);
  put(store, "p/live", "applied before catching up");
  t.equal(watch.synced, false);
  t.equal(recorder.batches.length, 0);
  t.equal(store.catchUp(), true, "bounded slices");
  put(store, "p/live", "in between");
  catchUp(store);
  t.equal(watch.synced, true);
  put(store, "p/live", "after");
  store.deliverEvents();
  const revisions = recorder.batches.flat().map((event) => event.kv?.modRevision ?? 0);
  t.same(
    revisions,
    Array.from({ length: store.revision - 99 }, (_, i) => 100 + i),
  );
  t.equal(recorder.texts[1902], "del p/3= c0 m2002 v0 was p/3=1403 c5 m1405 v3");
  t.equal(recorder.progress, store.revision);
});

t.test("all events of a revision come in one call, also from history", async (t) => {
  const { store } = await fixture();
  for (let i = 0; i < 5; i++) {
    store.txn({ success: Array.from({ length: 120 }, (_, k) => ({ requestPut: { key: utf8(`p/${k}`) } })) });
  }
  const recorder = new Recorder();
  store.watch(prefix("p/", { startRevision: 1 }), recorder);
  catchUp(store);
  t.equal(recorder.batches.flat().length, 600);
  for (const batch of recorder.batches) t.equal(batch.length % 120, 0);
});

t.test("a sink that refuses loses nothing", async (t) => {
  const { store } = await fixture();
  const recorder = new Recorder();
  const watch = store.watch(prefix("p/"), recorder);
  put(store, "p/a", "1");
  store.deliverEvents();
  recorder.accepting = false;
  put(store, "p/a", "2");
  put(store, "p/b", "3");
  store.deliverEvents();
  t.equal(watch.synced, false);
  const progressWhenRefused = recorder.progress;
  put(store, "p/a", "4");
  store.deliverEvents();
  t.equal(recorder.progress, progressWhenRefused, "progress never runs ahead of events");
  t.equal(store.catchUp(), false, "a refused watcher makes no work until it resumes");
  watch.resume();
  t.equal(store.catchUp(), false, "refused again");
  recorder.accepting = true;
  watch.resume();
  catchUp(store);
  t.same(
    recorder.texts.map((line) => line.split(" ")[1]),
    ["p/a=1", "p/a=2", "p/b=3", "p/a=4"],
  );
  t.equal(watch.synced, true);
});

t.test("compaction ends a watch that needs what it removed, and only that", async (t) => {
  const { store, backend, apply } = await fixture();
  for (let i = 0; i < 10; i++) apply(store.put({ key: utf8("a"), value: utf8(String(i)) }));
  const [old, at, idle] = [new Recorder(), new Recorder(), new Recorder()];
  store.watch(single("idle"), idle);
  store.compact(8);
  compactFully(store, backend);
  store.watch(single("a", { startRevision: 7 }), old);
  store.watch(single("a", { startRevision: 8, prevKv: true }), at);
  catchUp(store);
  t.equal(old.compacted, 8);
  t.same(old.batches, []);
  t.same(at.texts, [
    "put a=6 c2 m8 v7",
    "put a=7 c2 m9 v8 was a=6 c2 m8 v7",
    "put a=8 c2 m10 v9 was a=7 c2 m9 v8",
    "put a=9 c2 m11 v10 was a=8 c2 m10 v9",
  ]);
  put(store, "idle");
  store.deliverEvents();
  t.equal(idle.compacted, 0);
  t.equal(idle.texts.length, 1);
  t.equal(store.watcherCount, 2);
});

t.test("watchers survive a reload and go on from their place", async (t) => {
  const { store, backend, apply } = await fixture();
  const recorder = new Recorder();
  store.watch(prefix("p/"), recorder);
  apply(store.put({ key: utf8("p/a") }));
  // Another member's state, three writes ahead.
  const ahead = await fixture();
  ahead.apply(ahead.store.put({ key: utf8("p/a") }));
  for (let i = 0; i < 3; i++) ahead.apply(ahead.store.put({ key: utf8("p/b"), value: utf8(String(i)) }));
  ahead.store.compact(3);
  compactFully(ahead.store, ahead.backend);
  await store.reload({ backend: ahead.backend, scheduledCompactRevision: 3, finishedCompactRevision: 3 });
  catchUp(store);
  t.same(
    recorder.batches.flat().map((event) => event.kv?.modRevision),
    [2, 3, 4, 5],
  );
  t.equal(store.revision, 5);
  t.equal(backend.size, 1);
});

t.test("a watcher that stays away past its bounds gets everything in the end", async (t) => {
  const { store } = await fixture({ backlogEntriesMax: 10, backlogRevisionsMax: 7, eventsPerCall: 4 });
  const recorder = new Recorder();
  const watch = store.watch(prefix("p/"), recorder);
  recorder.accepting = false;
  for (let i = 0; i < 200; i++) {
    put(store, `p/${i % 9}`, String(i));
    put(store, "other");
    if (i % 3 === 0) store.deliverEvents();
  }
  store.catchUp();
  recorder.accepting = true;
  watch.resume();
  for (let slices = 0; store.catchUp(); slices++) {
    if (slices > 10_000) throw new Error("catching up does not end");
    if (slices < 20) put(store, "p/live", String(slices));
  }
  t.equal(watch.synced, true);
  const values = recorder.texts.map((line) => line.split(/[= ]/)[2]);
  t.same(
    values.slice(0, 200),
    Array.from({ length: 200 }, (_, i) => String(i)),
  );
  t.equal(values.length, 220);
});

t.test("one slice of catching up is bounded however many watchers are behind", async (t) => {
  const { store } = await fixture();
  for (let i = 0; i < 100; i++) put(store, `p/${i}`);
  const recorders = Array.from({ length: 500 }, () => new Recorder());
  for (const recorder of recorders) store.watch(prefix("p/", { startRevision: 2 }), recorder);
  t.equal(store.catchUp(), true);
  const served = recorders.filter((recorder) => recorder.batches.length > 0).length;
  t.ok(served > 0 && served < 20, `${served} watchers in one slice`);
  catchUp(store);
  for (const recorder of recorders) t.equal(recorder.batches.flat().length, 100);
});

t.test("a key that its own transaction deleted and created anew: no previous value, live or later", async (t) => {
  const { store } = await fixture();
  put(store, "a", "old");
  const seen: Event[][] = [];
  const sink = { onEvents: (events: readonly Event[]) => (seen.push([...events]), true), onCompacted: () => undefined };
  const request = { key: utf8("a"), rangeEnd: utf8(""), prevKv: true, noPut: false, noDelete: false };
  store.watch({ ...request, startRevision: 0 }, sink);
  // The one delete that etcd's check of duplicates does not see is that of everything.
  const everything = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1) };
  store.txn({ success: [{ requestDeleteRange: everything }, { requestPut: { key: utf8("a"), value: utf8("new") } }] });
  store.deliverEvents();
  store.watch({ ...request, startRevision: 3 }, sink);
  while (store.catchUp());
  for (const events of seen) {
    t.match(events, [
      { type: 1, prevKv: { value: utf8("old") } },
      { type: 0, kv: { createRevision: 3, version: 1 }, prevKv: undefined },
    ]);
  }
  t.equal(seen.length, 2);
});
