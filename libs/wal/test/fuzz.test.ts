// Logs with random damage: a tear that the rule allows is cut off and reported, everything else is refused by name and
// place, and nothing on disk has changed then. Replay one run: TRIARCH_WAL_SEED=17 node fuzz.test.ts
import { randomInt } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import t from "tap";
import { seededRng, type Rng } from "@triarch/base";
import { openWal, verifyWal, WalError } from "../src/index.ts";
import type { Wal, WalReplay } from "../src/index.ts";
import { writeBatchHeader, writeSegmentHeader } from "../src/bodies.ts";
import { recordOverheadBytes, recordTypes, RecordWriter } from "../src/record.ts";
import { damage } from "./fuzz-damage.ts";
import { FuzzDisk, type Files } from "./fuzz-disk.ts";
import { randomLog, verdictOn, type FuzzLog } from "./fuzz-log.ts";
import { entries, metadata } from "./support.ts";

const logs = 40;
const damagesPerLog = 25;
const hostileSegments = 1_000;
const seed = Number(process.env["TRIARCH_WAL_SEED"] ?? randomInt(1_000_000_000));
t.comment(`TRIARCH_WAL_SEED=${seed}`);

type Found = { readonly wal: Wal; readonly replay: WalReplay } | WalError;

/** @throws whatever else than a `WalError` that says where */
async function open(disk: FuzzDisk): Promise<Found> {
  try {
    return await openWal({ disk, metadata });
  } catch (error) {
    if (error instanceof WalError && namesPlace(error, disk)) return error;
    throw error;
  }
}

function namesPlace({ file, offset, message }: WalError, disk: FuzzDisk): boolean {
  const content = disk.files.get(file.slice(disk.directory.length + 1));
  return content !== undefined && offset <= content.length && message.includes(file);
}

/** @returns what is wrong; undefined if nothing is */
async function findingOn(log: FuzzLog, files: Files): Promise<string | undefined> {
  const disk = new FuzzDisk(files);
  const verdict = verdictOn(log, files);
  const check: unknown = await verifyWal(disk, metadata).catch((error: unknown) => error);
  const found = await open(disk);
  const refused = found instanceof WalError;
  if (refused !== check instanceof WalError) return `opening refuses: ${refused}; a check says ${String(check)}`;
  if (refused) {
    if (verdict.kind === "open") return `refused, although it is a tear or whole: ${found.message}`;
    return isDeepStrictEqual(disk.files, files) ? undefined : "refused, and files were changed";
  }
  const { entries: held, hardState, snapshot, repair } = found.replay;
  if (verdict.kind === "refuse") return "opened, although bytes are not as they were written";
  if (!isDeepStrictEqual({ entries: held, hardState, snapshot }, verdict.state)) return "opened, not as it was written";
  if ((repair?.droppedBytes ?? 0) !== verdict.dropped) return `dropped ${repair?.droppedBytes}, not ${verdict.dropped}`;
  if (repair !== undefined && repair.offset !== verdict.offset) return `cut at ${repair.offset}, not ${verdict.offset}`;
  return findingOnNext(disk, found);
}

/** What was opened takes the next entry, and gives it back without a word of repair. */
async function findingOnNext(disk: FuzzDisk, { wal, replay }: Exclude<Found, WalError>): Promise<string | undefined> {
  const index = (replay.entries.at(-1)?.index ?? replay.snapshot.index) + 1;
  await wal.append({ entries: entries(index, index, replay.hardState.term), sync: true });
  await wal.close();
  const again = await open(disk);
  if (again instanceof WalError) return `does not open after the next entry: ${again.message}`;
  const count = again.replay.entries.length;
  if (again.replay.repair !== undefined) return "is repaired again";
  return count === replay.entries.length + 1 ? undefined : `holds ${count} entries after the next`;
}

t.test("damaged logs", async (t) => {
  const outcomes = { refuse: 0, open: 0, either: 0 };
  for (let i = 0; i < logs; i++) {
    const rng = seededRng(seed + i);
    const log = await randomLog(rng);
    t.equal(await findingOn(log, log.files), undefined, `log ${i}`);
    for (let j = 0; j < damagesPerLog; j++) {
      const files = damage(log, rng);
      outcomes[verdictOn(log, files).kind] += 1;
      const finding = await findingOn(log, files).catch((error: unknown) => String(error));
      if (finding !== undefined) t.fail(`TRIARCH_WAL_SEED=${seed}, log ${i}, damage ${j}: ${finding}`);
    }
  }
  t.ok(outcomes.refuse > logs && outcomes.open > logs, "both ends were met", outcomes);
});

t.test("a segment that is not there, comes twice or under another's name", async (t) => {
  for (let i = 0; i < logs; i++) {
    const rng = seededRng(seed + i);
    const { files, names } = await randomLog(rng);
    const [one, other] = [names[1 + rng.int(names.length)], names[rng.int(names.length)]] as [string, string];
    if (one === undefined || one === other) continue;
    const without = new Map(files);
    without.delete(one);
    t.ok((await open(new FuzzDisk(without))) instanceof WalError, `seed ${seed + i}: without ${one}`);
    const doubled = new Map(files).set(one, files.get(other) as Uint8Array);
    t.ok((await open(new FuzzDisk(doubled))) instanceof WalError, `seed ${seed + i}: ${other} as ${one}`);
  }
});

/** Checksums and framing are right, what is inside may be anything. */
function hostileSegment(rng: Rng): Uint8Array {
  const out = new RecordWriter(0);
  writeSegmentHeader(out, { version: 1, ...metadata, sequence: 0, firstIndex: 4, chain: 0 });
  for (let batches = 1 + rng.int(3); batches > 0; batches--) {
    const bodies = Array.from({ length: rng.int(4) }, () =>
      Uint8Array.from({ length: rng.int(50) }, () => rng.int(256)),
    );
    const bytes = bodies.reduce(
      (sum, body) => sum + recordOverheadBytes + body.length,
      rng.int(8) === 0 ? rng.int(99) : 0,
    );
    writeBatchHeader(out, { offset: out.length, bytes });
    for (const body of bodies) {
      out.begin(body.length);
      out.raw(body);
      out.end(Object.values(recordTypes)[rng.int(7)] ?? recordTypes.entry);
    }
  }
  return out.bytes().slice();
}

t.test("segments of nonsense that check out", async (t) => {
  for (let i = 0; i < hostileSegments; i++) {
    const files = new Map([["0000000000000000-0000000000000004.wal", hostileSegment(seededRng(seed + i))]]);
    const finding = await open(new FuzzDisk(files)).then(() => undefined, String);
    t.equal(finding, undefined, `TRIARCH_WAL_SEED=${seed + i}`);
  }
});

t.test("random bytes", async (t) => {
  const rng = seededRng(seed);
  for (let i = 0; i < hostileSegments; i++) {
    const content = Uint8Array.from({ length: rng.int(200) }, () => rng.int(256));
    const found = await open(new FuzzDisk(new Map([["0000000000000000-0000000000000004.wal", content]])));
    t.ok(found instanceof WalError, `TRIARCH_WAL_SEED=${seed}, file ${i}`);
  }
});
