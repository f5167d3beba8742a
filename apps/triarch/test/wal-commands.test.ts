import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { utf8 } from "@triarch/base";
import { InternalRaftRequest, type InternalRaftRequestInit } from "@triarch/etcd-proto";
import { emptyConfState, encodeConfChange, type Entry } from "@triarch/raft";
import { createWal, nodeWalDisk } from "@triarch/wal";

const main = join(import.meta.dirname, "..", "src", "main.ts");
const metadata = { clusterId: 0xfeedn, memberId: 0xaa01n };

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function triarch(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { timeout: 30_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const normal = (index: number, request: InternalRaftRequestInit): Entry => {
  return { term: 2, index, type: "normal", data: InternalRaftRequest.encode({ ...request, header: { id: 7n } }) };
};

/** A master's data directory with a log in it. */
async function dataDirectory(t: Test): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "triarch-wal-cli-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const disk = nodeWalDisk(join(dir, "member", "wal"));
  const snapshot = { index: 1, term: 1, confState: { ...emptyConfState, voters: [0xaa01n] } };
  const wal = await createWal({ disk, metadata, snapshot });
  const change = encodeConfChange({ version: 1, type: "addLearnerNode", nodeId: 0xbeefn, context: utf8("{}"), id: 1n });
  const operation = { requestPut: { key: utf8("/registry/pods/a"), value: utf8("x") } };
  const entries: Entry[] = [
    { term: 2, index: 2, type: "normal", data: new Uint8Array(0) },
    normal(3, { put: { key: utf8("greeting"), value: utf8("hello") } }),
    normal(4, { txn: { success: [operation], failure: [{ requestRange: { key: utf8("/registry/pods/a") } }] } }),
    normal(5, { deleteRange: { key: Uint8Array.of(0, 255), rangeEnd: Uint8Array.of(0) } }),
    { term: 2, index: 6, ...change },
    normal(7, { compaction: { revision: 5, physical: false } }),
  ];
  await wal.append({ entries, sync: true });
  await wal.append({ hardState: { term: 2, vote: 0xaa01n, commit: 7 }, sync: true });
  await wal.close();
  return dir;
}

t.test("wal inspect names request and key of each entry, in aligned columns", async (t) => {
  const dir = await dataDirectory(t);
  const { code, stdout, stderr } = await triarch("wal", "inspect", dir);
  t.equal(code, 0, stderr);
  const lines = stdout.trimEnd().split("\n");
  const heading = lines[0] ?? "";
  const columns = ["SEGMENT", "OFFSET", "KIND", "INDEX", "TERM", "BYTES", "REQUEST", "KEY"].map((one) =>
    heading.indexOf(one),
  );
  t.notOk(columns.includes(-1));
  for (const line of lines.slice(1)) {
    for (const column of columns.slice(1)) t.equal(line.padEnd(column)[column - 1], " ", `column ${column}: ${line}`);
  }
  const requests = lines.map((line) => line.slice(columns[6])).filter((_, i) => /entry/.test(lines[i] ?? ""));
  t.strictSame(
    requests.map((text) => text.split(/ {2,}/).join("|")),
    [
      "empty",
      "put|greeting",
      "txn|put /registry/pods/a, get /registry/pods/a",
      "deleteRange|[0x00ff, 0x00)",
      "addLearnerNode|beef",
      "compaction|revision 5",
    ],
  );
  const limited = await triarch(
    "wal",
    "inspect",
    join(dir, "member", "wal"),
    "--from",
    "4",
    "--limit",
    "2",
    "-o",
    "json",
  );
  t.match(
    limited.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as object),
    [
      { kind: "entry", index: 4, term: 2, request: "txn" },
      { kind: "entry", index: 5, request: "deleteRange" },
    ],
  );
});

t.test("wal verify: exit 0 and a summary, exit 1 and the message that opening has", async (t) => {
  const dir = await dataDirectory(t);
  const good = await triarch("wal", "verify", dir, "-o", "json");
  t.equal(good.code, 0, good.stderr);
  t.match(JSON.parse(good.stdout), {
    ...{ cluster: "feed", member: "aa01", segments: 1, entries: 6, firstIndex: 2, lastIndex: 7 },
    hardState: { term: 2, vote: "aa01", commit: 7 },
  });
  t.match((await triarch("wal", "verify", dir)).stdout, "every byte checks out");
  const folder = join(dir, "member", "wal");
  const file = join(folder, readdirSync(folder)[0] ?? "");
  const bytes = readFileSync(file);
  bytes[300] = (bytes[300] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  const bad = await triarch("wal", "verify", dir);
  t.equal(bad.code, 1);
  t.match(bad.stderr, `WAL ${file} at byte `);
  t.match(bad.stderr, "add it again under a new id");
  const inspected = await triarch("wal", "inspect", dir);
  t.equal(inspected.code, 1);
  t.match(inspected.stdout, "snapshot", "what comes before the damage is shown");
  t.match(await triarch("wal", "verify", join(dir, "none")), { code: 1, stderr: "there is no log here" });
});
