import { randomInt } from "node:crypto";
import t from "tap";
import { seededRng, utf8, utf8Text } from "@triarch/base";
import type { Event } from "@triarch/etcd-proto";
import { fixture, put } from "./support.ts";
import type { Watch } from "../src/index.ts";

t.setTimeout(60_000);

t.test(
  "10,000 watchers of one prefix: the slow ones hold back nobody, share the memory, and lose nothing",
  async (t) => {
    const seed = randomInt(2 ** 32);
    t.comment(`seed ${seed}`);
    const rng = seededRng(seed);
    const { store } = await fixture({
      ...{ backlogEntriesMax: 1_000, backlogEntriesTotalMax: 20_000 },
      ...{ backlogRevisionsMax: 500, eventsPerCall: 3 },
    });
    const watchersCount = 10_000;
    const slowCount = 2_000;
    const seen: number[][] = [];
    const paused = new Set<number>();
    const watches: Watch[] = [];
    for (let i = 0; i < watchersCount; i++) {
      const revisions: number[] = [];
      seen.push(revisions);
      if (i < slowCount) paused.add(i);
      const onEvents = (events: readonly Event[]): boolean => {
        if (paused.has(i)) return false;
        for (const { kv } of events) revisions.push(kv?.modRevision ?? -1);
        return true;
      };
      const request = { key: utf8("/w/"), rangeEnd: utf8("/w0"), startRevision: 0, prevKv: false };
      watches.push(store.watch(request, { onEvents, onCompacted: () => t.fail("compacted") }));
    }
    const expected: number[] = [];
    for (let i = 0; i < 40; i++) {
      expected.push(put(store, `/w/${rng.int(5)}`, "v"));
      put(store, "/elsewhere", "v");
      store.deliverEvents();
      for (let slice = 0; slice < 3; slice++) store.catchUp();
    }
    const fast = seen.slice(slowCount).every((revisions) => revisions.join() === expected.join());
    t.ok(fast, "the others had everything at once");
    t.ok(
      seen.slice(0, slowCount).every((revisions) => revisions.length === 0),
      "those that refuse had nothing",
    );
    t.equal(store.unsyncedWatcherCount, slowCount);
    for (const i of [...paused]) {
      paused.delete(i);
      watches[i]?.resume();
    }
    let slices = 0;
    while (store.catchUp()) slices += 1;
    t.ok(slices < 2_000, `${slices} slices`);
    for (const [i, revisions] of seen.slice(0, slowCount).entries()) {
      if (revisions.join() !== expected.join()) t.fail(`watcher ${i} saw ${revisions.join()}`);
    }
    t.equal(store.unsyncedWatcherCount, 0);
  },
);

t.test("watchers that come, refuse, resume and go at random see every event once, in order", async (t) => {
  const seed = randomInt(2 ** 32);
  t.comment(`seed ${seed}`);
  const rng = seededRng(seed);
  const { store, apply } = await fixture({
    ...{ backlogEntriesMax: 10, backlogEntriesTotalMax: 30 },
    ...{ backlogRevisionsMax: 7, eventsPerCall: 2 },
  });
  const history: { readonly revision: number; readonly key: string }[] = [];
  interface Seen {
    readonly prefix: string;
    readonly start: number;
    readonly got: string[];
    watch: Watch | undefined;
  }
  const all: Seen[] = [];
  for (let step = 0; step < 3_000; step++) {
    const what = rng.int(10);
    if (what < 5) {
      const key = `/${"ab"[rng.int(2)] ?? "a"}/${rng.int(4)}`;
      const { response } = { response: apply(store.put({ key: utf8(key), value: utf8(`${step}`) })) };
      history.push({ revision: response.header?.revision ?? 0, key });
    } else if (what === 5 && all.length < 60) {
      const prefix = ["/", "/a/", "/b/"][rng.int(3)] ?? "/";
      const start = 1 + rng.int(store.revision);
      const seen: Seen = { prefix, start, got: [], watch: undefined };
      const end = prefix.slice(0, -1) + "0";
      seen.watch = store.watch(
        { key: utf8(prefix), rangeEnd: utf8(end), startRevision: start, prevKv: rng.int(2) === 0 },
        {
          onEvents: (events) => {
            if (rng.int(3) === 0) return false;
            for (const { kv } of events) seen.got.push(`${kv?.modRevision} ${utf8Text(kv?.key ?? utf8("?"))}`);
            return true;
          },
          onCompacted: () => t.fail("compacted"),
        },
      );
      all.push(seen);
    } else if (what === 6) {
      all[rng.int(Math.max(1, all.length))]?.watch?.resume();
    } else if (what < 9) {
      store.deliverEvents();
    } else {
      store.catchUp();
    }
  }
  store.deliverEvents();
  for (let round = 0; round < 100_000 && store.unsyncedWatcherCount > 0; round++) {
    for (const { watch } of all) watch?.resume();
    store.catchUp();
  }
  t.equal(store.unsyncedWatcherCount, 0);
  for (const { prefix, start, got } of all) {
    const wanted = history.filter(({ revision, key }) => revision >= start && key.startsWith(prefix));
    t.strictSame(
      got,
      wanted.map(({ revision, key }) => `${revision} ${key}`),
      `${prefix} from ${start}`,
    );
  }
});
