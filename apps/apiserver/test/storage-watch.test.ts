import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import type { StoreWatchHandlers } from "@triarch/etcd-server";
import { parseFieldSelector, parseLabelSelector } from "@triarch/api";
import type { Change, ResourceStore } from "../src/storage/index.ts";
import {
  configMap,
  configMaps,
  failureOf,
  field,
  label,
  names,
  openFixture,
  pod,
  pods,
  Recorder,
  settle,
} from "./storage-fixture.ts";

function put(
  resources: ResourceStore,
  name: string,
  labels: Record<string, string> = {},
  namespace = "ns",
): Promise<number> {
  const change: Change = { kind: "put", object: configMap(namespace, name, { labels }) };
  return resources
    .update(configMaps, { namespace, name }, () => change, { createIfAbsent: true })
    .then(({ object }) => object.modRevision);
}

async function remove(resources: ResourceStore, name: string): Promise<number> {
  return (await resources.delete(configMaps, { namespace: "ns", name })).object.modRevision;
}

t.test("the changes after a revision, past and live, once and in order", async (t) => {
  const { resources, close } = openFixture();
  const r1 = await put(resources, "a");
  const { resourceVersion } = await resources.list(configMaps);
  const r2 = await put(resources, "b");
  const r3 = await put(resources, "a", { v: "2" });
  const watch = Recorder.on(resources, configMaps, { resourceVersion });
  await watch.count(2);
  const r4 = await remove(resources, "b");
  await watch.count(3);
  t.strictSame(watch.lines, [`ADDED ns/b@${r2}`, `MODIFIED ns/a@${r3}`, `DELETED ns/b@${r4}`]);
  t.equal(
    utf8Text(watch.events[2]?.line() ?? utf8("")),
    `{"type":"DELETED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"${r4}","name":"b","namespace":"ns","labels":{}}}}\n`,
  );
  t.ok(watch.idles > 0);
  t.ok(r1 < r2);
  await close();
  t.strictSame(watch.ended, { kind: "closed" });
});

t.test("without a revision, or with 0, the state comes first", async (t) => {
  const { resources, close } = openFixture();
  const r1 = await put(resources, "b");
  const r2 = await put(resources, "a");
  for (const resourceVersion of [undefined, "", "0"]) {
    const watch = Recorder.on(resources, configMaps, { resourceVersion });
    await watch.count(2);
    t.strictSame(watch.lines, [`ADDED ns/a@${r2}`, `ADDED ns/b@${r1}`]);
    watch.subscription?.close();
  }
  const later = Recorder.on(resources, configMaps, { sendInitialEvents: false });
  await settle();
  const r3 = await put(resources, "c");
  await later.count(1);
  t.strictSame(later.lines, [`ADDED ns/c@${r3}`]);
  await close();
});

t.test("WatchList: the state, a bookmark that says so, then changes", async (t) => {
  const { resources, timers, close } = openFixture();
  const r1 = await put(resources, "a");
  const r2 = await put(resources, "b");
  const list = { sendInitialEvents: true, allowBookmarks: true };
  const watch = Recorder.on(resources, configMaps, list);
  await watch.count(3);
  const r3 = await put(resources, "c");
  await watch.count(4);
  t.strictSame(watch.lines, [`ADDED ns/a@${r1}`, `ADDED ns/b@${r2}`, `BOOKMARK @${r2} end`, `ADDED ns/c@${r3}`]);
  t.equal(
    utf8Text(watch.events[2]?.line() ?? utf8("")),
    `{"type":"BOOKMARK","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"${r2}","annotations":{"k8s.io/initial-events-end":"true"}}}}\n`,
  );
  const without = Recorder.on(resources, configMaps, { sendInitialEvents: true });
  await without.count(3);
  t.notOk(
    without.lines.some((line) => line.startsWith("BOOKMARK")),
    "no bookmark unless asked for",
  );
  const tooNew = Recorder.on(resources, configMaps, { ...list, resourceVersion: String(r3 + 5) });
  await timers.advance(3_000);
  t.match(await tooNew.finished(), { kind: "failed", error: { failure: { code: "tooLargeResourceVersion" } } });
  await close();
});

