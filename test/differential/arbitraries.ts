// Random programs over all shapes of etcd's KV, Watch and Lease requests, on at most 64 keys.
import fc, { type Arbitrary } from "fast-check";
import { prefixEnd, utf8 } from "@triarch/base";
import type { Drawn, LeaseMark, Program, RevisionMark, Step } from "./steps.ts";
import { streamCount, unknownLease } from "./steps.ts";

/** Few keys are hot, so that programs meet their own traces; some are no text, some are the ends of the key space. */
const hotKeys = ["a", "aa", "ab", "b", "b/1", "b/2", "c"].map(utf8);
const coldKeys = [
  ...Array.from({ length: 40 }, (_, i) => utf8(`k/${String(i).padStart(2, "0")}`)),
  ...["\0", "\0\0", "a\0", "b/1/x", "é", "~"].map(utf8),
  ...[[0xff], [0xff, 0xff], [0x61, 0xff], [0x80]].map((bytes) => Uint8Array.from(bytes)),
];
export const keyCount = hotKeys.length + coldKeys.length;

const name = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...hotKeys) },
  { weight: 2, arbitrary: fc.constantFrom(...coldKeys) },
);
/** Now and then none, which is refused. */
const key = fc.oneof({ weight: 80, arbitrary: name }, { weight: 1, arbitrary: fc.constant(new Uint8Array(0)) });
const value = fc.oneof(
  fc.constantFrom(...["", "x", "yy", "zzz"].map(utf8)),
  fc.uint8Array({ minLength: 0, maxLength: 12 }),
);
const noEnd = new Uint8Array(0);
const openEnd = new Uint8Array(1);

/** One key, a prefix, all from a key on, everything, between two keys in any order. */
const range: Arbitrary<Drawn> = fc.oneof(
  { weight: 4, arbitrary: key.map((one) => ({ key: one })) },
  { weight: 3, arbitrary: key.map((one) => ({ key: one, rangeEnd: prefixEnd(one) })) },
  { weight: 1, arbitrary: key.map((one) => ({ key: one, rangeEnd: openEnd })) },
  { weight: 1, arbitrary: fc.constant({ key: openEnd, rangeEnd: openEnd }) },
  { weight: 2, arbitrary: fc.tuple(key, name).map(([from, to]) => ({ key: from, rangeEnd: to })) },
);

function mark(from: RevisionMark["from"], min: number, max: number): Arbitrary<RevisionMark> {
  return fc.integer({ min, max }).map((minus) => ({ from, minus }));
}
const revision: Arbitrary<RevisionMark> = fc.oneof(
  { weight: 10, arbitrary: mark("current", 0, 15) },
  { weight: 1, arbitrary: mark("current", -3, -1) },
  { weight: 2, arbitrary: mark("compacted", -3, 2) },
  { weight: 1, arbitrary: mark("absolute", -1, 1) },
);
const lease: Arbitrary<LeaseMark | bigint> = fc.oneof(
  { weight: 12, arbitrary: fc.nat(7).map((leaseSlot) => ({ leaseSlot })) },
  { weight: 1, arbitrary: fc.constant(unknownLease) },
);

