import { createHash, randomBytes } from "node:crypto";
import { createWriteStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import t from "tap";
import { utf8 } from "@triarch/base";
import { planSnapshot } from "@triarch/bbolt";
import { KeyValue } from "@triarch/etcd-proto";
import { snapshotListCommand, snapshotScheduleCommand } from "../src/commands/snapshot-schedule.ts";
import { snapshotRestoreCommand, snapshotStatusCommand } from "../src/commands/snapshot.ts";
import { snapshotLine } from "../src/status/snapshots.ts";
import { durationText } from "../src/output/units.ts";

/** Runs a command and takes what it prints. */
async function printed(run: () => Promise<number>): Promise<string> {
  const lines: string[] = [];
  const { log } = console;
  console.log = (line: string) => void lines.push(line);
  try {
    await run();
  } finally {
    console.log = log;
  }
  return lines.join("\n");
}

function revisionKey(main: number): Uint8Array {
  const key = Buffer.alloc(17);
  key.writeBigUInt64BE(BigInt(main));
  key.write("_", 8);
  return key;
}

/** @param from its first revision; above 2 the ones before are missing */
async function writeSnapshot(file: string, from = 2): Promise<void> {
  const rows = Array.from({ length: 10 }, (_, i): readonly [Uint8Array, Uint8Array] => {
    const main = from + i;
    const kv = {
      key: utf8(`/k/${i}`),
      createRevision: main,
      modRevision: main,
      version: 1,
      value: utf8("v"),
      lease: 0n,
    };
    return [revisionKey(main), KeyValue.encode(kv)];
  });
  const plan = await planSnapshot([
    { name: "key", rows: () => rows },
    { name: "meta", rows: () => [] },
  ]);
  const out = createWriteStream(file);
  for await (const chunk of plan.chunks(createHash("sha256"))) out.write(chunk);
  out.end();
  await finished(out);
}

t.test("status and restore refuse what cannot be served, and touch nothing", async (t) => {
  const dir = t.testdir({});
  const good = join(dir, "good.db");
  await writeSnapshot(good);
  const status = await printed(() => snapshotStatusCommand(good, { output: "json" }));
  t.match(JSON.parse(status), { revision: 11, totalKeys: 10, encrypted: false });
  t.match(
    await printed(() => snapshotStatusCommand(good, {})),
    /^HASH +REVISION +TOTAL KEYS +TOTAL SIZE\n[0-9a-f]{8} +11 +10 /,
  );
  const gap = join(dir, "gap.db");
  await writeSnapshot(gap, 5);
  await t.rejects(snapshotStatusCommand(gap, {}), /revisions 2 to 4 are missing/);
  const cut = join(dir, "cut.db");
  writeFileSync(cut, readFileSync(good).subarray(0, 9_000));
  const target = join(dir, "cluster");
  for (const [file, message] of [
    [gap, /not a good snapshot/],
    [cut, /no whole snapshot/],
    [join(dir, "none.db"), /cannot read/],
    [import.meta.filename, /not a good snapshot/],
  ] as const) {
    await t.rejects(snapshotRestoreCommand(file, { dataDir: target }), message);
    t.notOk(existsSync(target) || existsSync(`${target}.restoring`));
  }
});

t.test("a schedule that makes no sense is refused before anything is asked", async (t) => {
  const dir = t.testdir({});
  const schedule = (options: object): Promise<number> => snapshotScheduleCommand({ dataDir: dir, ...options });
  await t.rejects(schedule({ every: "soon" }), /--every "soon" is not a duration/);
  await t.rejects(schedule({ every: "1s" }), /at least 10 s/);
  await t.rejects(schedule({ every: "1h", keep: "0" }), /at least one/);
  await t.rejects(schedule({ keep: "3" }), /--keep needs --every/);
  const keyFile = join(dir, "key");
  writeFileSync(keyFile, randomBytes(32).toString("hex"), { mode: 0o644 });
  await t.rejects(schedule({ every: "1h", keyFile }), /chmod 600/);
});

t.test("list shows what is there, newest first, also without a cluster", async (t) => {
  const directory = t.testdir({
    "triarch-20261121T170000Z-r12.db": "x".repeat(2048),
    "triarch-20261121T180000Z-r20.db.sealed": "x",
    "notes.txt": "",
  });
  const list = (options: object): Promise<string> =>
    printed(() => snapshotListCommand({ dataDir: directory, directory, ...options }));
  t.match(JSON.parse(await list({ output: "json" })), [
    { name: "triarch-20261121T180000Z-r20.db.sealed", revision: 20, encrypted: true },
    { name: "triarch-20261121T170000Z-r12.db", revision: 12, encrypted: false, sizeBytes: 2048 },
  ]);
  t.match(
    await list({}),
    /^NAME +TIME +AGE +REVISION +SIZE +ENCRYPTED\n.*r20.db.sealed .* yes\n.*r12.db .* 2.0 KiB +no$/,
  );
  t.match(await list({ directory: join(directory, "none") }), /No snapshots in/);
});

t.test("the line in the status", (t) => {
  const schedule = { intervalMs: 3_600_000, directory: "/b", keepCount: 2 };
  const last = { atMs: 1_000, member: "m2", durationMs: 10 };
  t.equal(snapshotLine({ schedule: undefined, last: undefined }, 0), undefined);
  t.equal(snapshotLine({ schedule, last: undefined }, 0), "every 1h, none taken yet");
  t.equal(
    snapshotLine({ schedule, last: { ...last, goodAtMs: 1_000, revision: 7 } }, 61_000),
    "every 1h, last 1m ago by m2: revision 7, verified",
  );
  t.match(
    snapshotLine({ schedule, last: { ...last, error: "no space" } }, 0) ?? "",
    /FAILED: no space; last good one: never/,
  );
  t.equal(durationText(90_061_000), "1d1h");
  t.equal(durationText(500), "0s");
  t.end();
});
