// The rules of etcd's KV API that are commonly got wrong, one by one.
import t from "tap";
import { utf8 } from "@triarch/base";
import type { CompareInit, RequestOpInit } from "@triarch/etcd-proto";
import { MvccError, isReadOnlyTxn, type MvccStore } from "../src/index.ts";
import { TxnRequest } from "@triarch/etcd-proto";
import { compactFully, del, fixture, outcome, put, text } from "./support.ts";

const b = utf8;
const all = { key: b("\0"), rangeEnd: b("\0") };
const keys = (store: MvccStore, request: Parameters<MvccStore["range"]>[0]): string =>
  store.range(request).kvs.map(text).join(", ");
const putOp = (key: string, value = "v"): RequestOpInit => ({ requestPut: { key: b(key), value: b(value) } });
const getOp = (key: string, revision = 0): RequestOpInit => ({ requestRange: { key: b(key), revision } });
const delOp = (key: string, rangeEnd = ""): RequestOpInit => ({
  requestDeleteRange: { key: b(key), rangeEnd: b(rangeEnd) },
});

t.test("revisions: a new store is at 1, the first write is 2, nothing deleted changes nothing", async (t) => {
  const { store } = await fixture();
  t.equal(store.revision, 1);
  t.equal(put(store, "a"), 2);
  t.equal(del(store, "nothing"), 0);
  t.equal(store.deleteRange({ key: b("nothing") }).response.header?.revision, 2);
  t.equal(store.revision, 2);
  t.equal(del(store, "a"), 1);
  t.equal(put(store, "a", "again"), 4);
  t.equal(text(store.range({ key: b("a") }).kvs[0]), "a=again c4 m4 v1", "a new generation");
  t.equal(put(store, "a", "twice"), 5);
  t.equal(text(store.range({ key: b("a") }).kvs[0]), "a=twice c4 m5 v2");
  t.equal(text(store.range({ key: b("a"), revision: 2 }).kvs[0]), "a=v c2 m2 v1");
  t.equal(store.range({ key: b("a"), revision: 3 }).count, 0, "deleted at 3");
  t.equal(store.range({ key: b("a"), revision: 2 }).header?.revision, 5, "the header has the current revision");
});

t.test("range: ends, limit, count, filters, sort", async (t) => {
  const { store } = await fixture();
  for (const key of ["a", "aa", "ab", "b", "\u00ff"]) put(store, key, key === "b" ? "0" : "v");
  put(store, "aa", "w");
  t.equal(store.range({ key: b("a"), rangeEnd: b("b") }).count, 3, "a prefix");
  t.equal(store.range({ key: b("ab"), rangeEnd: b("\0") }).count, 3, "from a key on");
  t.equal(store.range(all).count, 5);
  t.equal(store.range({ key: b("b"), rangeEnd: b("a") }).count, 0);
  const limited = store.range({ ...all, limit: 2 });
  t.same([limited.kvs.length, limited.count, limited.more], [2, 5, true]);
  t.equal(store.range({ ...all, limit: 5 }).more, false);
  const filtered = store.range({ ...all, minModRevision: 5, limit: 1 });
  t.same(
    [keys(store, { ...all, minModRevision: 5, limit: 1 }), filtered.count, filtered.more],
    ["aa=w c3 m7 v2", 5, true],
  );
  t.equal(store.range({ ...all, maxCreateRevision: 3 }).kvs.length, 2);
  t.match(keys(store, { ...all, sortTarget: 3 }), /^a=v.*aa=w c3 m7 v2$/, "another target than key means ascending");
  t.match(keys(store, { ...all, sortTarget: 4 }), /^b=0/);
  t.match(keys(store, { ...all, sortOrder: 2, limit: 1 }), /^\u00ff=v/);
  const counted = store.range({ ...all, countOnly: true });
  t.same([counted.kvs.length, counted.count, counted.more], [0, 5, false]);
  t.equal(keys(store, { key: b("aa"), keysOnly: true }), "aa= c3 m7 v2");
  t.equal(
    outcome(() => store.range({ ...all, sortOrder: 9 })),
    "invalidSortOption",
  );
  t.equal(
    outcome(() => store.range({ key: b("") })),
    "emptyKey",
  );
  t.equal(
    outcome(() => store.range({ key: b("a"), revision: 100 })),
    "futureRevision",
  );
});