t.test("objects that enter and leave a selection are ADDED and DELETED", async (t) => {
  const { resources, close } = openFixture();
  const { resourceVersion } = await resources.list(configMaps);
  const r1 = await put(resources, "a", { w: "1" });
  const r2 = await put(resources, "a", { w: "2" });
  const r3 = await put(resources, "a", { w: "1", x: "1" });
  const r4 = await put(resources, "a", { w: "1" });
  const r5 = await remove(resources, "a");
  const expected = [
    `ADDED ns/a@${r1}`,
    `DELETED ns/a@${r2}`,
    `ADDED ns/a@${r3}`,
    `MODIFIED ns/a@${r4}`,
    `DELETED ns/a@${r5}`,
  ];
  const watch = Recorder.on(resources, configMaps, { resourceVersion, labelSelector: parseLabelSelector("w=1") });
  await watch.count(5);
  t.strictSame(watch.lines, expected);
  const left = watch.events[1];
  t.strictSame(left?.kind === "object" ? left.object.labels() : {}, { w: "1" }, "as it was while it matched");
  const other = Recorder.on(resources, configMaps, { resourceVersion, namespace: "elsewhere" });
  await settle();
  t.strictSame(other.lines, []);
  await close();
});

t.test("watchers by node, name and namespace get theirs and are not asked about others", async (t) => {
  const { resources, close } = openFixture();
  const { resourceVersion } = await resources.list(pods);
  let asked = 0;
  const node = (name: string) => {
    const selector = parseFieldSelector(`spec.nodeName=${name}`, ["spec.nodeName"]);
    const matches = (fields: Readonly<Record<string, string>>): boolean => {
      asked += 1;
      return selector.matches(fields);
    };
    return { ...selector, matches };
  };
  const kubelets = Array.from({ length: 1_000 }, (_, i) =>
    Recorder.on(resources, pods, { resourceVersion, fieldSelector: node(`n${i}`) }),
  );
  const unassigned = Recorder.on(resources, pods, { resourceVersion, fieldSelector: field("spec.nodeName", "") });
  const byName = Recorder.on(resources, pods, { resourceVersion, fieldSelector: field("metadata.name", "p1") });
  const byNamespace = Recorder.on(resources, pods, { resourceVersion, namespace: "other" });
  const all = Recorder.on(resources, pods, { resourceVersion });
  await settle();
  asked = 0;
  const key = { namespace: "ns", name: "p1" };
  const r1 = (await resources.create(pods, key, pod("ns", "p1", ""))).modRevision;
  const bind = (nodeName: string): Promise<number> =>
    resources
      .update(pods, key, () => ({ kind: "put", object: pod("ns", "p1", nodeName) }))
      .then(({ object }) => object.modRevision);
  const r2 = await bind("n7");
  const r3 = await bind("n8");
  const r4 = (await resources.create(pods, { namespace: "other", name: "p2" }, pod("other", "p2", "n9"))).modRevision;
  await all.count(4);
  await settle();
  t.strictSame(unassigned.lines, [`ADDED ns/p1@${r1}`, `DELETED ns/p1@${r2}`]);
  t.strictSame(kubelets[7]?.lines, [`ADDED ns/p1@${r2}`, `DELETED ns/p1@${r3}`]);
  t.strictSame(kubelets[8]?.lines, [`ADDED ns/p1@${r3}`]);
  t.strictSame(kubelets[9]?.lines, [`ADDED other/p2@${r4}`]);
  t.strictSame(byName.lines, [`ADDED ns/p1@${r1}`, `MODIFIED ns/p1@${r2}`, `MODIFIED ns/p1@${r3}`]);
  t.strictSame(byNamespace.lines, [`ADDED other/p2@${r4}`]);
  t.equal(kubelets.filter((one) => one.events.length > 0).length, 3);
  t.ok(asked <= 10, `${asked} matches for 4 changes and 1,000 kubelets`);
  const [first, second] = [kubelets[8]?.events[0], byName.events[2]];
  t.equal(
    first?.kind === "object" ? first.object : 1,
    second?.kind === "object" ? second.object : 2,
    "one object for all watchers",
  );
  await close();
});

