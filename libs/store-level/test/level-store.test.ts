import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { utf8 } from "@triarch/base";
import { ClassicLevel } from "classic-level";
import { openLevelStore } from "../src/index.ts";
import { failureOf, keysOf, temporaryDirectory } from "./support.ts";

t.test("rows of every bucket survive a reopen, with the applied position", async (t) => {
  const directory = await temporaryDirectory();
  let store = await openLevelStore({ directory: directory.path });
  t.same(store.appliedPosition(), { index: 0, term: 0 });
  await store.write(
    [
      { bucket: "key", key: utf8("b"), value: utf8("2") },
      { bucket: "key", key: utf8("a"), value: utf8("1") },
      { bucket: "lease", key: utf8("a"), value: utf8("lease") },
      { bucket: "alarm", key: utf8("empty value"), value: new Uint8Array(0) },
      { bucket: "members_removed", key: new Uint8Array(0), value: utf8("empty key") },
    ],
    { index: 2 ** 40, term: 7 },
  );
  await store.write([{ bucket: "key", key: utf8("b"), value: undefined }]);
  await store.close();
  store = await openLevelStore({ directory: directory.path, createIfMissing: false });
  t.same(store.getSync("key", utf8("a")), utf8("1"));
  t.equal(store.getSync("key", utf8("a"))?.constructor, Uint8Array);
  t.equal(store.getSync("key", utf8("b")), undefined);
  t.same(store.getSync("lease", utf8("a")), utf8("lease"));
  t.same(store.getSync("alarm", utf8("empty value")), new Uint8Array(0));
  t.same(store.getSync("members_removed", new Uint8Array(0)), utf8("empty key"));
  t.same(store.appliedPosition(), { index: 2 ** 40, term: 7 });
  t.same(await keysOf(store, "key"), ["a"]);
  t.same(await keysOf(store, "meta"), ["consistent_index", "term"]);
  t.ok((await store.sizeBytes()) > 0);
  await store.close();
  t.equal((await failureOf(() => store.getSync("key", utf8("a"))))?.failure.code, "closed");
  t.equal(
    (await failureOf(() => store.write([{ bucket: "key", key: utf8("a"), value: utf8("") }])))?.failure.code,
    "closed",
  );
  await directory.remove();
});

