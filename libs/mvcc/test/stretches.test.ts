// How long the event loop is held up, counted in work and not in time: rows read, keys looked at, and rows handed out
// between two pauses.
import t from "tap";
import { toByteString, utf8 } from "@triarch/base";
import { RangeResponse, SortOrder, SortTarget } from "@triarch/etcd-proto";
import { MemoryBackend, openMvccStore, type MvccStore, type Row } from "../src/index.ts";

/** Of one stretch: about 5 ms at 1 us for a key and 5 us for a row. */
const rowsMax = 1_000;
const keysMax = 11_000;

/** Counts what is done between two pauses, and keeps the most. */
class WorkMeter {
  rows = 0;
  keys = 0;
  longestRows = 0;
  longestKeys = 0;

  readonly pause = async (): Promise<void> => {
    this.turn();
    await Promise.resolve();
  };

  turn(): void {
    this.longestRows = Math.max(this.longestRows, this.rows);
    this.longestKeys = Math.max(this.longestKeys, this.keys);
    this.rows = 0;
    this.keys = 0;
  }

  /** What `run` does in its longest stretch. */
  async measure(run: () => Promise<unknown>): Promise<{ readonly rows: number; readonly keys: number }> {
    this.turn();
    this.longestRows = 0;
    this.longestKeys = 0;
    await run();
    this.turn();
    return { rows: this.longestRows, keys: this.longestKeys };
  }
}

class MeteredBackend extends MemoryBackend {
  meter: WorkMeter | undefined;

  override getSync(key: Uint8Array): Uint8Array | undefined {
    if (this.meter !== undefined) this.meter.rows += 1;
    return super.getSync(key);
  }

  override async *rows(): AsyncIterable<readonly Row[]> {
    for await (const batch of super.rows()) {
      if (this.meter !== undefined) this.meter.rows += batch.length;
      yield batch;
    }
  }
}

const leases = { has: () => true, attach: () => undefined, detach: () => undefined };

interface Metered {
  readonly store: MvccStore;
  readonly backend: MeteredBackend;
  readonly meter: WorkMeter;
}

async function metered(backend: MeteredBackend): Promise<Metered> {
  const meter = new WorkMeter();
  backend.meter = meter;
  const store = await openMvccStore({ backend, leases, pause: meter.pause });
  const { index } = store;
  const page = index.page.bind(index);
  index.page = (start, end) => {
    const found = page(start, end);
    meter.keys += found.length;
    return found;
  };
  return { store, backend, meter };
}

/** Everything is in the backend, nothing in memory but the index. */
async function filled(keys: number): Promise<MeteredBackend> {
  const backend = new MeteredBackend();
  const store = await openMvccStore({ backend, leases, pause: () => Promise.resolve() });
  for (let i = 0; i < keys; i++) {
    const { rows } = store.put({ key: utf8(`/k/${String(i).padStart(6, "0")}`), value: utf8(`${(i * 7919) % keys}`) });
    backend.write({ puts: rows });
  }
  return backend;
}

const everything = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1) };

t.setTimeout(60_000);

t.test("reads of 15,000 keys, hashing and opening stay within the bound", async (t) => {
  const backend = await filled(15_000);
  const { store, meter } = await metered(backend);
  const within = async (what: string, run: () => Promise<unknown>): Promise<void> => {
    const { rows, keys } = await meter.measure(run);
    t.ok(rows <= rowsMax && keys <= keysMax, `${what}: ${rows} rows, ${keys} keys`);
  };
  const ranges = {
    "a range": {},
    "a count": { countOnly: true },
    "keys only": { keysOnly: true },
    "a limit": { limit: 14_000 },
    "sorted by value": { sortTarget: SortTarget.value, sortOrder: SortOrder.descend },
    filtered: { minModRevision: 100 },
  };
  for (const [what, options] of Object.entries(ranges)) {
    await within(what, () => store.rangePaced({ ...everything, ...options }));
    await within(`${what}, encoded`, () => store.rangeEncoded({ ...everything, ...options }));
  }
  await within("HashKV", () => store.hashKv(0));
  await within("opening", () => openMvccStore({ backend, leases, pause: meter.pause }));
});