t.test("bookmarks: twice a minute, before the timeout, never ahead of an event", async (t) => {
  const { store, resources, timers, close } = openFixture();
  await put(resources, "a");
  const { resourceVersion } = await resources.list(configMaps);
  const options = { resourceVersion, allowBookmarks: true, timeoutMs: 100_000 };
  const watch = Recorder.on(resources, configMaps, options);
  const silent = Recorder.on(resources, configMaps, { ...options, allowBookmarks: false });
  const slow = Recorder.on(resources, configMaps, options);
  await settle();
  slow.roomFor = 1;
  await timers.advance(30_000);
  t.strictSame(watch.lines, [], "nothing new to say");
  const { revision } = await store.put({ key: "/registry/other/x", value: utf8("1"), expectedModRevision: 0 });
  await timers.advance(30_000);
  t.strictSame(watch.lines, [`BOOKMARK @${revision}`], "changes of other resources move it on");
  const r2 = await put(resources, "b");
  await timers.advance(30_000);
  t.strictSame(watch.lines.slice(1), [`ADDED ns/b@${r2}`], "the event itself said it");
  const last = await store.put({ key: "/registry/other/y", value: utf8("1"), expectedModRevision: 0 });
  await timers.advance(10_000);
  t.strictSame(watch.lines.slice(2), [`BOOKMARK @${last.revision}`]);
  t.strictSame(watch.ended, { kind: "timeout" });
  t.strictSame(silent.lines, [`ADDED ns/b@${r2}`]);
  t.strictSame(slow.lines, [`BOOKMARK @${revision}`], "full: nothing more until it resumes");
  await close();
  t.equal(timers.waiting, 0);
});

t.test("a slow sink is waited for, up to the bound; then the watch ends, nothing is dropped silently", async (t) => {
  const { resources, close } = openFixture({ watchBufferEventsMax: 3 });
  const { resourceVersion } = await resources.list(configMaps);
  const watch = Recorder.on(resources, configMaps, { resourceVersion });
  await settle();
  watch.roomFor = 1;
  const revisions: number[] = [];
  for (const name of ["a", "b", "c", "d"]) revisions.push(await put(resources, name));
  t.equal(watch.events.length, 1);
  watch.roomFor = Infinity;
  watch.subscription?.resume();
  t.equal(watch.events.length, 4, "one delivered and three that waited");
  watch.roomFor = 1;
  for (const name of ["e", "f", "g", "h", "i"]) revisions.push(await put(resources, name));
  t.strictSame(await watch.finished(), { kind: "tooSlow" });
  const lastSeen = watch.events.at(-1);
  const again = Recorder.on(resources, configMaps, {
    resourceVersion: String(lastSeen?.kind === "object" ? lastSeen.object.modRevision : 0),
  });
  await again.count(4);
  const seen = [...watch.events, ...again.events].map((event) =>
    event.kind === "object" ? event.object.modRevision : 0,
  );
  t.strictSame(seen, revisions, "resumed without gap and duplicate");
  await close();
});

t.test("a large state comes in slices and bows to a full sink", async (t) => {
  const { resources, close } = openFixture();
  for (let i = 0; i < 1_200; i++)
    await resources.create(configMaps, { namespace: "ns", name: `n${i}` }, configMap("ns", `n${i}`));
  const watch = Recorder.on(resources, configMaps, { sendInitialEvents: true, allowBookmarks: true });
  watch.roomFor = 700;
  await watch.count(700);
  await settle();
  t.equal(watch.events.length, 700);
  const live = await put(resources, "live");
  watch.roomFor = Infinity;
  watch.subscription?.resume();
  await watch.count(1_202);
  t.match(watch.lines[1_200], / end$/);
  t.equal(watch.lines[1_201], `ADDED ns/live@${live}`);
  await close();
});

