// How many entries stay in memory and on disk, by number and by bytes, also of those that a restart finds.
import t from "tap";
import { MemoryStorage, emptyConfState } from "@triarch/raft";
import type { Entry } from "@triarch/raft";
import { createWal, nodeWalDisk, openWal } from "@triarch/wal";
import type { Wal } from "@triarch/wal";
import { defaultLimits } from "../src/limits.ts";
import { LogRetention } from "../src/node/log-retention.ts";
import type { RaftNodeLimits } from "../src/types.ts";

const snapshot = { index: 3, term: 1, confState: { ...emptyConfState, voters: [1n, 2n, 3n] } };
const metadata = { clusterId: 7n, memberId: 1n };

class Log {
  readonly storage = new MemoryStorage();
  readonly wal: Wal;
  readonly #retention: LogRetention;

  constructor(wal: Wal, limits: Partial<RaftNodeLimits>, found: readonly Entry[] = []) {
    this.wal = wal;
    this.storage.applySnapshot({ ...snapshot, data: new Uint8Array() });
    this.storage.append(found);
    this.#retention = new LogRetention({
      ...{ storage: this.storage, wal, limits: { ...defaultLimits, ...limits }, snapshot },
      onFailed: (error) => t.fail(String(error)),
    });
  }

  /** All of it durable at once. */
  async add(count: number, sizeBytes: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const entry = { term: 1, index: this.storage.lastIndex() + 1, type: "normal", data: new Uint8Array(sizeBytes) };
      await this.wal.append({ entries: [entry as Entry], sync: true });
      this.storage.append([entry as Entry]);
      this.#retention.appended([entry as Entry]);
      await this.#retention.work(entry.index, false);
    }
    await this.#retention.idle();
  }

  get kept(): number {
    return this.storage.lastIndex() + 1 - this.storage.firstIndex();
  }
}

t.test("few large entries are compacted by their bytes, long before a thousand have come", async (t) => {
  const disk = nodeWalDisk(t.testdir({}));
  const wal = await createWal({ disk, metadata, snapshot, segmentSizeBytes: 1 << 20 });
  const log = new Log(wal, { catchUpBytesMax: 2_000_000, compactEveryBytes: 1_000_000 });
  await log.add(200, 100_000);
  t.ok(log.kept >= 20 && log.kept <= 31, `${log.kept} entries of 100 kB are kept`);
  t.ok(wal.segmentCount <= 6, `${wal.segmentCount} segments of 1 MiB are on the disk`);
  await wal.close();
});

t.test("many small entries are compacted by their number", async (t) => {
  const wal = await createWal({ disk: nodeWalDisk(t.testdir({})), metadata, snapshot });
  const log = new Log(wal, { catchUpEntries: 100, compactEveryEntries: 50 });
  await log.add(400, 10);
  t.ok(log.kept >= 100 && log.kept <= 150, `${log.kept} entries are kept`);
  await wal.close();
});

t.test("entries that a restart found count, too", async (t) => {
  const dir = t.testdir({});
  const wal = await createWal({ disk: nodeWalDisk(dir), metadata, snapshot });
  const limits = { catchUpBytesMax: 2_000_000, compactEveryBytes: 1_000_000 };
  await new Log(wal, limits).add(25, 100_000);
  await wal.close();
  const opened = await openWal({ disk: nodeWalDisk(dir), metadata });
  const log = new Log(opened.wal, limits, opened.replay.entries);
  t.equal(log.kept, 25);
  await log.add(11, 100_000);
  t.ok(log.kept <= 31, `${log.kept} entries of 100 kB are kept`);
  await opened.wal.close();
});