t.test("a range's encoded rows are the rows, from the backend and from memory", async (t) => {
  const { store } = await metered(await filled(2_000));
  for (let i = 0; i < 50; i++) store.put({ key: utf8(`/k/held-${i}`), value: new Uint8Array(i * 100) });
  const sort = { sortTarget: SortTarget.value, sortOrder: SortOrder.descend };
  const one = { key: utf8("/k/held-49"), rangeEnd: new Uint8Array(0) };
  const none = { key: utf8("/none"), rangeEnd: new Uint8Array(0) };
  for (const options of [
    {},
    { keysOnly: true },
    { limit: 7 },
    sort,
    { countOnly: true },
    { revision: 900 },
    one,
    none,
  ]) {
    const request = { ...everything, ...options };
    const plain = await store.rangePaced(request);
    const { header, rows, more, count } = await store.rangeEncoded(request);
    const decoded = RangeResponse.decode(Buffer.concat(rows));
    t.strictSame({ header, kvs: decoded.kvs, more, count }, plain, JSON.stringify(options));
  }
});

t.test("sorted in slices is sorted, ties in key order", async (t) => {
  const { store } = await metered(await filled(5_000));
  const sort = { ...everything, sortTarget: SortTarget.value, sortOrder: SortOrder.ascend };
  const { kvs } = await store.rangePaced(sort);
  const texts = kvs.map(({ value, key }) => `${toByteString(value)} ${toByteString(key)}`);
  t.strictSame(texts, [...texts].sort());
  t.equal(kvs.length, 5_000);
});

t.test("HashKV of rows that are in memory only is cut into slices, and is the same", async (t) => {
  const backend = new MeteredBackend();
  const { store, meter } = await metered(backend);
  const puts: Row[] = [];
  for (let i = 0; i < 5_000; i++) puts.push(...store.put({ key: utf8(`/k/${i % 1_000}`), value: utf8(`${i}`) }).rows);
  let pauses = 0;
  const { pause } = meter;
  const counting = await openMvccStore({ backend, leases, pause: () => ((pauses += 1), pause()) });
  for (let i = 0; i < 5_000; i++) counting.put({ key: utf8(`/k/${i % 1_000}`), value: utf8(`${i}`) });
  const inMemory = await counting.hashKv(0);
  t.ok(pauses >= 4, `${pauses} pauses`);
  backend.write({ puts });
  store.persisted(store.revision);
  t.equal((await store.hashKv(0)).hash, inMemory.hash);
});

t.test("a compaction step deletes a bounded number of rows, also of one key with a long history", async (t) => {
  const backend = new MeteredBackend();
  const { store } = await metered(backend);
  const write = (key: string): void => backend.write({ puts: store.put({ key: utf8(key), value: utf8("v") }).rows });
  for (let i = 0; i < 20_000; i++) write("/busy");
  for (let i = 0; i < 3_000; i++) write(`/k/${i % 1_500}`);
  for (let i = 0; i < 500; i++) {
    write("/comes-and-goes");
    backend.write({ puts: store.deleteRange({ key: utf8("/comes-and-goes") }).rows });
  }
  const twin = await openMvccStore({ backend, leases, pause: () => Promise.resolve() });
  store.compact(store.revision);
  let steps = 0;
  let deleted = 0;
  for (let step = store.compactionStep(); step !== undefined; step = store.compactionStep()) {
    steps += 1;
    deleted += step.deletes.length;
    if (step.deletes.length > 1_600) t.fail(`step ${steps} deletes ${step.deletes.length} rows`);
    backend.write({ deletes: step.deletes });
    if (step.finished) break;
  }
  t.ok(steps > 20, `${steps} steps`);
  // The last tombstone is at the compact revision itself and stays.
  t.equal(backend.size, 1 + 1_500 + 1, `${deleted} rows are gone`);
  twin.compact(twin.revision);
  t.equal((await store.hashKv(0)).hash, (await twin.hashKv(0)).hash, "as if it had gone in one step");
});