t.test("too old, malformed, from the future", async (t) => {
  const { store, resources, close } = openFixture();
  const r1 = await put(resources, "a");
  await put(resources, "b");
  const r3 = await put(resources, "c");
  await store.compact(r3);
  const fresh = openFixture().another({ store });
  const old = Recorder.on(fresh, configMaps, { resourceVersion: String(r1) });
  const end = await old.finished();
  t.match(end, {
    kind: "failed",
    error: { failure: { code: "expired", message: `too old resource version: ${r1} (${r3})` } },
  });
  const bad = Recorder.on(resources, configMaps, { resourceVersion: "x" });
  t.match(await bad.finished(), { kind: "failed", error: { failure: { code: "invalidResourceVersion" } } });
  const future = Recorder.on(resources, configMaps, { resourceVersion: String(r3 + 1) });
  await settle();
  await put(resources, "d");
  const r5 = await put(resources, "e");
  await future.count(1);
  t.strictSame(future.lines, [`ADDED ns/e@${r5}`], "what is not after the revision is not shown");
  await fresh.close();
  await close();
});

t.test("a watch from before this server began goes on from the store's history", async (t) => {
  const { resources, another, close } = openFixture();
  const { resourceVersion } = await resources.list(configMaps);
  const r1 = await put(resources, "a", { w: "1" });
  const r2 = await put(resources, "a", { w: "2" });
  const r3 = await remove(resources, "a");
  const restarted = another();
  await restarted.list(configMaps);
  const watchers = Array.from({ length: 20 }, (_, i) =>
    Recorder.on(restarted, configMaps, { resourceVersion: i % 2 === 0 ? resourceVersion : String(r1) }),
  );
  const selected = Recorder.on(restarted, configMaps, { resourceVersion, labelSelector: label("w", "1") });
  await Promise.all(watchers.map((one, i) => one.count(i % 2 === 0 ? 3 : 2)));
  await selected.count(2);
  const all = [`ADDED ns/a@${r1}`, `MODIFIED ns/a@${r2}`, `DELETED ns/a@${r3}`];
  for (const [i, one] of watchers.entries()) t.strictSame(one.lines, i % 2 === 0 ? all : all.slice(1));
  t.strictSame(selected.lines, [`ADDED ns/a@${r1}`, `DELETED ns/a@${r2}`]);
  await close();
});

t.test("the ring is bounded: behind it, the store's history; past its bound, 410", async (t) => {
  const ringLimits = { eventsMin: 2, eventsMax: 4, bytesMax: 1 << 20, freshMs: 0 };
  const { resources, close } = openFixture({ ringLimits });
  const { resourceVersion } = await resources.list(configMaps);
  const r1 = await put(resources, "a");
  const r2 = await put(resources, "b");
  const r3 = await put(resources, "c");
  const r4 = await put(resources, "d");
  const behind = Recorder.on(resources, configMaps, { resourceVersion });
  await behind.count(4);
  t.strictSame(behind.lines, [`ADDED ns/a@${r1}`, `ADDED ns/b@${r2}`, `ADDED ns/c@${r3}`, `ADDED ns/d@${r4}`]);
  await put(resources, "e");
  const tooFar = Recorder.on(resources, configMaps, { resourceVersion });
  t.match(await tooFar.finished(), { kind: "failed", error: { failure: { code: "expired" } } });
  await close();
});