t.test("put: ignore_value, ignore_lease, prev_kv, leases", async (t) => {
  const { store, leases } = await fixture();
  leases.granted.add(7n);
  t.equal(
    outcome(() => store.put({ key: b("a"), ignoreValue: true })),
    "keyNotFound",
  );
  t.equal(
    outcome(() => store.put({ key: b("a"), ignoreValue: true, value: b("x") })),
    "valueProvided",
  );
  t.equal(
    outcome(() => store.put({ key: b("a"), ignoreLease: true, lease: 7n })),
    "leaseProvided",
  );
  t.equal(
    outcome(() => store.put({ key: b("a"), lease: 8n })),
    "leaseNotFound",
  );
  t.equal(store.revision, 1, "nothing changed");
  t.equal(store.put({ key: b("a"), value: b("1"), lease: 7n, prevKv: true }).response.prevKv, undefined);
  t.equal(leases.keys.get("a"), 7n);
  const kept = store.put({ key: b("a"), value: b("2"), ignoreLease: true, prevKv: true });
  t.equal(text(kept.response.prevKv), "a=1 c2 m2 v1 l7");
  t.equal(leases.keys.get("a"), 7n);
  store.put({ key: b("a"), ignoreValue: true });
  t.equal(text(store.range({ key: b("a") }).kvs[0]), "a=2 c2 m4 v3", "a put without lease detaches");
  t.equal(leases.keys.has("a"), false);
  put(store, "a", "3", 7n);
  del(store, "a");
  t.equal(leases.keys.has("a"), false);
});

t.test("conditions", async (t) => {
  const { store, leases } = await fixture();
  leases.granted.add(7n);
  put(store, "k/1", "m", 7n);
  put(store, "k/2", "n");
  put(store, "k/2", "n");
  const [version, create, mod, value, lease] = [0, 1, 2, 3, 4];
  const [equal, greater, less, notEqual] = [0, 1, 2, 3];
  const cases: readonly [CompareInit, boolean][] = [
    [{ key: b("k/1"), target: version, version: 1 }, true],
    [{ key: b("k/2"), target: version, version: 1, result: greater }, true],
    [{ key: b("k/1"), target: create, createRevision: 2 }, true],
    [{ key: b("k/2"), target: mod, modRevision: 4, result: less }, false],
    [{ key: b("k/1"), target: value, value: b("l"), result: greater }, true],
    [{ key: b("k/1"), target: lease, lease: 7n }, true],
    [{ key: b("k/2"), target: lease, lease: 7n, result: notEqual }, true],
    [{ key: b("none"), target: mod, modRevision: 0 }, true],
    [{ key: b("none"), target: create }, true],
    [{ key: b("none"), target: version, result: notEqual }, false],
    [{ key: b("none"), target: value, value: b("x"), result: notEqual }, false],
    [{ key: b("none"), target: value, result: equal }, false],
    [{ key: b("k/"), rangeEnd: b("k0"), target: version, version: 0, result: greater }, true],
    [{ key: b("k/"), rangeEnd: b("k0"), target: version, version: 1 }, false],
    [{ key: b("x"), rangeEnd: b("y"), target: version, version: 0 }, true],
    [{ key: b("x"), rangeEnd: b("y"), target: value, result: notEqual }, false],
  ];
  cases.forEach(([compare, expected], i) => {
    t.equal(store.txn({ compare: [compare] }).response.succeeded, expected, `case ${i}`);
  });
  t.equal(store.revision, 4);
});

t.test("a transaction: one revision, reads see earlier writes, nested conditions are decided first", async (t) => {
  const { store } = await fixture();
  put(store, "a", "1");
  const { response, rows } = store.txn({
    success: [
      putOp("b", "2"),
      getOp("b"),
      delOp("a"),
      {
        requestTxn: {
          compare: [{ key: b("b"), target: 2, modRevision: 0 }],
          success: [putOp("c", "seen as before")],
          failure: [putOp("c", "seen as after")],
        },
      },
      { requestRange: all },
    ],
  });
  t.equal(response.header?.revision, 3);
  t.equal(text(response.responses[1]?.responseRange?.kvs[0]), "b=2 c3 m3 v1");
  t.equal(response.responses[2]?.responseDeleteRange?.deleted, 1);
  t.equal(response.responses[3]?.responseTxn?.succeeded, true);
  t.equal(response.responses[4]?.responseRange?.kvs.map(text).join(), "b=2 c3 m3 v1,c=seen as before c3 m3 v1");
  t.same(
    rows.map((row) => [row.key.length, row.key[16]]),
    [
      [17, 0],
      [18, 1],
      [17, 2],
    ],
  );
  t.equal(store.txn({ success: [getOp("a")] }).response.header?.revision, 3, "only reads: no new revision");
});

