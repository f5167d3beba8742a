import t, { type Test } from "tap";
import { utf8 } from "@triarch/base";
import { silentLogger } from "@triarch/telemetry";
import { startStore, type EtcdServer, type RunningStore } from "../src/index.ts";

// Deletes over many keys on a real member: what comes after them waits, what reads does not, and a member that ends in
// the middle of one takes it up again.

t.setTimeout(60_000);
const keys = 20_000;
const everything = { key: utf8("/k/"), rangeEnd: utf8("/k0") };
const counted = { ...everything, countOnly: true, serializable: true };

async function open(t: Test, dataDir: string): Promise<RunningStore> {
  const running = await startStore({
    name: "m1",
    dataDir,
    clusterToken: "test",
    initialMembers: [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }],
    listenPeer: { host: "127.0.0.1", port: 0 },
    timing: { tickMs: 10 },
    autoCompaction: { mode: "off" },
    logger: silentLogger,
    onFatal: (error) => t.fail("fatal", { error }),
  });
  await running.server.readBarrier();
  return running;
}

async function fill(server: EtcdServer, lease = 0n): Promise<void> {
  for (let from = 0; from < keys; from += 1_000) {
    const some = Array.from({ length: 1_000 }, (_, i) => utf8(`/k/${String(from + i).padStart(6, "0")}`));
    await Promise.all(some.map((key) => server.put({ key, value: key, lease })));
  }
}

t.test("readers see all or nothing, later writes come later, and nobody waits long", async (t) => {
  const running = await open(t, t.testdir({}));
  t.teardown(() => running.close());
  const { server } = running;
  await server.leaseGrant({ id: 7n, ttl: 600 });
  const writes = {
    "a delete": () => server.deleteRange(everything),
    "a transaction": () => server.txn({ success: [{ requestDeleteRange: everything }] }),
    "a lease": () => server.leaseRevoke({ id: 7n }),
  };
  for (const [what, write] of Object.entries(writes)) {
    await fill(server, 7n);
    const before = server.header().revision;
    let done = false;
    const writing = write().finally(() => (done = true));
    const later = server.put({ key: utf8("/later"), value: utf8(what) });
    let seen = 0;
    for (; !done; seen++) {
      const { count, header } = await server.range(counted);
      if (![`${keys} at ${before}`, `0 at ${before + 1}`].includes(`${count} at ${header?.revision}`)) {
        if (header?.revision !== before + 2) t.fail(`${what}: ${count} keys at ${header?.revision}`);
      }
      await nextTurn();
    }
    t.ok(seen > 2, `${what}: read ${seen} times meanwhile`);
    t.equal((await writing).header?.revision, before + 1);
    t.equal((await later).header?.revision, before + 2);
    t.equal((await server.range(counted)).count, 0);
  }
});

t.test("a member that ends between two slices has all of it after its start", async (t) => {
  const dataDir = t.testdir({});
  const first = await open(t, dataDir);
  await fill(first.server);
  const { revision } = first.server.header();
  const { appliedIndex } = first.server.storeStatus();
  const writing = first.server.deleteRange(everything).catch((error: unknown) => error);
  // Raft has handed it over: from here on it is in the log.
  while (first.server.storeStatus().appliedIndex === appliedIndex) await nextTurn();
  const closing = first.close();
  await Promise.all([closing, writing]);
  t.equal(first.server.header().revision, revision, "it has ended in the middle");
  const again = await open(t, dataDir);
  t.teardown(() => again.close());
  t.match(await again.server.range(counted), { count: 0, header: { revision: revision + 1 } });
});

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
