// The same random requests to a real etcd and to the store: equal answers, equal refusals, equal HashKV.
// Known difference: keys_only answers have no lease here, as in etcd 3.7; the keys used here have none.
import t from "tap";
import { seededRng, utf8, utf8Text, type Rng } from "@triarch/base";
import type {
  CompareInit,
  KeyValue,
  RangeResponse,
  RequestOpInit,
  TxnRequestInit,
  TxnResponse,
} from "@triarch/etcd-proto";
import { MvccError } from "../src/index.ts";
import { etcdPath, hasEtcd, startEtcd } from "./etcd-process.ts";
import { compactFully, fixture } from "./support.ts";

const seed = Number(process.env["SEED"] ?? 20261121);
const requests = 1500;

t.test("random requests", { skip: hasEtcd ? false : `${etcdPath} is not installed` }, async (t) => {
  const etcd = await startEtcd();
  t.teardown(() => etcd.close());
  const { store, backend, apply } = await fixture();
  const rng = seededRng(seed);

  for (let i = 0; i < requests; i++) {
    const [path, body, answer] = nextRequest(rng, store.revision);
    const expected = describeEtcd(await etcd.call(path, toJson(body)));
    const got = describe(() => answer());
    if (got !== expected) {
      t.equal(got, expected, `seed ${seed}, request ${i}: ${path} ${JSON.stringify(toJson(body))}`);
      break;
    }
    // With no key alive etcd hashes every row it has, and 3.4 drops a tombstone at the compact revision; we keep it, as 3.5.16.
    const alive = store.range({ key: utf8("\0"), rangeEnd: utf8("\0"), countOnly: true }).count > 0;
    if (i % 100 === 99 && alive) {
      const { hash, compactRevision } = await store.hashKv(0);
      t.same({ hash, compactRevision }, await etcd.hashKv(), `hash after ${i + 1} requests`);
    }
  }
  t.ok(store.revision > requests / 4, `the store came to revision ${store.revision}`);

  function nextRequest(rng: Rng, revision: number): [string, object, () => object] {
    const kind = rng.int(100);
    if (kind < 30) {
      const request = randomPut(rng);
      return ["kv/put", request, () => apply(store.put(request))];
    }
    if (kind < 40) {
      const request = { ...randomRange(rng), prevKv: rng.int(2) === 0 };
      return ["kv/deleterange", request, () => apply(store.deleteRange(request))];
    }
    if (kind < 65) {
      const request = randomRead(rng, revision);
      return ["kv/range", request, () => store.range(request)];
    }
    if (kind < 97) {
      const request = randomTxn(rng, revision, 2);
      return ["kv/txn", request, () => apply(store.txn(request))];
    }
    const request = { revision: revision - rng.int(12) + 1, physical: true };
    const compact = (): object => {
      store.compact(request.revision);
      compactFully(store, backend);
      return { header: { revision: store.revision } };
    };
    return ["kv/compaction", request, compact];
  }
});

const names = ["a", "aa", "ab", "b", "b/1", "b/2", "c", "\u00ff"];
const pick = <T>(rng: Rng, items: readonly T[]): T => items[rng.int(items.length)] as T;
const randomKey = (rng: Rng): Uint8Array => utf8(rng.int(60) === 0 ? "" : pick(rng, names));
const randomValue = (rng: Rng): Uint8Array => utf8(pick(rng, ["", "x", "yy", "zzz"]));

function randomRange(rng: Rng): { key: Uint8Array; rangeEnd: Uint8Array } {
  return { key: randomKey(rng), rangeEnd: utf8(pick(rng, ["", "", "\0", "b", "b0", "c", "a"])) };
}

function randomPut(rng: Rng): NonNullable<RequestOpInit["requestPut"]> {
  const ignoreValue = rng.int(8) === 0;
  return {
    key: randomKey(rng),
    value: ignoreValue && rng.int(4) > 0 ? utf8("") : randomValue(rng),
    prevKv: rng.int(3) === 0,
    ignoreValue,
    ignoreLease: rng.int(12) === 0,
    lease: rng.int(40) === 0 ? 12345n : 0n,
  };
}

function randomRead(rng: Rng, revision: number): NonNullable<RequestOpInit["requestRange"]> {
  const sortTarget = rng.int(5);
  const back = rng.int(15);
  return {
    ...randomRange(rng),
    limit: rng.int(4),
    revision: rng.int(2) === 0 ? 0 : Math.max(0, revision + 1 - back),
    // etcd's sort is not stable: descending only by what is unique.
    sortOrder: sortTarget === 0 ? rng.int(3) : 0,
    sortTarget: sortTarget === 3 || sortTarget === 0 ? sortTarget : 0,
    keysOnly: rng.int(4) === 0,
    countOnly: rng.int(6) === 0,
    minModRevision: rng.int(6) === 0 ? Math.max(0, revision - rng.int(20)) : 0,
    maxModRevision: rng.int(6) === 0 ? Math.max(0, revision - rng.int(20)) : 0,
    minCreateRevision: rng.int(6) === 0 ? Math.max(0, revision - rng.int(20)) : 0,
    maxCreateRevision: rng.int(6) === 0 ? Math.max(0, revision - rng.int(20)) : 0,
  };
}