t.test("a broken store watch is reopened without a gap; after compaction watchers get 410", async (t) => {
  const { store, timers, close, another } = openFixture();
  const broken: { handlers: StoreWatchHandlers; end(): void }[] = [];
  const breakable = new Proxy(store, {
    get(target, name) {
      if (name !== "watch") return (Reflect.get(target, name) as (...all: unknown[]) => unknown).bind(target);
      return (prefix: string, from: number, handlers: StoreWatchHandlers) => {
        const watch = store.watch(prefix, from, handlers);
        broken.push({ handlers, end: () => watch.close() });
        return watch;
      };
    },
  });
  const resources = another({ store: breakable });
  const healthy = another();
  await put(healthy, "a");
  const { resourceVersion } = await resources.list(configMaps);
  const watch = Recorder.on(resources, configMaps, { resourceVersion });
  await settle();
  const cut = (): void => {
    const last = broken.at(-1);
    last?.end();
    last?.handlers.onEnd({ code: "noLeader" });
  };
  cut();
  const r2 = await put(healthy, "b");
  const r3 = await put(healthy, "c");
  t.strictSame(watch.lines, []);
  await timers.advance(1_000);
  await watch.count(2);
  t.strictSame(watch.lines, [`ADDED ns/b@${r2}`, `ADDED ns/c@${r3}`]);
  t.equal(watch.ended, undefined);

  cut();
  await put(healthy, "d");
  await remove(healthy, "a");
  const now = await store.readBarrier();
  await store.compact(now);
  await timers.advance(1_000);
  t.match(await watch.finished(), {
    kind: "failed",
    error: { failure: { code: "expired", message: `too old resource version: ${r3} (${now})` } },
  });
  t.strictSame(names(await resources.list(configMaps)), ["ns/b", "ns/c", "ns/d"], "loaded again");
  const after = Recorder.on(resources, configMaps, { resourceVersion: String(now) });
  const r6 = await put(healthy, "e");
  await after.count(1);
  t.strictSame(after.lines, [`ADDED ns/e@${r6}`]);
  await close();
});

t.test("closing and aborting are silent; a closed server ends what comes later", async (t) => {
  const { resources, timers, close } = openFixture();
  await put(resources, "a");
  const aborter = new AbortController();
  const aborted = Recorder.on(resources, configMaps, { signal: aborter.signal });
  const closed = Recorder.on(resources, configMaps, {});
  await Promise.all([aborted.count(1), closed.count(1)]);
  aborter.abort();
  closed.subscription?.close();
  const early = Recorder.on(resources, configMaps, { signal: aborter.signal });
  await put(resources, "b");
  await settle();
  t.strictSame(
    [aborted, closed, early].map((one) => [one.events.length, one.ended]),
    [
      [1, undefined],
      [1, undefined],
      [0, undefined],
    ],
  );
  await resources.close();
  const late = Recorder.on(resources, configMaps, {});
  t.match(await late.finished(), { kind: "failed", error: { failure: { code: "unavailable" } } });
  t.equal(timers.waiting, 0);
  t.match(await failureOf(resources.list(configMaps)), { code: "unavailable" });
  await close();
});

t.test("a close in the middle of a first load ends", async (t) => {
  const { resources, close } = openFixture();
  void resources.list(configMaps).catch(() => undefined);
  let closed = false;
  void resources.close().then(() => (closed = true));
  await settle();
  t.ok(closed, "nothing follows a store that nobody wants any more");
  await close();
});

t.test("an object that can't be read ends the watches that would have to judge it", async (t) => {
  const { store, resources, close } = openFixture();
  const { resourceVersion } = await resources.list(configMaps);
  const watch = Recorder.on(resources, configMaps, { resourceVersion, labelSelector: label("a", "b") });
  await settle();
  await store.put({ key: "/registry/configmaps/ns/bad", value: utf8("{"), expectedModRevision: 0 });
  t.match(await watch.finished(), { kind: "failed", error: { failure: { code: "corrupt" } } });
  const again = Recorder.on(resources, configMaps, { resourceVersion, labelSelector: label("a", "b") });
  t.match(await again.finished(), { kind: "failed", error: { failure: { code: "corrupt" } } });
  await close();
});

t.test("a sink that throws loses its own watch, the others go on", async (t) => {
  const { resources, close } = openFixture();
  const { resourceVersion } = await resources.list(configMaps);
  const broken = Recorder.on(resources, configMaps, { resourceVersion });
  const other = Recorder.on(resources, configMaps, { resourceVersion });
  await settle();
  broken.event = () => {
    throw new Error("no such column");
  };
  const r1 = await put(resources, "a");
  const r2 = await put(resources, "b");
  const message = "an event can't be shown: no such column";
  t.match(await broken.finished(), { kind: "failed", error: { failure: { code: "unavailable", message } } });
  t.strictSame(other.lines, [`ADDED ns/a@${r1}`, `ADDED ns/b@${r2}`]);
  await close();
});
