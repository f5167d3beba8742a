// Programs written by hand: what random ones reach too seldom or must not do by chance.
import { AlarmAction, AlarmType } from "@triarch/etcd-proto";
import { utf8 } from "@triarch/base";
import { nobody, passwordOfAll, type Drawn, type Program, type RevisionMark, type Step } from "./steps.ts";

const call = (method: Extract<Step, { kind: "call" }>["method"], request: Drawn): Step => ({
  kind: "call",
  method,
  request,
});
const as = (user: string, step: Step): Step => (step.kind === "call" ? { ...step, as: user } : step);
const put = (key: string, more: Drawn = {}): Step => call("put", { key: utf8(key), value: utf8("v"), ...more });
const get = (key: string, more: Drawn = {}): Step => call("range", { key: utf8(key), ...more });
const current = (minus: number): RevisionMark => ({ from: "current", minus });
const compacted = (minus: number): RevisionMark => ({ from: "compacted", minus });
const everything = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1) };
const many = <T>(count: number, make: (i: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, i) => make(i));

const requestBytesMax = 1_572_864;
const operationsMax = 128;

function txnOf(operations: number, depth = 0): Drawn {
  const success: Drawn[] = [...many(operations, (i) => ({ requestPut: { key: utf8(`t${depth}/${i}`) } }))];
  return depth === 0 ? { success } : { success: [...success, { requestTxn: txnOf(operations, depth - 1) }] };
}

