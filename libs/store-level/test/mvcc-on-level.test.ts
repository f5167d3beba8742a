// The multi-version store on the real backend: what was flushed is there after a reopen, hash and reads the same.
import t from "tap";
import { utf8, type ByteString } from "@triarch/base";
import { openMvccStore, type LeaseAttachments, type MvccStore } from "@triarch/mvcc";
import { openLevelStore, type BucketRow, type LevelStore } from "../src/index.ts";
import { temporaryDirectory } from "./support.ts";

const noLeases: LeaseAttachments = {
  has: () => false,
  attach: (_id: bigint, _key: ByteString) => undefined,
  detach: () => undefined,
};
const pause = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const open = (level: LevelStore, compacted = -1): Promise<MvccStore> =>
  openMvccStore({
    backend: level.keyRows,
    leases: noLeases,
    pause,
    scheduledCompactRevision: compacted,
    finishedCompactRevision: compacted,
  });

t.test("apply, flush, compact, reopen", async (t) => {
  const directory = await temporaryDirectory();
  let level = await openLevelStore({ directory: directory.path });
  let store = await open(level);
  let rows: BucketRow[] = [];
  const flush = async (): Promise<void> => {
    await level.write(rows, { index: store.revision, term: 1 });
    rows = [];
    store.persisted(store.revision);
  };
  for (let i = 0; i < 2000; i++) {
    const key = utf8(`/registry/pods/default/p${i % 300}`);
    const applied = i % 7 === 6 ? store.deleteRange({ key }) : store.put({ key, value: utf8(`value ${i}`) });
    rows.push(...applied.rows.map((row) => ({ bucket: "key" as const, ...row })));
    if (i % 50 === 49) await flush();
  }
  store.compact(1000);
  for (let step = store.compactionStep(); step !== undefined; step = store.compactionStep()) {
    rows.push(...step.deletes.map((key) => ({ bucket: "key" as const, key, value: undefined })));
  }
  const before = {
    hash: await store.hashKv(0),
    all: store.range({ key: utf8("/"), rangeEnd: utf8("0"), revision: 1200 }),
  };
  await flush();
  t.same(await store.hashKv(0), before.hash, "from memory and disk, and from disk alone");
  await level.close();

  level = await openLevelStore({ directory: directory.path });
  store = await open(level, 1000);
  t.same(store.range({ key: utf8("/"), rangeEnd: utf8("0"), revision: 1200 }), before.all);
  t.same(await store.rangePaced({ key: utf8("/"), rangeEnd: utf8("0"), revision: 1200 }), before.all);
  t.same(await store.hashKv(0), before.hash);
  t.equal(level.appliedPosition().index, store.revision);
  await level.close();
  await directory.remove();
});
