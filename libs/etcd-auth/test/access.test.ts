import t from "tap";
import { utf8 } from "@triarch/base";
import {
  InternalRaftRequest,
  TxnRequest,
  type InternalRaftRequestInit,
  type TxnRequestInit,
} from "@triarch/etcd-proto";
import { AuthStore, cluster, nobody } from "../src/index.ts";
import { accessOf, outcome, permission, storeOf } from "./helpers.ts";

const none = utf8("");

t.test("while it is off, everybody may do everything", async (t) => {
  const { access } = accessOf(new AuthStore());
  t.equal(
    outcome(() => access.administer(nobody)),
    "allowed",
  );
  t.equal(
    outcome(() => access.read(nobody, utf8("a"), utf8("\0"))),
    "allowed",
  );
});

t.test("keys and ranges: grants of all roles count together", async (t) => {
  const store = storeOf({ anna: ["r a c", "r c f", "w m", "rw x *"] });
  const { access, who } = accessOf(store);
  const read = (key: string, end = "") => outcome(() => access.read(who("anna"), utf8(key), utf8(end)));
  const write = (key: string, end = "") => outcome(() => access.write(who("anna"), utf8(key), utf8(end)));
  t.equal(read("b"), "allowed");
  t.equal(read("b", "e"), "allowed", "over the seam of two grants");
  t.equal(read("b", "f\0"), "permissionDenied");
  t.equal(read("m"), "permissionDenied");
  t.equal(write("m"), "allowed");
  t.equal(write("m", "m\0"), "allowed");
  t.equal(write("ma"), "permissionDenied");
  t.equal(write("y", "\0"), "allowed");
  t.equal(write("w", "\0"), "permissionDenied");
  t.equal(read("\0", "\0"), "permissionDenied");
});

t.test("who asks: nobody, a stranger, root, the cluster itself, and one looked up before a change", async (t) => {
  const store = storeOf({ anna: ["rw a"] });
  const { access, who } = accessOf(store);
  const write = (identity: ReturnType<typeof who>) => outcome(() => access.write(identity, utf8("a"), none));
  t.equal(write(nobody), "userEmpty");
  t.equal(write(who("stranger")), "permissionDenied");
  t.equal(write(who("root")), "allowed");
  t.equal(write(cluster), "allowed");
  const before = who("anna");
  t.equal(write(before), "allowed");
  store.addRole("other");
  t.equal(write(before), "oldRevision");
  t.equal(write(who("anna")), "allowed");
  store.revokePermission("anna", permission("rw a"));
  t.equal(write(who("anna")), "permissionDenied", "what was merged before is not used");
});

t.test("administrators, and what everybody may see of themselves", async (t) => {
  const store = storeOf({ anna: [], otto: [] });
  store.grantRole("otto", "root");
  const { access, who } = accessOf(store);
  t.equal(
    outcome(() => access.administer(nobody)),
    "userEmpty",
  );
  t.equal(
    outcome(() => access.administer(who("stranger"))),
    "permissionDenied",
  );
  t.equal(
    outcome(() => access.administer(who("anna"))),
    "permissionDenied",
  );
  t.equal(
    outcome(() => access.administer(who("otto"))),
    "allowed",
  );
  t.equal(
    outcome(() => access.readUser(who("anna"), "anna")),
    "allowed",
  );
  t.equal(
    outcome(() => access.readUser(who("anna"), "otto")),
    "permissionDenied",
  );
  t.equal(
    outcome(() => access.readUser(nobody, "")),
    "userEmpty",
  );
  t.equal(
    outcome(() => access.readRole(who("anna"), "anna")),
    "allowed",
  );
  t.equal(
    outcome(() => access.readRole(who("anna"), "otto")),
    "permissionDenied",
  );
});

t.test("requests of the log", async (t) => {
  const store = storeOf({ anna: ["r a b", "w p q", "rw x"] });
  const leases = new Map([
    [1n, ["p1"]],
    [2n, ["p1", "other"]],
  ]);
  const { access, who } = accessOf(store, (id) => leases.get(id) ?? []);
  const request = (init: InternalRaftRequestInit) =>
    outcome(() => access.request(who("anna"), InternalRaftRequest.create(init)));
  const put = (key: string, rest: object = {}) => request({ put: { key: utf8(key), ...rest } });
  t.equal(put("p1"), "allowed");
  t.equal(put("p1", { prevKv: true }), "permissionDenied", "what was there needs reading");
  t.equal(put("x", { prevKv: true }), "allowed");
  t.equal(put("a"), "permissionDenied");
  t.equal(put("p2", { lease: 1n }), "allowed");
  t.equal(put("p2", { lease: 2n }), "permissionDenied", "a foreign key hangs on that lease");
  t.equal(put("p2", { lease: 9n }), "allowed", "MVCC says that there is no such lease");
  t.equal(request({ deleteRange: { key: utf8("p"), rangeEnd: utf8("q") } }), "allowed");
  t.equal(request({ deleteRange: { key: utf8("p"), rangeEnd: utf8("q"), prevKv: true } }), "permissionDenied");
  t.equal(request({ leaseRevoke: { id: 1n } }), "allowed");
  t.equal(request({ leaseRevoke: { id: 2n } }), "permissionDenied");
  t.equal(request({ leaseGrant: { ttl: 10 } }), "allowed");
  t.equal(request({ authenticate: { name: "anna" } }), "allowed");
  for (const kind of ["compaction", "alarm", "authEnable", "authDisable", "authUserAdd", "authRoleDelete"] as const) {
    t.equal(request({ [kind]: {} }), "permissionDenied", kind);
  }
});

t.test("transactions: comparisons, both branches, nested ones", async (t) => {
  const store = storeOf({ anna: ["r a b", "w p q"] });
  const { access, who } = accessOf(store);
  const txn = (init: TxnRequestInit) => outcome(() => access.txn(who("anna"), TxnRequest.create(init)));
  const get = { requestRange: { key: utf8("a") } };
  const put = { requestPut: { key: utf8("p") } };
  t.equal(txn({ compare: [{ key: utf8("a") }], success: [put], failure: [get] }), "allowed");
  t.equal(txn({ compare: [{ key: utf8("p") }] }), "permissionDenied");
  t.equal(txn({ compare: [{ key: utf8("a"), rangeEnd: utf8("c") }] }), "permissionDenied");
  t.equal(txn({ success: [{ requestRange: { key: utf8("p") } }] }), "permissionDenied");
  t.equal(txn({ failure: [{ requestPut: { key: utf8("a") } }] }), "permissionDenied");
  t.equal(txn({ success: [{ requestPut: { key: utf8("p"), prevKv: true } }] }), "permissionDenied");
  t.equal(txn({ success: [{ requestDeleteRange: { key: utf8("p"), rangeEnd: utf8("\0") } }] }), "permissionDenied");
  t.equal(txn({ success: [{ requestTxn: { success: [put], failure: [get] } }] }), "allowed");
  t.equal(txn({ success: [{ requestTxn: { compare: [{ key: utf8("p") }] } }] }), "permissionDenied");
});
