import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import { ResponseHeader, WatchRequest, WatchResponse, type Event, type WatchResponseInit } from "@triarch/etcd-proto";
import { MemoryBackend, openMvccStore, type MvccStore } from "@triarch/mvcc";
import { WatchStream } from "../src/watch-service.ts";

// One watch stream over a real MVCC store, with a client and a network that the test holds in its hand.

class Fixture {
  readonly store: MvccStore;
  readonly answers: WatchResponse[] = [];
  readonly stream: WatchStream;
  /** Answers that fit until the client is slow; each send after that says "hold back". */
  room = Infinity;
  nowMs = 0;
  /** How often the stream has asked for the time. */
  looks = 0;
  reading = true;
  ended = false;
  #drained: () => void = () => undefined;

  constructor(store: MvccStore) {
    this.store = store;
    this.stream = new WatchStream(
      {
        server: {
          header: () => ResponseHeader.create({ clusterId: 1n, memberId: 2n, revision: store.revision }),
          mayWatch: () => undefined,
          watch: (request, sink) => store.watch(request, sink),
        },
        progressNotifyIntervalMs: 100,
        nowMs: () => {
          this.looks += 1;
          return this.nowMs;
        },
      },
      {
        send: (response: WatchResponseInit) => {
          this.answers.push(WatchResponse.decode(WatchResponse.encode(response)));
          this.room -= 1;
          return this.room > 0;
        },
        onDrain: (handler) => (this.#drained = handler),
      },
      { end: () => (this.ended = true), resume: () => (this.reading = true) },
    );
  }

  static async open(t: { teardown: (end: () => unknown) => void }): Promise<Fixture> {
    const store = await openMvccStore({
      backend: new MemoryBackend(),
      leases: { has: () => false, attach: () => undefined, detach: () => undefined },
      pause: () => Promise.resolve(),
    });
    const fixture = new Fixture(store);
    t.teardown(() => fixture.stream.onClose());
    return fixture;
  }

  send(request: Parameters<typeof WatchRequest.create>[0]): void {
    this.reading = this.stream.onMessage(WatchRequest.create(request));
  }

  /** Applies and delivers at once, as the store does with a committed entry. */
  put(key: string, value = "v"): number {
    this.store.put({ key: utf8(key), value: utf8(value) });
    this.store.deliverEvents();
    return this.store.revision;
  }

  del(key: string): void {
    this.store.deleteRange({ key: utf8(key) });
    this.store.deliverEvents();
  }

  catchUp(): void {
    while (this.store.catchUp());
  }

  drain(): void {
    this.room = Infinity;
    this.#drained();
    this.catchUp();
  }

  /** What was answered since the last look. */
  take(): WatchResponse[] {
    return this.answers.splice(0);
  }
}

const eventText = ({ type, kv, prevKv }: Event): string =>
  [
    type === 1 ? "del" : "put",
    utf8Text(kv?.key ?? utf8("")),
    utf8Text(kv?.value ?? utf8("")),
    prevKv === undefined ? "" : `was ${utf8Text(prevKv.value)}`,
  ]
    .join(" ")
    .trim();
const texts = (answers: readonly WatchResponse[]): string[] => answers.flatMap((each) => each.events.map(eventText));
const all = { key: utf8("\0"), rangeEnd: utf8("\0") };

t.test("created goes before the events; what was there before on request; filters", async (t) => {
  const f = await Fixture.open(t);
  f.put("a", "1");
  f.send({ createRequest: { ...all, prevKv: true, startRevision: 2 } });
  f.send({ createRequest: { key: utf8("a"), filters: [0] } });
  f.send({ createRequest: { key: utf8("a"), filters: [1] } });
  t.match(
    f.take(),
    [0, 1, 2].map((watchId) => ({ watchId, created: true, events: [], header: { revision: 2 } })),
  );
  f.catchUp();
  f.put("a", "2");
  f.del("a");
  const answers = f.take();
  const of = (id: number): string[] => texts(answers.filter(({ watchId }) => watchId === id));
  t.strictSame(of(0), ["put a 1", "put a 2 was 1", "del a  was 2"]);
  t.strictSame(of(1), ["del a"]);
  t.strictSame(of(2), ["put a 2"]);
});

t.test("ids: chosen by the client, by the server around those, used twice, cancelled and used again", async (t) => {
  const f = await Fixture.open(t);
  for (const watchId of [1, 0, 0, 1]) f.send({ createRequest: { ...all, watchId } });
  t.match(f.take(), [
    { watchId: 1, created: true, canceled: false },
    { watchId: 0, created: true },
    { watchId: 2, created: true },
    {
      watchId: -1,
      created: true,
      canceled: true,
      cancelReason: "mvcc: duplicate watch ID provided on the WatchStream",
    },
  ]);
  f.send({ cancelRequest: { watchId: 7 } });
  t.same(f.take(), [], "an unknown id is not answered");
  f.send({ cancelRequest: { watchId: 1 } });
  t.match(f.take(), [{ watchId: 1, canceled: true, created: false, cancelReason: "" }]);
  f.put("a");
  t.strictSame(
    f.take().map(({ watchId }) => watchId),
    [0, 2],
  );
  f.send({ createRequest: { ...all, watchId: 1 } });
  t.match(f.take(), [{ watchId: 1, created: true, canceled: false }]);
});

t.test("ranges over nothing, starts before the compact revision and below zero are refused", async (t) => {
  const f = await Fixture.open(t);
  f.send({ createRequest: { key: utf8("b"), rangeEnd: utf8("a") } });
  f.send({ createRequest: { ...all, startRevision: -1 } });
  t.match(f.take(), [
    { watchId: -1, created: true, canceled: true, cancelReason: "mvcc: watcher range is empty" },
    {
      watchId: -1,
      created: true,
      canceled: true,
      cancelReason: "etcdserver: mvcc: required revision has been compacted",
    },
  ]);
  for (let i = 0; i < 5; i++) f.put("a");
  f.store.compact(5);
  f.send({ createRequest: { ...all, startRevision: 3 } });
  f.send({ progressRequest: {} });
  t.match(f.take(), [{ watchId: 0, created: true, canceled: false }]);
  f.catchUp();
  const [cancelled, progress, ...more] = f.take();
  t.match(cancelled, { watchId: 0, canceled: true, compactRevision: 5, cancelReason: "", header: { revision: 0 } });
  t.match(progress, { watchId: -1, header: { revision: 6 } }, "nothing is behind any more");
  t.same(more, []);
});

t.test("a progress request is answered once, when every watcher is synced, behind its events", async (t) => {
  const f = await Fixture.open(t);
  f.send({ progressRequest: {} });
  t.match(f.take(), [{ watchId: -1, header: { revision: 1 } }]);
  for (let i = 0; i < 10; i++) f.put("a", `${i}`);
  f.send({ createRequest: all });
  f.send({ createRequest: { ...all, startRevision: 2 } });
  f.take();
  f.send({ progressRequest: {} });
  f.send({ progressRequest: {} });
  f.put("a", "live");
  t.notOk(
    f.answers.some(({ watchId }) => watchId === -1),
    "one watcher is still behind",
  );
  f.catchUp();
  const answers = f.take();
  t.equal(answers.filter(({ watchId }) => watchId === -1).length, 1);
  t.match(answers.at(-1), { watchId: -1, header: { revision: 12 } });
  t.equal(texts(answers).length, 1 + 11);
  f.put("a");
  t.equal(f.take().filter(({ watchId }) => watchId === -1).length, 0, "asked once, answered once");
});

t.test("progress never comes before a watch's start", async (t) => {
  const f = await Fixture.open(t);
  f.send({ createRequest: { ...all, startRevision: 3 } });
  f.send({ progressRequest: {} });
  t.match(f.take(), [{ created: true }], "revision 1 would send the client back");
  f.put("a");
  t.match(f.take(), [{ watchId: -1, header: { revision: 2 } }]);
  f.put("a", "seen");
  t.strictSame(texts(f.take()), ["put a seen"]);
});

t.test("a slow client: held back, nothing lost, nothing twice, its requests wait too", async (t) => {
  const f = await Fixture.open(t);
  f.send({ createRequest: { ...all, prevKv: true } });
  f.send({ createRequest: { key: utf8("k3") } });
  t.equal(f.reading, true);
  f.take();
  f.room = 3;
  for (let i = 0; i < 50; i++) f.put(`k${i}`, `${i}`);
  t.ok(f.answers.length <= 4, `${f.answers.length} answers went out although the client is slow`);
  f.send({ progressRequest: {} });
  t.equal(f.reading, false);
  t.notOk(f.answers.some(({ watchId }) => watchId === -1));
  f.catchUp();
  t.ok(f.answers.length <= 4, "catching up does not push either");
  f.drain();
  t.equal(f.reading, true);
  const answers = f.take();
  t.strictSame(
    texts(answers.filter(({ watchId }) => watchId === 0)),
    Array.from({ length: 50 }, (_, i) => `put k${i} ${i}`),
  );
  t.strictSame(texts(answers.filter(({ watchId }) => watchId === 1)), ["put k3 3"]);
  t.match(answers.at(-1), { watchId: -1, header: { revision: 51 } });
});

t.test(
  "a progress request of a client that was slow but has missed nothing is answered when it reads on",
  async (t) => {
    const f = await Fixture.open(t);
    f.room = 1;
    f.send({ createRequest: all });
    f.send({ progressRequest: {} });
    t.match(f.take(), [{ created: true }]);
    f.drain();
    t.match(f.take(), [{ watchId: -1, header: { revision: 1 } }]);
  },
);

t.test("events of one revision stay together, and are split only for a client that takes fragments", async (t) => {
  const f = await Fixture.open(t);
  f.send({ createRequest: all });
  f.send({ createRequest: { ...all, fragment: true } });
  f.take();
  const value = new Uint8Array(600_000);
  f.store.txn({ success: ["a", "b", "c", "d", "e"].map((key) => ({ requestPut: { key: utf8(key), value } })) });
  f.store.deliverEvents();
  const answers = f.take();
  const shape = (id: number): (readonly [number, boolean])[] =>
    answers.filter(({ watchId }) => watchId === id).map(({ events, fragment }) => [events.length, fragment] as const);
  t.strictSame(shape(0), [[5, false]]);
  t.strictSame(shape(1), [
    [2, true],
    [2, true],
    [1, false],
  ]);
});

t.test("progress notices go to idle watchers that asked for them", async (t) => {
  const f = await Fixture.open(t);
  f.send({ createRequest: { ...all, progressNotify: true } });
  f.send({ createRequest: all });
  f.put("a");
  f.take();
  f.nowMs = 99;
  for (const { looks } = f; f.looks < looks + 2;) await nextTurn();
  t.same(f.take(), [], "looked at, and too early");
  f.nowMs = 101;
  while (f.answers.length === 0) await nextTurn();
  t.match(f.take(), [{ watchId: 0, created: false, canceled: false, events: [], header: { revision: 2 } }]);
});

t.test("a client that ends its side listens on, until it is gone", async (t) => {
  const f = await Fixture.open(t);
  f.send({ createRequest: all });
  f.stream.onHalfClose();
  f.take();
  f.put("a");
  t.match(f.take(), [{ watchId: 0, events: [{}] }]);
  t.equal(f.ended, false);
  f.stream.onClose();
  t.equal(f.store.watcherCount, 0);
});