t.test("many rows are one batch, gathered with turns in between, and one write at a time", async (t) => {
  const directory = await temporaryDirectory();
  const store = await openLevelStore({ directory: directory.path });
  const rows = Array.from({ length: 10_000 }, (_, i) => ({
    bucket: "key" as const,
    key: utf8(`${i}`),
    value: utf8("v"),
  }));
  let turns = 0;
  let written = false;
  const writing = store.write(rows, { index: 9, term: 3 }).finally(() => (written = true));
  await t.rejects(store.write(rows), /one write is waited for/);
  for (; !written; turns++) {
    const { index } = store.appliedPosition();
    const found = (await keysOf(store, "key")).length;
    if (found !== 0 && found !== rows.length) t.fail(`${found} rows are there`);
    if (index === 9 && store.getSync("key", utf8("0")) === undefined) t.fail("the position came before its rows");
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writing;
  t.ok(turns > 2, `${turns} turns`);
  t.equal((await keysOf(store, "key")).length, rows.length);
  t.same(store.appliedPosition(), { index: 9, term: 3 });
  await store.write([...rows.map((row) => ({ ...row, value: undefined }))]);
  t.same(await keysOf(store, "key"), []);
  await store.close();
  await directory.remove();
});

t.test("iteration and snapshots show one moment, in key order", async (t) => {
  const directory = await temporaryDirectory();
  const store = await openLevelStore({ directory: directory.path });
  const name = (i: number): Uint8Array => utf8(String(i).padStart(5, "0"));
  await store.write(
    Array.from({ length: 3500 }, (_, i) => ({
      bucket: "key" as const,
      key: name(3499 - i),
      value: new Uint8Array(900),
    })),
    { index: 5, term: 1 },
  );
  const iterator = store.rows("key")[Symbol.asyncIterator]();
  const first = await iterator.next();
  const snapshot = store.snapshot();
  await store.write([{ bucket: "key", key: name(3000), value: undefined }], { index: 6, term: 1 });
  await store.write([{ bucket: "key", key: utf8("zzz"), value: utf8("new") }]);
  let count = first.done === true ? 0 : first.value.length;
  for (let step = await iterator.next(); step.done !== true; step = await iterator.next()) count += step.value.length;
  t.equal(count, 3500);
  const keys = await keysOf(snapshot, "key");
  t.equal(keys.length, 3500);
  t.same(keys, keys.toSorted());
  t.equal(snapshot.getSync("key", name(3000))?.length, 900);
  t.same(snapshot.appliedPosition(), { index: 5, term: 1 });
  t.same(store.appliedPosition(), { index: 6, term: 1 });
  await snapshot.close();
  t.equal((await keysOf(store, "key")).length, 3500);
  await store.compactFiles();
  t.equal((await keysOf(store, "key")).length, 3500);
  await store.close();
  await directory.remove();
});

t.test("a directory in use, of others, or missing is refused with what to do", async (t) => {
  const directory = await temporaryDirectory();
  const store = await openLevelStore({ directory: join(directory.path, "db") });
  const locked = await failureOf(() => openLevelStore({ directory: join(directory.path, "db") }));
  t.equal(locked?.failure.code, "locked");
  t.match(locked?.message, /db: another process has the database open; stop the other process/);
  await store.close();

  const foreign = await failureOf(() => openLevelStore({ directory: directory.path }));
  t.equal(foreign?.failure.code, "foreign");
  t.match(foreign?.message, /other files \(db\); choose another/);

  const other = new ClassicLevel(join(directory.path, "other"));
  await other.put("hello", "world");
  await other.close();
  t.equal(
    (await failureOf(() => openLevelStore({ directory: join(directory.path, "other") })))?.failure.code,
    "foreign",
  );

  const missing = { directory: join(directory.path, "none"), createIfMissing: false };
  t.equal((await failureOf(() => openLevelStore(missing)))?.failure.code, "missing");
  t.notOk(readdirSync(directory.path).includes("none"), "nothing was made");

  writeFileSync(join(directory.path, "file"), "");
  t.equal((await failureOf(() => openLevelStore({ directory: join(directory.path, "file") })))?.failure.code, "io");
  await directory.remove();
});

t.test("damage is found: a flipped bit in a table, a broken manifest, a missing file", async (t) => {
  const damages: readonly [string, (path: string) => void][] = [
    ["flipped bit", (path) => flipInTable(path)],
    ["manifest", (path) => writeFileSync(fileOf(path, /^MANIFEST/), "garbage")],
    ["CURRENT missing", (path) => rmSync(join(path, "CURRENT"))],
    ["table missing", (path) => rmSync(fileOf(path, /\.ldb$/))],
  ];
  for (const [name, damage] of damages) {
    const directory = await temporaryDirectory();
    const store = await openLevelStore({ directory: directory.path });
    const rows = Array.from({ length: 200 }, (_, i) => ({
      bucket: "key" as const,
      key: utf8(`k${i}`),
      value: Uint8Array.from({ length: 300 }, (_, k) => (k * 131 + i * 17 + ((k * k) % 251)) & 0xff),
    }));
    await store.write(rows);
    await store.compactFiles();
    await store.close();
    damage(directory.path);
    const failure = await failureOf(async () => {
      const damaged = await openLevelStore({ directory: directory.path });
      try {
        await keysOf(damaged, "key");
      } finally {
        await damaged.close();
      }
    });
    t.equal(failure?.failure.code, "damaged", name);
    t.match(failure?.message, /takes its state from another one/);
    await directory.remove();
  }
});

function fileOf(directory: string, pattern: RegExp): string {
  const name = readdirSync(directory).find((name) => pattern.test(name));
  if (name === undefined) throw new Error(`no file ${pattern.source} in ${directory}`);
  return join(directory, name);
}

function flipInTable(directory: string): void {
  const path = fileOf(directory, /\.ldb$/);
  const bytes = readFileSync(path);
  const at = bytes.length >>> 2;
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  writeFileSync(path, bytes);
}
