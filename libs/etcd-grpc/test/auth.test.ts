import t from "tap";
import type { RequestOp } from "@triarch/etcd-proto";
import { type PutRequestInit } from "@triarch/etcd-proto";
import { one, setUp, startWithClient } from "./auth-setup.ts";

// Users and roles on one member of ours: what real etcd 3.4 cannot be asked, because it has a hole there or lacks the call.

t.setTimeout(60_000);

const denied = { code: 7, message: "etcdserver: permission denied" };
const { port, client } = await startWithClient(t);
await setUp(client);

t.test("inside transactions, nested ones too, every part is looked at", async (t) => {
  const put = (rest: PutRequestInit) => ({ requestPut: { ...rest } });
  const refused: readonly (readonly Parameters<typeof RequestOp.create>[0][])[] = [
    [{ requestTxn: { failure: [{ requestRange: one("p") }] } }],
    [{ requestTxn: { compare: [one("p")] } }],
    [{ requestTxn: { success: [{ requestTxn: { success: [put(one("a"))] } }] } }],
    [put({ ...one("p"), prevKv: true })],
    [{ requestDeleteRange: { ...one("p", "q"), prevKv: true } }],
  ];
  for (const success of refused) {
    const operations = success.filter((operation) => operation !== undefined);
    t.match(await client.callAs("anna", "txn", { success: operations }), denied);
    t.match(await client.callAs("anna", "txn", { failure: operations }), denied);
    t.match(await client.callAs("root", "txn", { success: operations }), { code: 0 });
  }
});

t.test("what concerns the whole cluster is for administrators", async (t) => {
  await port.server.put(one("a"));
  t.match(await client.callAs("anna", "compact", { revision: 2 }), denied);
  t.match(await client.callAs("anna", "alarm", { action: 1, alarm: 1, memberId: 1n }), denied);
  t.match(await client.callAs("anna", "alarm", { action: 2, alarm: 1, memberId: 1n }), denied);
  t.match(
    await client.callAs("anna", "alarm", { action: 0 }),
    { code: 0 },
    "clients ask this to see if we are healthy",
  );
  t.match(await client.callAs("anna", "hash", {}), denied);
  t.match(await client.callAs("anna", "defragment", {}), denied);
  t.match(await client.callAs("anna", "moveLeader", { targetId: 1n }), denied);
  t.match(await client.callAs("anna", "memberRemove", { id: 1n }), denied);
  t.match(await client.callAs("anna", "status", {}), denied);
  t.match(await client.callAs("root", "compact", { revision: 2 }), { code: 0 });
  t.match(await client.callAs("root", "status", {}), { answer: { enabled: true, authRevision: 9 } });
  t.match(await client.callAs("root", "roleAdd", { name: "root" }), { code: 0 });
  t.match(await client.callAs("root", "roleGet", { role: "root" }), {
    answer: { perm: [{ permType: 2, key: "", rangeEnd: "\0" }] },
  });
});

t.test("the keys on a lease are shown to those who may read them", async (t) => {
  await client.callAs("root", "leaseGrant", { id: 5n, ttl: 600 });
  await client.callAs("root", "put", { ...one("b"), lease: 5n });
  const ask = (who: string) => client.callAs(who, "leaseTimeToLive", { id: 5n, keys: true });
  t.match(await ask("anna"), { code: 0, answer: { keys: ["b"] } });
  await client.callAs("root", "put", { ...one("p"), lease: 5n });
  t.match(await ask("anna"), denied);
  t.match(await ask("root"), { answer: { keys: ["b", "p"] } });
  t.match(await client.callAs("anna", "leaseTimeToLive", { id: 5n, keys: false }), { code: 0 });
});

t.test("the right to one key is none to watch everything behind it", async (t) => {
  await client.login("anna");
  const reason = "rpc error: code = PermissionDenied desc = etcdserver: permission denied";
  for (const rangeEnd of ["\0", "y"]) {
    const answer = await client.watch(one("x", rangeEnd), "anna");
    t.match(answer, { created: true, canceled: true, watchId: -1, cancelReason: reason });
  }
  t.match(await client.watch(one("x"), "anna"), { created: true, canceled: false });
  t.match(await client.watch(one("x"), "nobody"), {
    cancelReason: /Unauthenticated desc = etcdserver: invalid auth token$/,
  });
});

t.test("passwords: no longer than bcrypt reads, none where none is meant", async (t) => {
  const add = (name: string, password: string) => client.callAs("root", "userAdd", { name, password });
  t.match(await add("long", "p".repeat(73)), { code: 2, message: "bcrypt: password length exceeds 72 bytes" });
  t.match(await add("long", "p".repeat(72)), { code: 0 });
  t.match(await client.login("long", "p".repeat(72)), { code: 0 });
  await client.callAs("root", "userAdd", { name: "cn", options: { noPassword: true } });
  t.match(await client.login("cn", ""), { code: 2, message: /password was given for no password user$/ });
  t.match(await client.callAs("root", "roleGrantPermission", { name: "r" }), {
    message: "etcdserver: permission not given",
  });
});