/** Left out, `weight` times as often as there. */
function rarely<T>(weight: number, arbitrary: Arbitrary<T>): Arbitrary<T | undefined> {
  return fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

/** A record without the fields that were left out. */
function drawn(fields: Readonly<Record<string, Arbitrary<unknown>>>): Arbitrary<Drawn> {
  return fc
    .record(fields)
    .map((record) => Object.fromEntries(Object.entries(record).filter(([, field]) => field !== undefined)));
}

function both(...parts: readonly Arbitrary<Drawn>[]): Arbitrary<Drawn> {
  return fc.tuple(...parts).map((some) => Object.assign({}, ...some) as Drawn);
}

const yes = fc.constant(true);

export const rangeRequest = both(
  range,
  drawn({
    limit: rarely(2, fc.integer({ min: 1, max: 5 })),
    revision: rarely(1, revision),
    sortOrder: rarely(1, fc.integer({ min: 0, max: 2 })),
    sortTarget: rarely(1, fc.integer({ min: 0, max: 4 })),
    serializable: rarely(3, yes),
    keysOnly: rarely(4, yes),
    countOnly: rarely(6, yes),
    minModRevision: rarely(8, revision),
    maxModRevision: rarely(8, revision),
    minCreateRevision: rarely(8, revision),
    maxCreateRevision: rarely(8, revision),
  }),
);

export const putRequest = both(
  drawn({ key, lease: rarely(4, lease), prevKv: rarely(2, yes) }),
  fc.oneof(
    { weight: 8, arbitrary: drawn({ value }) },
    { weight: 1, arbitrary: fc.constant({ ignoreValue: true }) },
    { weight: 1, arbitrary: drawn({ value, ignoreValue: rarely(1, yes) }) },
  ),
  drawn({ ignoreLease: rarely(10, yes) }),
);

export const deleteRequest = both(range, drawn({ prevKv: rarely(1, yes) }));

const compareOperand: Arbitrary<Drawn> = fc.oneof(
  drawn({ target: fc.constant(0), version: fc.nat(4) }),
  drawn({ target: fc.constant(1), createRevision: fc.oneof(fc.constant(0), revision) }),
  drawn({ target: fc.constant(2), modRevision: fc.oneof(fc.constant(0), revision) }),
  drawn({ target: fc.constant(3), value }),
  drawn({ target: fc.constant(4), lease: fc.oneof(fc.constant(0n), lease) }),
);
const compare = both(
  fc.oneof({ weight: 2, arbitrary: key.map((one) => ({ key: one })) }, { weight: 1, arbitrary: range }),
  drawn({ result: fc.integer({ min: 0, max: 3 }) }),
  compareOperand,
);

function operation(depth: number): Arbitrary<Drawn> {
  const leaves = [
    { weight: 8, arbitrary: drawn({ requestPut: putRequest }) },
    { weight: 4, arbitrary: drawn({ requestRange: rangeRequest }) },
    { weight: 3, arbitrary: drawn({ requestDeleteRange: deleteRequest }) },
  ];
  if (depth === 0) return fc.oneof(...leaves, ...leaves, ...leaves, { weight: 1, arbitrary: fc.constant({}) });
  return fc.oneof(...leaves, ...leaves, { weight: 3, arbitrary: drawn({ requestTxn: txn(depth - 1) }) });
}

function txn(depth: number): Arbitrary<Drawn> {
  const operations = fc.array(operation(depth), { maxLength: 3 });
  return drawn({ compare: fc.array(compare, { maxLength: 2 }), success: operations, failure: operations });
}

const readOnlyTxn = fc
  .tuple(fc.array(compare, { maxLength: 2 }), fc.array(rangeRequest, { maxLength: 2 }))
  .map(([compares, ranges]) => ({ compare: compares, success: ranges.map((requestRange) => ({ requestRange })) }));

/**
 * etcd 3.4 ends with a panic when a transaction deletes to the end of the key space and then puts with ignore_value or
 * ignore_lease what it has deleted: its check for duplicates takes the end "\0" for a key. So a transaction has one of
 * the two.
 */
export function withoutPanic(request: Drawn): Drawn {
  let deletesToTheEnd = false;
  const visit = (value: unknown, change: boolean): unknown => {
    if (Array.isArray(value)) return value.map((one) => visit(one, change));
    if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
    const fields = Object.entries(value as Drawn).map(([field, one]): [string, unknown] => {
      if (field === "requestDeleteRange" && ((one as Drawn)["rangeEnd"] as Uint8Array | undefined)?.[0] === 0) {
        deletesToTheEnd = true;
      }
      const ignored = field === "ignoreValue" || field === "ignoreLease";
      return [field, change && ignored ? false : visit(one, change)];
    });
    return Object.fromEntries(fields);
  };
  visit(request, false);
  return deletesToTheEnd ? (visit(request, true) as Drawn) : request;
}

export const txnRequest = fc.oneof(
  { weight: 5, arbitrary: txn(2).map(withoutPanic) },
  { weight: 1, arbitrary: readOnlyTxn },
);

const stream = fc.nat(streamCount - 1);
const watchRequest = both(
  fc.oneof({ weight: 8, arbitrary: range }, { weight: 1, arbitrary: fc.constant({ rangeEnd: noEnd }) }),
  drawn({
    // A watcher from before the first revision gets an id in 3.4 and none in newer ones: not by chance.
    startRevision: rarely(
      1,
      revision.filter(({ from, minus }) => from !== "absolute" || minus <= 0),
    ),
    progressNotify: rarely(5, yes),
    filters: rarely(3, fc.uniqueArray(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 2 })),
    prevKv: rarely(1, yes),
    watchId: rarely(6, fc.integer({ min: 1, max: 4 })),
    fragment: rarely(4, yes),
  }),
);