/** A name tells what a failure is about. */
export const scripts: Readonly<Record<string, Program>> = {
  "limits of a transaction": [
    call("txn", txnOf(operationsMax)),
    call("txn", txnOf(operationsMax + 1)),
    call("txn", { compare: many(operationsMax + 1, () => ({ key: utf8("a"), version: 0 })) }),
    call("txn", { failure: txnOf(operationsMax + 1)["success"] }),
    // 63 and the nested one, then 64 and 65 of what is left
    call("txn", { success: [{ requestTxn: txnOf(operationsMax - 1) }] }),
    call("txn", { success: [{ requestTxn: txnOf(operationsMax) }] }),
    call("txn", { success: [{}] }),
    call("txn", { compare: [{ target: 0, version: 0 }] }),
    call("txn", {}),
  ],
  "large requests": [
    put("big", { value: new Uint8Array(requestBytesMax - 200) }),
    put("big", { value: new Uint8Array(requestBytesMax) }),
    call("txn", { success: [{ requestPut: { key: utf8("big"), value: new Uint8Array(requestBytesMax) } }] }),
    put("big", { value: new Uint8Array(2_097_152) }),
    call("deleteRange", { key: utf8("big") }),
  ],
  // An unknown sort target ends etcd 3.4 with a panic.
  "sort orders that there are not": [
    put("a"),
    get("a", { sortOrder: 3 }),
    get("a", { sortOrder: -1 }),
    call("txn", { success: [{ requestRange: { key: utf8("a"), sortOrder: 9 } }] }),
  ],
  "revisions at the edges": [
    ...many(6, (i) => put(`k${i % 3}`)),
    call("compact", { revision: current(2), physical: true }),
    ...[-1, 0, 1].map((minus) => get("k1", { revision: compacted(minus) })),
    ...[-2, -1, 0, 1].map((minus) => get("k1", { revision: current(minus) })),
    ...[-1, 0, 1].map((minus) => call("compact", { revision: compacted(minus) })),
    call("compact", { revision: current(-1) }),
    call("compact", { revision: 0 }),
    call("compact", { revision: -5 }),
    get("k1", { revision: -1 }),
    get("k1", { limit: -1 }),
    call("txn", {
      success: [{ requestPut: { key: utf8("z") } }, { requestRange: { key: utf8("a"), revision: compacted(1) } }],
    }),
    call("txn", {
      success: [{ requestPut: { key: utf8("z") } }, { requestRange: { key: utf8("a"), revision: current(-1) } }],
    }),
    call("txn", {
      success: [{ requestPut: { key: utf8("z") } }, { requestRange: { key: utf8("a"), revision: current(-2) } }],
    }),
    get("z"),
  ],
  "no space": [
    put("full"),
    call("leaseGrant", { id: 201n, ttl: 4_000 }),
    call("alarm", { action: AlarmAction.activate, alarm: AlarmType.noSpace }),
    call("alarm", { action: AlarmAction.get }),
    put("full"),
    call("txn", { success: [{ requestPut: { key: utf8("full") } }] }),
    call("txn", { success: [{ requestRange: { key: utf8("full") } }] }),
    call("leaseGrant", { id: 202n, ttl: 4_000 }),
    call("leaseRevoke", { id: 201n }),
    get("full"),
    call("deleteRange", { key: utf8("full") }),
    call("compact", { revision: current(0) }),
    call("alarm", { action: AlarmAction.deactivate, alarm: AlarmType.noSpace }),
    call("alarm", { action: AlarmAction.get }),
    put("full"),
  ],
  "leases that the store names": [
    call("leaseGrant", { ttl: 5_000 }),
    call("leaseGrant", { ttl: 3_000 }),
    call("leaseLeases", {}),
    // shorter than the least: only granted and revoked
    ...[0, 1, -5].flatMap((ttl, i) => [
      call("leaseGrant", { id: BigInt(301 + i), ttl }),
      call("leaseRevoke", { id: BigInt(301 + i) }),
    ]),
    call("leaseGrant", { id: 310n, ttl: 9_000_000_000 }),
    call("leaseGrant", { id: -5n, ttl: 6_000 }),
    ...["z", "b", "a"].map((key) => put(key, { lease: 310n })),
    call("leaseTimeToLive", { id: 310n, keys: true }),
    { kind: "watch", stream: 0, request: { ...everything, prevKv: true } },
    call("leaseRevoke", { id: 310n }),
    call("leaseLeases", {}),
  ],
  "large events": [
    ...many(6, (i) => put(`large/${i}`, { value: new Uint8Array(400_000).fill(i + 1) })),
    {
      kind: "watch",
      stream: 0,
      request: { key: utf8("large/"), rangeEnd: utf8("large0"), prevKv: true, fragment: true },
    },
    { kind: "watch", stream: 1, request: { key: utf8("large/"), rangeEnd: utf8("large0"), prevKv: true } },
    call("deleteRange", { key: utf8("large/"), rangeEnd: utf8("large0") }),
    { kind: "settle" },
    {
      kind: "watch",
      stream: 1,
      request: {
        key: utf8("large/"),
        rangeEnd: utf8("large0"),
        prevKv: true,
        fragment: true,
        startRevision: current(4),
      },
    },
    { kind: "settle" },
  ],
  "watches at the edges": [
    ...many(5, (i) => put(`w${i}`)),
    call("compact", { revision: current(1) }),
    ...[-2, -1, 0, 1].map((minus): Step => ({
      kind: "watch",
      stream: 0,
      request: { key: utf8("w"), rangeEnd: utf8("x"), startRevision: compacted(minus) },
    })),
    { kind: "watch", stream: 1, request: { key: utf8("w"), rangeEnd: utf8("w") } },
    { kind: "watch", stream: 1, request: { key: utf8("w"), rangeEnd: utf8("a") } },
    { kind: "watch", stream: 1, request: { key: utf8("w1"), watchId: 3 } },
    { kind: "watch", stream: 1, request: { key: utf8("w1"), watchId: 3 } },
    { kind: "watch", stream: 1, request: { key: utf8("w1") } },
    { kind: "progress", stream: 1 },
    put("w1"),
    { kind: "progress", stream: 1 },
    // Last, for it takes an id in 3.4.
    { kind: "watch", stream: 1, request: { key: utf8("w"), rangeEnd: utf8("x"), startRevision: -7 } },
  ],
  "members that there are not": [
    call("memberRemove", { id: 4_711n }),
    call("memberUpdate", { id: 4_711n, peerUrls: ["http://127.0.0.1:1"] }),
    call("memberAdd", { peerUrls: ["no url"] }),
    call("memberAdd", { peerUrls: ["http://127.0.0.1"] }),
  ],
  "users and roles while they mean nothing": [
    call("authEnable", {}),
    call("authenticate", { name: "root", password: "x" }),
    call("userAdd", { name: "", password: "x" }),
    call("userAdd", { name: "root", password: "x" }),
    call("userAdd", { name: "root", password: "y" }),
    call("authEnable", {}),
    call("userGet", { name: "nobody" }),
    call("userDelete", { name: "nobody" }),
    call("userGrantRole", { user: "root", role: "writer" }),
    call("userGrantRole", { user: "nobody", role: "writer" }),
    call("userRevokeRole", { name: "root", role: "writer" }),
    call("roleAdd", { name: "" }),
    call("roleAdd", { name: "writer" }),
    call("roleAdd", { name: "writer" }),
    call("roleGet", { role: "reader" }),
    call("roleGrantPermission", { name: "reader", perm: { permType: 1, key: utf8("a") } }),
    call("roleGrantPermission", { name: "writer", perm: { permType: 2, key: utf8("a"), rangeEnd: utf8("c") } }),
    call("roleRevokePermission", { role: "writer", key: utf8("b") }),
    call("roleGet", { role: "writer" }),
    call("userGrantRole", { user: "root", role: "writer" }),
    call("userGet", { name: "root" }),
    call("roleDelete", { role: "writer" }),
    call("roleDelete", { role: "writer" }),
    call("userGet", { name: "root" }),
    call("userDelete", { name: "root" }),
  ],
  "users and roles that mean something": [
    ...["root", "reader"].flatMap((name) => [
      call("userAdd", { name, password: passwordOfAll }),
      call("roleAdd", { name }),
      call("userGrantRole", { user: name, role: name }),
    ]),
    call("roleGrantPermission", { name: "reader", perm: { permType: 0, key: utf8("a"), rangeEnd: utf8("c") } }),
    put("a"),
    call("authEnable", {}),
    put("a"),
    get("a"),
    as(nobody, get("a")),
    call("authenticate", { name: "reader", password: "wrong" }),
    ...["a", "c", "d"].map((key) => as("reader", get(key))),
    as("reader", get("a", { rangeEnd: utf8("c") })),
    as("reader", get("a", { rangeEnd: utf8("d") })),
    as("reader", put("a")),
    as("reader", call("txn", { success: [{ requestRange: { key: utf8("b") } }] })),
    as("reader", call("txn", { success: [{ requestRange: { key: utf8("b") } }, { requestPut: { key: utf8("b") } }] })),
    as("reader", call("userGet", { name: "reader" })),
    as("reader", call("userAdd", { name: "other", password: "x" })),
    as("root", put("z")),
    as("root", call("userDelete", { name: "root" })),
    as("root", call("userRevokeRole", { name: "root", role: "root" })),
    as("root", call("roleDelete", { role: "root" })),
    as("root", call("authDisable", {})),
    get("a"),
    ...["root", "reader"].flatMap((name) => [call("userDelete", { name }), call("roleDelete", { role: name })]),
  ],
};
