// Random histories against the twin: reads at every revision, watches from every revision, compaction in the middle of
// its steps, persisting late, and reopening from the rows.
import fc from "fast-check";
import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import { RangeRequest, type Event } from "@triarch/etcd-proto";
import { MemoryBackend, openMvccStore, type Row } from "../src/index.ts";
import { Leases, outcome, pause } from "./support.ts";
import { covers, Twin } from "./twin.ts";

const key = fc.constantFrom("a", "aa", "ab", "b", "b/1", "b/2", "c").map(utf8);
const rangeEnd = fc.constantFrom("", "", "\0", "b", "b0", "c", "a").map(utf8);
const value = fc.constantFrom("", "x", "yy").map(utf8);
const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), key, value }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("delete" as const), key, rangeEnd }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("txn" as const), put: key, value, delete: key, rangeEnd }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("compact" as const), back: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("compactionStep" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("persist" as const), batches: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("watch" as const), key, rangeEnd, back: fc.nat(6) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("deliver" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("toggle" as const), watcher: fc.nat(5) }) },
);
const range = fc.record({
  key,
  rangeEnd,
  limit: fc.nat(3),
  back: fc.nat(8),
  sortOrder: fc.nat(2),
  sortTarget: fc.nat(4),
  keysOnly: fc.boolean(),
  countOnly: fc.boolean(),
  minModRevision: fc.constantFrom(0, 0, 3),
  maxCreateRevision: fc.constantFrom(0, 0, 5),
});

class CheckedWatcher {
  accepting = true;
  next: number;
  compacted = false;
  readonly range: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array };
  readonly #twin: Twin;
  resume: () => void = () => undefined;

  constructor(twin: Twin, range: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array }, next: number) {
    this.#twin = twin;
    this.range = range;
    this.next = next;
  }

  onEvents(events: readonly Event[]): boolean {
    if (!this.accepting) return false;
    const seen = events.map((event) => `${event.kv?.modRevision} ${event.type} ${utf8Text(event.kv?.key ?? utf8(""))}`);
    const last = events.at(-1)?.kv?.modRevision ?? 0;
    const expected = this.#changes(last);
    if (seen.toSorted().join() !== expected.toSorted().join()) {
      throw new Error(`watcher got [${seen.join()}], expected [${expected.join()}]`);
    }
    for (const event of events) this.#checkRows(event);
    this.next = last + 1;
    return true;
  }

  onProgress(revision: number): void {
    const missed = this.#changes(revision);
    if (missed.length > 0) throw new Error(`progress ${revision} is ahead of [${missed.join()}]`);
  }

  onCompacted(): void {
    this.compacted = true;
    if (this.next >= this.#twin.compactRevision) throw new Error("ended without need");
  }

  /** What the twin's states say changed from `next` to `last`. */
  #changes(last: number): string[] {
    const changes: string[] = [];
    for (let revision = Math.max(this.next, 2); revision <= last; revision++) {
      const [before, after] = [this.#twin.state(revision - 1), this.#twin.state(revision)];
      for (const name of new Set([...before.keys(), ...after.keys()])) {
        if (!covers(this.range, utf8(name))) continue;
        const row = after.get(name);
        if (row?.modRevision === revision) changes.push(`${revision} 0 ${name}`);
        const recreated = row?.createRevision === revision;
        if (before.has(name) && (row === undefined || recreated)) changes.push(`${revision} 1 ${name}`);
      }
    }
    return changes;
  }

  #checkRows(event: Event): void {
    const { kv, prevKv, type } = event;
    const revision = kv?.modRevision ?? 0;
    const name = utf8Text(kv?.key ?? utf8(""));
    const [before, after] = [this.#twin.state(revision - 1).get(name), this.#twin.state(revision).get(name)];
    if (type === 0 && JSON.stringify(show(kv)) !== JSON.stringify(show(after)))
      throw new Error(`wrong row for ${name}`);
    const mayMiss = revision - 1 < this.#twin.compactRevision && prevKv === undefined;
    const created = type === 0 && after?.createRevision === revision; // also one that its transaction had deleted
    if (!mayMiss && JSON.stringify(show(prevKv)) !== JSON.stringify(show(created ? undefined : before))) {
      throw new Error(`wrong previous row for ${name} at ${revision}`);
    }
  }
}

const show = (row: object | undefined): unknown =>
  row === undefined
    ? null
    : Object.entries(row)
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([name, field]) => [name, field instanceof Uint8Array ? [...field] : String(field)]);