function randomCompare(rng: Rng, revision: number): CompareInit {
  const target = rng.int(5);
  const around = Math.max(0, revision - rng.int(10));
  return {
    key: randomKey(rng),
    rangeEnd: rng.int(3) === 0 ? randomRange(rng).rangeEnd : utf8(""),
    result: rng.int(4),
    target,
    ...[
      { version: rng.int(4) },
      { createRevision: rng.int(3) === 0 ? 0 : around },
      { modRevision: rng.int(3) === 0 ? 0 : around },
      { value: randomValue(rng) },
      { lease: 0n },
    ][target],
  };
}

/**
 * etcd 3.4 dies of a transaction that deletes to the last key and puts with ignore_value what it has just deleted, so a
 * transaction has one or the other.
 */
function randomTxn(rng: Rng, revision: number, depth: number, openDeletes = rng.int(2) === 0): TxnRequestInit {
  const operations = (): RequestOpInit[] =>
    Array.from({ length: rng.int(4) }, () => {
      const kind = rng.int(depth > 0 ? 10 : 8);
      if (kind < 4) {
        const put = randomPut(rng);
        return { requestPut: openDeletes ? { ...put, ignoreValue: false, ignoreLease: false } : put };
      }
      if (kind < 6) return { requestRange: randomRead(rng, revision) };
      if (kind < 8) {
        const range = randomRange(rng);
        const rangeEnd = range.rangeEnd[0] === 0 && !openDeletes ? utf8("c") : range.rangeEnd;
        return { requestDeleteRange: { key: range.key, rangeEnd, prevKv: rng.int(2) === 0 } };
      }
      return { requestTxn: randomTxn(rng, revision, depth - 1, openDeletes) };
    });
  const compare = Array.from({ length: rng.int(3) }, () => randomCompare(rng, revision));
  return { compare, success: operations(), failure: operations() };
}

/** The gateway's JSON: snake_case, base64, integers as text, defaults left out. */
function toJson(value: unknown): object {
  return Object.fromEntries(
    Object.entries(value as object)
      .filter(([, field]) => field !== 0 && field !== false && field !== 0n)
      .map(([name, field]: [string, unknown]) => [
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        json(field),
      ]),
  );
}

function json(field: unknown): unknown {
  if (field instanceof Uint8Array) return Buffer.from(field).toString("base64");
  if (Array.isArray(field)) return field.map((item: unknown) => toJson(item));
  if (typeof field === "object" && field !== null) return toJson(field);
  return typeof field === "bigint" ? field.toString() : field;
}

type Shown = readonly unknown[];

function describe(run: () => object): string {
  try {
    return JSON.stringify(showAnswer(run()));
  } catch (error) {
    if (error instanceof MvccError) return error.message;
    throw error;
  }
}

function showAnswer(answer: object): Shown {
  const { header, kvs, prevKvs, prevKv, deleted, count, more, succeeded, responses } = answer as Partial<
    RangeResponse & TxnResponse & { prevKv: KeyValue; prevKvs: readonly KeyValue[]; deleted: number }
  >;
  return [
    header?.revision ?? 0,
    [...(kvs ?? []), ...(prevKvs ?? []), ...(prevKv === undefined ? [] : [prevKv])].map(showKv),
    [count ?? 0, more ?? false, deleted ?? 0, succeeded ?? false],
    (responses ?? []).map((op) =>
      showAnswer(op.responseRange ?? op.responsePut ?? op.responseDeleteRange ?? op.responseTxn ?? {}),
    ),
  ];
}

function showKv(kv: KeyValue): string {
  return `${utf8Text(kv.key)}=${utf8Text(kv.value)} c${kv.createRevision} m${kv.modRevision} v${kv.version}`;
}

function describeEtcd(answer: Record<string, unknown>): string {
  const error = answer["error"];
  return typeof error === "string" ? error : JSON.stringify(showEtcdAnswer(answer));
}

interface EtcdAnswer {
  readonly header?: { readonly revision?: string };
  readonly kvs?: readonly Record<string, string>[];
  readonly prev_kvs?: readonly Record<string, string>[];
  readonly prev_kv?: Record<string, string>;
  readonly count?: string;
  readonly more?: boolean;
  readonly deleted?: string;
  readonly succeeded?: boolean;
  readonly responses?: readonly Record<string, EtcdAnswer>[];
}

function showEtcdAnswer(answer: EtcdAnswer): Shown {
  const { kvs, prev_kvs: prevKvs, prev_kv: prevKv } = answer;
  const text = (base64: string | undefined): string => Buffer.from(base64 ?? "", "base64").toString();
  return [
    Number(answer.header?.revision ?? 0),
    [...(kvs ?? []), ...(prevKvs ?? []), ...(prevKv === undefined ? [] : [prevKv])].map(
      (kv) =>
        `${text(kv["key"])}=${text(kv["value"])} c${kv["create_revision"] ?? 0} ` +
        `m${kv["mod_revision"] ?? 0} v${kv["version"] ?? 0}`,
    ),
    [Number(answer.count ?? 0), answer.more ?? false, Number(answer.deleted ?? 0), answer.succeeded ?? false],
    (answer.responses ?? []).map((op) => showEtcdAnswer(Object.values(op)[0] ?? {})),
  ];
}
