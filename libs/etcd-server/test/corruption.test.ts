import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import t from "tap";
import { utf8 } from "@triarch/base";
import { openLevelStore } from "@triarch/store-level";
import { LocalCluster, until } from "./local-cluster.ts";

t.setTimeout(60_000);

const everyAlarm = { action: 0, memberId: 0n, alarm: 0 };
const everything = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1), serializable: true };

type Tap = Pick<typeof t, "equal">;

/** Random bytes: nothing compresses them, so they lie in the files as they are. */
async function fill(cluster: LocalCluster, count: number, prefix: string): Promise<void> {
  const { server } = await cluster.leader();
  await Promise.all(
    Array.from({ length: count }, (_, i) => server.put({ key: utf8(`/${prefix}/${i}`), value: randomBytes(2000) })),
  );
}

async function alike(t: Tap, cluster: LocalCluster): Promise<void> {
  const hashes = await Promise.all(
    cluster.running.map(async ({ server }) => {
      await server.readBarrier();
      return (await server.hashKv({ revision: 0 })).hash;
    }),
  );
  t.equal(new Set(hashes).size, 1, `all ${hashes.length} members hold the same`);
}

t.test(
  "a member whose data differ is found, takes itself out of service, and comes back with the others' data",
  async (t) => {
    const cluster = await LocalCluster.start(t, 3, { hashCheckIntervalMs: 50 });
    await fill(cluster, 300, "k");
    const victim = (await cluster.followers())[0] ?? "";
    await cluster.stop(victim);
    // One value differs, and its checksum is right: nothing but a comparison can tell.
    const level = await openLevelStore({ directory: join(cluster.dir(victim), "member/db") });
    for await (const rows of level.rows("key")) {
      const row = rows[5];
      if (row === undefined) break;
      const value = row.value.slice();
      value.set([(value.at(-1) ?? 0) ^ 1], value.length - 1);
      await level.write([{ bucket: "key", key: row.key.slice(), value }]);
      break;
    }
    await level.close();
    await cluster.startMember(victim);
    t.match(await cluster.died(victim), /differ from the majority's/);
    t.ok(existsSync(join(cluster.dir(victim), "member/reseed.json")));
    const leader = (await cluster.leader()).server;
    const { alarms } = await leader.alarm(everyAlarm);
    t.strictSame(alarms, [{ memberId: cluster.idOf(victim), alarm: 2 }]);
    await leader.put({ key: utf8("/while/away"), value: utf8("1") });

    const { server } = await cluster.startMember(victim);
    t.ok(existsSync(join(cluster.dir(victim), "member/db.damaged")), "what it had is kept");
    await t.rejects(
      server.range(everything),
      { message: "etcdserver: corrupt cluster" },
      "not trusted before it is compared",
    );
    await until(() => server.readBarrier().then(Boolean, () => false));
    t.strictSame((await leader.alarm(everyAlarm)).alarms, []);
    t.equal((await server.range({ ...everything, countOnly: true })).count, 301);
    await alike(t, cluster);
    await cluster.close();
  },
);

t.test("flipped bytes in a stopped member's files: it takes another member's state under its own id", async (t) => {
  const cluster = await LocalCluster.start(t, 3);
  await fill(cluster, 300, "k");
  const victim = (await cluster.followers())[0] ?? "";
  const id = cluster.idOf(victim);
  await cluster.member(victim).server.hash(); // all is in LevelDB
  await cluster.member(victim).server.defragment();
  const directory = join(cluster.dir(victim), "member/db");
  await until(async () => readdirSync(directory).some((name) => name.endsWith(".ldb")));
  await cluster.stop(victim);
  for (const name of readdirSync(directory).filter((one) => one.endsWith(".ldb"))) {
    const file = join(directory, name);
    const bytes = readFileSync(file);
    for (let at = 5_000; at < bytes.length - 5_000; at += 50_000) bytes.writeUInt8(bytes.readUInt8(at) ^ 0x40, at);
    writeFileSync(file, bytes);
  }
  await cluster.startMember(victim);
  t.equal(cluster.idOf(victim), id);
  t.ok(existsSync(join(cluster.dir(victim), "member/db.damaged")));
  await alike(t, cluster);
  await cluster.stop(victim);
  await cluster.startMember(victim);
  t.notOk(existsSync(join(cluster.dir(victim), "member/db.damaged")), "a sound start needs it no longer");
  await alike(t, cluster);
  await cluster.close();
});

t.test("flipped bytes in a running member's files: it ends, and the next start mends it", async (t) => {
  const cluster = await LocalCluster.start(t, 3);
  await fill(cluster, 300, "k");
  const victim = (await cluster.followers())[0] ?? "";
  const { server } = cluster.member(victim);
  await server.readBarrier();
  const directory = join(cluster.dir(victim), "member/db");
  const tables = (): string[] => readdirSync(directory).filter((name) => name.endsWith(".ldb"));
  await server.hash(); // all is in LevelDB
  await server.defragment();
  await until(async () => tables().length > 0);
  await until(async () => {
    // Again and again: its own compaction may be at work still.
    for (const name of tables()) {
      const file = join(directory, name);
      const bytes = readFileSync(file);
      for (let at = 2_000; at < bytes.length - 5_000; at += 4_000) bytes.write("damaged", at, "latin1");
      writeFileSync(file, bytes, { flag: "r+" }); // in place: LevelDB has it mapped
    }
    return server.range(everything).then(
      () => false,
      (error: unknown) => {
        t.match(error, /checksum|damaged|corrupt/i);
        return true;
      },
    );
  });
  t.match(await cluster.died(victim), /checksum|damaged|corrupt/i);
  const other = (await cluster.leader()).server;
  await other.put({ key: utf8("/while/away"), value: utf8("1") });
  await cluster.startMember(victim);
  await alike(t, cluster);
  t.equal((await cluster.member(victim).server.range({ ...everything, countOnly: true })).count, 301);
  await cluster.close();
});

t.test("a database that is gone comes from another member; without a log it does not", async (t) => {
  const cluster = await LocalCluster.start(t, 3);
  await fill(cluster, 100, "k");
  const victim = (await cluster.followers())[0] ?? "";
  await cluster.stop(victim);
  rmSync(join(cluster.dir(victim), "member/db"), { recursive: true });
  await cluster.startMember(victim);
  await alike(t, cluster);
  await cluster.stop(victim);
  rmSync(join(cluster.dir(victim), "member/wal"), { recursive: true });
  await t.rejects(cluster.startMember(victim), /vote is forgotten/);
  await cluster.close();
});

t.test("data differ and nobody has a quorum: the cluster stops, as etcd's does, until people decide", async (t) => {
  const cluster = await LocalCluster.start(t, 3);
  const { server } = await cluster.leader();
  await server.alarm({ action: 1, memberId: 0n, alarm: 2 });
  const corrupt = { message: "etcdserver: corrupt cluster" };
  await t.rejects(server.put({ key: utf8("/a"), value: utf8("1") }), corrupt);
  await t.rejects(server.range(everything), corrupt);
  await server.alarm({ action: 2, memberId: 0n, alarm: 2 });
  await server.put({ key: utf8("/a"), value: utf8("1") });
  await cluster.close();
});
