import t from "tap";
import { utf8 } from "@triarch/base";
import { KeyValue } from "@triarch/etcd-proto";
import { encodeRevisionKey, MemoryBackend, openMvccStore, RestoreError, decodeRevisionKey } from "../src/index.ts";
import { fixture, Leases, pause, put, text } from "./support.ts";

t.test("revision keys are etcd's bytes", async (t) => {
  t.same([...encodeRevisionKey(2 ** 40 + 5, 258)], [0, 0, 1, 0, 0, 0, 0, 5, 0x5f, 0, 0, 0, 0, 0, 0, 1, 2]);
  t.equal(encodeRevisionKey(1, 0, true)[17], 0x74);
  for (const main of [0, 1, 255, 256, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    t.same(decodeRevisionKey(encodeRevisionKey(main, 3)), { main, sub: 3, tombstone: false });
  }
  t.equal(decodeRevisionKey(utf8("not a revision")), undefined);
  t.equal(decodeRevisionKey(new Uint8Array(17)), undefined);
});

t.test("leases are attached to living keys again", async (t) => {
  const { store, leases, backend, apply } = await fixture();
  leases.granted.add(7n);
  apply(store.put({ key: utf8("a"), lease: 7n }));
  apply(store.put({ key: utf8("b"), lease: 7n }));
  apply(store.put({ key: utf8("b") }));
  apply(store.put({ key: utf8("c"), lease: 7n }));
  apply(store.deleteRange({ key: utf8("c") }));
  const restored = new Leases();
  restored.granted.add(7n);
  const reopened = await openMvccStore({ backend, leases: restored, pause });
  t.same([...restored.keys], [["a", 7n]]);
  t.equal(text(reopened.range({ key: utf8("b") }).kvs[0]), "b= c3 m4 v2");
  t.equal(reopened.revision, 6);
});

t.test("a lost batch of rows is noticed; rows removed by a compaction are not missed", async (t) => {
  const { store, backend, apply } = await fixture();
  for (const key of ["a", "b", "a", "c"]) apply(store.put({ key: utf8(key) }));
  const reopen = (compacted?: number): Promise<unknown> =>
    openMvccStore({
      backend,
      leases: new Leases(),
      pause,
      scheduledCompactRevision: compacted,
      finishedCompactRevision: compacted,
    });
  backend.write({ deletes: [encodeRevisionKey(2, 0), encodeRevisionKey(3, 0)] });
  await t.resolves(reopen(4), "the compaction at 4 may have removed them");
  const failureOf = (run: Promise<unknown>): Promise<unknown> =>
    run.then(
      () => "opened",
      (error: unknown) => (error instanceof RestoreError ? error.failure : error),
    );
  t.same(await failureOf(reopen()), { code: "missingRevisions", after: 1, found: 4 });
  t.same(await failureOf(reopen(2)), { code: "missingRevisions", after: 2, found: 4 });
  const broken = new MemoryBackend();
  broken.write({ puts: [{ key: utf8("x"), value: KeyValue.encode({ key: utf8("x") }) }] });
  await t.rejects(openMvccStore({ backend: broken, leases: new Leases(), pause }), RestoreError);
});

t.test("a store whose rows were all compacted keeps its revision", async (t) => {
  const { store, backend } = await fixture();
  put(store, "a");
  const reopened = await openMvccStore({
    backend,
    leases: new Leases(),
    pause,
    scheduledCompactRevision: 90,
    finishedCompactRevision: 90,
  });
  t.equal(reopened.revision, 90);
  t.equal(put(reopened, "a"), 91);
});

t.test("an interrupted compaction goes on", async (t) => {
  const { store, backend, apply } = await fixture();
  for (let i = 0; i < 5; i++) apply(store.put({ key: utf8("a") }));
  const reopened = await openMvccStore({
    backend,
    leases: new Leases(),
    pause,
    scheduledCompactRevision: 5,
    finishedCompactRevision: undefined,
  });
  t.equal(reopened.compactRevision, 5);
  const step = reopened.compactionStep();
  t.equal(step?.deletes.length, 3);
  t.equal(step?.finished, true);
});