t.test("a transaction is refused before any effect", async (t) => {
  const { store } = await fixture();
  put(store, "a");
  put(store, "a");
  store.compact(3);
  const refused: readonly [string, readonly RequestOpInit[]][] = [
    ["duplicateKey", [putOp("x"), putOp("x")]],
    ["duplicateKey", [putOp("x"), delOp("a", "z")]],
    ["duplicateKey", [putOp("x"), { requestTxn: { success: [putOp("x")] } }]],
    ["duplicateKey", [delOp("x"), { requestTxn: { failure: [putOp("x")] } }]],
    ["duplicateKey", [putOp("x"), { requestTxn: { success: [delOp("w", "y")] } }]],
    ["duplicateKey", [{ requestTxn: { success: [putOp("x")] } }, { requestTxn: { failure: [putOp("x")] } }]],
    ["keyNotFound", [putOp("x"), {}]],
    ["keyNotFound", [putOp("x"), { requestPut: { key: b("none"), ignoreValue: true } }]],
    ["leaseNotFound", [putOp("x"), { requestPut: { key: b("y"), lease: 99n } }]],
    ["futureRevision", [putOp("x"), getOp("a", 4)]],
    ["compacted", [putOp("x"), getOp("a", 2)]],
    ["tooManyOps", Array.from({ length: 129 }, (_, i) => putOp(`k${i}`))],
    ["tooManyOps", [putOp("x"), { requestTxn: { success: Array.from({ length: 127 }, () => getOp("a")) } }]],
    ["emptyKey", [putOp("")]],
  ];
  for (const [code, success] of refused)
    t.equal(
      outcome(() => store.txn({ success })),
      code,
    );
  t.equal(
    outcome(() => store.txn({ compare: [{ key: b("") }] })),
    "emptyKey",
  );
  t.equal(store.revision, 3);
  t.equal(store.range({ key: b("x") }).count, 0);
  const allowed: readonly (readonly RequestOpInit[])[] = [
    [delOp("a", "z"), delOp("a")],
    [{ requestTxn: { success: [putOp("x")], failure: [putOp("x")] } }],
    [putOp("y"), { requestTxn: { success: Array.from({ length: 126 }, () => getOp("a")) } }],
  ];
  for (const success of allowed)
    t.equal(
      outcome(() => store.txn({ success, failure: success })),
      "accepted",
    );
  t.equal(isReadOnlyTxn(TxnRequest.create({ success: [getOp("a")] })), true);
  t.equal(isReadOnlyTxn(TxnRequest.create({ success: [getOp("a")], failure: [delOp("a")] })), false);
});

t.test("compaction: moves at once, keeps what its revision shows, deletes in steps", async (t) => {
  const { store, backend, apply } = await fixture();
  apply(store.put({ key: b("a"), value: b("1") })); // 2
  apply(store.put({ key: b("a"), value: b("2") })); // 3
  apply(store.put({ key: b("gone") })); // 4
  apply(store.deleteRange({ key: b("gone") })); // 5
  apply(store.put({ key: b("tomb") })); // 6
  apply(store.deleteRange({ key: b("tomb") })); // 7
  apply(store.put({ key: b("a"), value: b("3") })); // 8
  t.equal(
    outcome(() => store.compact(9)),
    "futureRevision",
  );
  store.compact(7);
  t.equal(
    outcome(() => store.compact(7)),
    "compacted",
  );
  t.equal(
    outcome(() => store.range({ key: b("a"), revision: 6 })),
    "compacted",
    "before any row is deleted",
  );
  t.equal(keys(store, { ...all, revision: 7 }), "a=2 c2 m3 v2", "the compact revision itself is readable");
  compactFully(store, backend);
  t.equal(keys(store, { ...all, revision: 7 }), "a=2 c2 m3 v2");
  t.equal(backend.size, 3, "3/a, the tombstone at 7, and 8/a");
  t.equal(store.keyCount, 2);
  t.equal(store.compactionStep(), undefined);
  store.compact(8);
  compactFully(store, backend);
  t.equal(backend.size, 1);
  t.equal(keys(store, all), "a=3 c2 m8 v3");
});

t.test("errors are values with a code, etcd's text and a gRPC status", async (t) => {
  const error = new MvccError({ code: "duplicateKey" });
  t.equal(error.message, "etcdserver: duplicate key given in txn request");
  t.equal(error.grpcStatus, 3);
});
