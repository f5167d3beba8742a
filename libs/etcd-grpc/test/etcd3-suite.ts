import { once } from "node:events";
import {
  EtcdAuthenticationFailedError,
  EtcdLeaseInvalidError,
  EtcdLockFailedError,
  EtcdPermissionDeniedError,
  GRPCInvalidArgumentError,
  GRPCOutOfRangeError,
  type Etcd3,
  type Watcher,
} from "etcd3";
import type { Test } from "tap";

// What a client of the npm package etcd3 does, on whatever server it is given.

export type Connect = (auth?: { readonly username: string; readonly password: string }) => Etcd3;

export function etcd3Suite(t: Test, connect: Connect, version: RegExp): void {
  const client = connect();
  t.teardown(() => client.close());

  t.test("put, get, ranges, deletes", async (t) => {
    await client.put("a/1").value("one");
    await client.put("a/2").value(2);
    await client.put("b").value(Buffer.from([0, 255]));
    t.equal(await client.get("a/1").string(), "one");
    t.equal(await client.get("a/2").number(), 2);
    t.strictSame(await client.get("b").buffer(), Buffer.from([0, 255]));
    t.equal(await client.get("none").string(), null);
    t.strictSame(await client.getAll().prefix("a/").strings(), { "a/1": "one", "a/2": "2" });
    t.strictSame(await client.getAll().prefix("a/").sort("Key", "Descend").limit(1).keys(), ["a/2"]);
    t.equal(await client.getAll().count(), 3);
    t.match(await client.put("a/1").value("changed").getPrevious(), { version: "1", value: Buffer.from("one") });
    const { mod_revision: revision } = (await client.get("a/2").exec()).kvs[0] ?? { mod_revision: "" };
    t.strictSame(await client.getAll().prefix("a/").revision(revision).strings(), { "a/1": "one", "a/2": "2" });
    t.match(await client.delete().prefix("a/").getPrevious(), [
      { key: Buffer.from("a/1") },
      { key: Buffer.from("a/2") },
    ]);
    t.match(await client.delete().all(), { deleted: "1" });
  });

  t.test("failures come as the classes that this client has for etcd's", async (t) => {
    t.type(await failure(client.get("").exec()), GRPCInvalidArgumentError);
    t.type(await failure(client.getAll().revision(1_000_000).exec()), GRPCOutOfRangeError);
    t.type(await failure(client.leaseClient.leaseRevoke({ ID: "404" })), EtcdLeaseInvalidError);
  });

  t.test("transactions, and memory made of them", async (t) => {
    const attempt = () =>
      client.if("t", "Version", "==", 0).then(client.put("t").value("1")).else(client.get("t")).commit();
    t.match(await attempt(), { succeeded: true });
    t.match(await attempt(), { succeeded: false, responses: [{ response_range: { kvs: [{ version: "1" }] } }] });
    const increment = () =>
      client.stm().transact(async (tx) => tx.put("t").value(((await tx.get("t").number()) ?? 0) + 1));
    await Promise.all([increment(), increment(), increment()]);
    t.equal(await client.get("t").number(), 4);
  });

  t.test("leases: kept alive, asked about, revoked", async (t) => {
    const lease = client.lease(60);
    const kept = once(lease, "keepaliveSucceeded"); // on the stream that it opens by itself
    await lease.put("leased").value("x");
    t.match(await lease.keepaliveOnce(), { TTL: "60" });
    t.match(await kept, [{ TTL: "60" }]);
    const asked = await client.leaseClient.leaseTimeToLive({ ID: await lease.grant(), keys: true });
    t.match(asked, { grantedTTL: "60", keys: [Buffer.from("leased")] });
    await lease.revoke();
    t.equal(await client.get("leased").string(), null);
  });

  t.test("a lock is held by one; a function runs under it", async (t) => {
    const held = await client.lock("mutex").acquire();
    t.type(await failure(client.lock("mutex").acquire()), EtcdLockFailedError);
    await held.release();
    t.equal(await client.lock("mutex").do(async () => "ran"), "ran");
  });

  t.test("an election: the second leads when the first resigns, and observers hear of it", async (t) => {
    const election = client.election("e", 60);
    const first = election.campaign("first");
    await first.wait();
    const observer = await election.observe();
    t.teardown(() => observer.cancel());
    const second = election.campaign("second");
    const [leads] = [second.wait()];
    t.equal(await election.leader(), "first");
    await first.proclaim("renamed");
    while (observer.leader() !== "renamed") await once(observer, "change");
    await first.resign();
    await leads;
    t.equal(await election.leader(), "second");
    while (observer.leader() !== "second") await once(observer, "change");
    await second.resign();
  });

  t.test("watches: of a key, of a prefix, from a revision, cancelled alone", async (t) => {
    const { header } = await client.put("w/1").value("before");
    const fromThere = client.watch().prefix("w/").startRevision(header.revision).withPreviousKV().watcher();
    const seen = eventsOf(fromThere); // from the beginning: "create" would hand it over when events may have passed
    const oneKey = client.watch().key("w/2").only("delete").watcher();
    const deletes = eventsOf(oneKey);
    await once(oneKey, "connected"); // which is asked for after the other
    await client.put("w/1").value("after");
    await client.put("w/2").value("x");
    await client.delete().prefix("w/");
    await until(fromThere, () => seen.length === 5);
    t.strictSame(seen, ["Put w/1 before", "Put w/1 after", "Put w/2 x", "Delete w/1 ", "Delete w/2 "]);
    await until(oneKey, () => deletes.length === 1);
    t.strictSame(deletes, ["Delete w/2 "]);
    await oneKey.cancel();
    await client.put("w/3").value("y");
    await until(fromThere, () => seen.length === 6);
    t.equal(deletes.length, 1);
    await fromThere.cancel();
  });

  t.test("maintenance", async (t) => {
    t.match(await client.maintenance.status(), { version, leader: /^[1-9]/ });
    t.strictSame((await client.maintenance.alarm({ action: "Get" })).alarms, []);
    const snapshot = await client.maintenance.snapshot();
    let bytes = 0;
    for await (const { blob } of snapshot as unknown as AsyncIterable<{ readonly blob: Buffer }>) bytes += blob.length;
    t.equal(bytes % 512, 32, "a database and its hash");
  });

  t.test("users and roles; a token that ended is got anew", async (t) => {
    const rootRole = await client.role("root").create();
    const root = await client.user("root").create("root-pw");
    await root.addRole(rootRole);
    const role = await client.role("reader").create();
    await role.grant([
      { permission: "Read", range: client.range({ prefix: "open/" }) },
      { permission: "Readwrite", key: "own" },
    ]);
    t.match(await role.permissions(), [{ permission: "Read" }, { permission: "Readwrite" }]);
    const anna = await client.user("anna").create("anna-pw");
    await anna.addRole(role);
    await client.auth.authEnable();
    const asRoot = connect({ username: "root", password: "root-pw" });
    const asAnna = connect({ username: "anna", password: "anna-pw" });
    const asStranger = connect({ username: "anna", password: "wrong" });
    t.teardown(() => [asRoot, asAnna, asStranger].forEach((one) => one.close()));
    try {
      await asRoot.put("open/1").value("1");
      t.equal(await asAnna.get("open/1").string(), "1");
      await asAnna.put("own").value("mine");
      t.type(await failure(asAnna.put("open/1").value("2").exec()), EtcdPermissionDeniedError);
      t.type(await failure(asStranger.get("own").string()), EtcdAuthenticationFailedError);
      await asRoot.user("anna").setPassword("anna-pw"); // ends her tokens
      t.equal(await asAnna.get("own").string(), "mine");
      t.strictSame(
        (await asRoot.getUsers()).map(({ name }) => name),
        ["anna", "root"],
      );
    } finally {
      await asRoot.auth.authDisable();
    }
    t.equal(await client.get("own").string(), "mine");
  });
}

async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    return `no failure, but ${JSON.stringify(await call)}`;
  } catch (error) {
    return error;
  }
}

/** `Put KEY VALUE` or `Delete KEY ` of each event, growing. */
export function eventsOf(watcher: Watcher): readonly string[] {
  const seen: string[] = [];
  watcher.on("data", ({ events }) =>
    events.forEach(({ type, kv }) => seen.push(`${type} ${kv.key.toString()} ${kv.value.toString()}`)),
  );
  return seen;
}

export async function until(watcher: Watcher, condition: () => boolean): Promise<void> {
  while (!condition()) await once(watcher, "data");
}