t.test("random histories agree with the twin", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { maxLength: 100, size: "max" }),
      fc.array(range, { maxLength: 6 }),
      fc.constantFrom(0, 1, 1_000),
      async (commands, ranges, deliveredAtOnceMax) => {
        const backend = new MemoryBackend();
        const leases = new Leases();
        const twin = new Twin();
        const watchLimits = { backlogEntriesMax: 3, backlogRevisionsMax: 4, eventsPerCall: 2, deliveredAtOnceMax };
        let store = await openMvccStore({ backend, leases, pause, watchLimits });
        const unpersisted: { puts?: readonly Row[]; deletes?: readonly Uint8Array[]; revision: number }[] = [];
        let watchers: CheckedWatcher[] = [];
        let finished = -1;
        const persist = (batches = Infinity): void => {
          for (const batch of unpersisted.splice(0, batches)) {
            backend.write(batch);
            store.persisted(batch.revision);
          }
        };
        const write = (applied: { readonly rows: readonly Row[] }): void => {
          unpersisted.push({ puts: applied.rows, revision: store.revision });
        };
        const settle = (): void => {
          for (let slices = 0; store.catchUp(); slices++)
            if (slices > 1000) throw new Error("catching up does not end");
        };

        for (const step of commands) {
          switch (step.kind) {
            case "put":
              write(store.put({ key: step.key, value: step.value }));
              twin.write((draft) => draft.put(step.key, step.value));
              break;
            case "delete":
              write(store.deleteRange(step));
              twin.write((draft) => draft.delete(step));
              break;
            case "txn": {
              const success = [
                { requestDeleteRange: { key: step.delete, rangeEnd: step.rangeEnd } },
                { requestPut: { key: step.put, value: step.value } },
              ];
              const openEnd = step.rangeEnd[0] === 0; // etcd does not see these overlap
              const legal = openEnd || !covers({ key: step.delete, rangeEnd: step.rangeEnd }, step.put);
              if (legal) write(store.txn({ success }));
              else if (outcome(() => store.txn({ success })) !== "duplicateKey") throw new Error("overlap not seen");
              if (!legal) break;
              twin.write((draft) => {
                draft.delete({ key: step.delete, rangeEnd: step.rangeEnd });
                draft.put(step.put, step.value);
              });
              break;
            }
            case "compact": {
              const revision = twin.revision - step.back;
              const expected = revision <= twin.compactRevision ? "compacted" : "accepted";
              if (outcome(() => store.compact(revision)) !== expected) throw new Error(`compact ${revision}`);
              if (expected === "accepted") twin.compactRevision = revision;
              break;
            }
            case "compactionStep": {
              const plan = store.compactionStep();
              if (plan !== undefined) unpersisted.push({ deletes: plan.deletes, revision: 0 });
              if (plan?.finished === true) finished = plan.compactRevision;
              break;
            }
            case "persist":
              persist(step.batches);
              break;
            case "reopen":
              persist();
              store = await openMvccStore({
                backend,
                leases,
                pause,
                watchLimits,
                scheduledCompactRevision: twin.compactRevision,
                finishedCompactRevision: finished,
              });
              watchers = [];
              break;
            case "watch": {
              const empty =
                step.rangeEnd.length > 0 && step.rangeEnd[0] !== 0 && utf8Text(step.rangeEnd) <= utf8Text(step.key);
              if (empty) break;
              const start = Math.max(1, twin.revision - step.back);
              const watcher = new CheckedWatcher(twin, step, start);
              const watch = store.watch({ ...step, startRevision: start, prevKv: true }, watcher);
              watcher.resume = () => watch.resume();
              watchers.push(watcher);
              break;
            }
            case "deliver":
              store.deliverEvents();
              store.catchUp();
              break;
            case "toggle": {
              const watcher = watchers[step.watcher];
              if (watcher === undefined) break;
              watcher.accepting = !watcher.accepting;
              if (watcher.accepting) watcher.resume();
              break;
            }
          }
        }

        for (const watcher of watchers) {
          watcher.accepting = true;
          watcher.resume();
        }
        store.deliverEvents();
        settle();
        for (const watcher of watchers) if (!watcher.compacted) watcher.onProgress(twin.revision);

        for (const { back, ...rest } of ranges) {
          const request = RangeRequest.create({ ...rest, revision: Math.max(0, twin.revision + 1 - back) });
          const expected = twin.range(request);
          if (typeof expected === "string") {
            if (outcome(() => store.range(request)) !== expected) throw new Error(`range at ${request.revision}`);
            continue;
          }
          const { kvs, count, more } = store.range(request);
          const got = JSON.stringify({ kvs: kvs.map(show), count, more });
          const want = JSON.stringify({
            kvs: expected.kvs.map(show),
            count: expected.count,
            more: expected.more,
          });
          // Ties of a descending sort may come in either order.
          if (request.sortTarget === 0 || request.sortOrder !== 2) {
            if (got !== want) throw new Error(`range: got ${got}, expected ${want}`);
          }
        }
        const hash = await store.hashKv(0);
        persist();
        if ((await store.hashKv(0)).hash !== hash.hash) throw new Error("the hash depends on what is persisted");
      },
    ),
    { numRuns: 3000 },
  );
  t.pass("3000 histories");
});