function call(method: Extract<Step, { kind: "call" }>["method"], request: Arbitrary<Drawn>): Arbitrary<Step> {
  return request.map((one) => ({ kind: "call", method, request: one }));
}

/** Long enough that nothing expires by itself; some are refused. */
const ttl = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(1_000, 2_000, 3_000, 50_000, 9_000_000_000) },
  { weight: 1, arbitrary: fc.constant(9_000_000_001) },
);
/** Ids that the store chooses are never attached to keys here: they would make the hashes differ. */
const leaseId = fc.bigInt({ min: 101n, max: 116n });
const leaseSteps: readonly { readonly weight: number; readonly arbitrary: Arbitrary<Step> }[] = [
  {
    weight: 5,
    arbitrary: call(
      "leaseGrant",
      drawn({ ttl, id: fc.oneof({ weight: 1, arbitrary: fc.constant(0n) }, { weight: 6, arbitrary: leaseId }) }),
    ),
  },
  { weight: 2, arbitrary: call("leaseRevoke", drawn({ id: lease })) },
  { weight: 3, arbitrary: call("leaseTimeToLive", drawn({ id: lease, keys: rarely(1, yes) })) },
  { weight: 2, arbitrary: call("leaseLeases", drawn({})) },
  { weight: 3, arbitrary: lease.map((one): Step => ({ kind: "renew", lease: one })) },
];
const watchSteps: readonly { readonly weight: number; readonly arbitrary: Arbitrary<Step> }[] = [
  {
    weight: 10,
    arbitrary: fc.record({ kind: fc.constant("watch" as const), stream, request: watchRequest }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant("cancel" as const),
      stream,
      watcher: fc.oneof({ weight: 8, arbitrary: fc.nat(5) }, { weight: 1, arbitrary: fc.constant("unknown" as const) }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("progress" as const), stream }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "settle" }) },
];
const kvSteps: readonly { readonly weight: number; readonly arbitrary: Arbitrary<Step> }[] = [
  { weight: 200, arbitrary: call("put", putRequest) },
  { weight: 60, arbitrary: call("deleteRange", deleteRequest) },
  { weight: 80, arbitrary: call("range", rangeRequest) },
  { weight: 230, arbitrary: call("txn", txnRequest) },
  { weight: 8, arbitrary: call("compact", drawn({ revision, physical: rarely(1, yes) })) },
  { weight: 6, arbitrary: call("hashKv", drawn({ revision: rarely(2, revision) })) },
];

/** Reads come in bursts, so that they can be asked together. */
const burstMax = 12;

/** @param steps about how many */
export function program(steps: number): Arbitrary<Program> {
  const single = fc.oneof(...kvSteps, ...leaseSteps, ...watchSteps).map((step): Program => [step]);
  const burst = fc.array(call("range", rangeRequest), { minLength: 2, maxLength: burstMax, size: "max" });
  const part = fc.oneof({ weight: 9, arbitrary: single }, { weight: 1, arbitrary: burst });
  const parts = Math.ceil(steps / 1.6);
  return fc.array(part, { minLength: parts, maxLength: parts + 10, size: "max" }).map((all) => all.flat());
}
