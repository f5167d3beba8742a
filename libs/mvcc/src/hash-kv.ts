/**
 * HashKV: CRC32-C over the bucket's name and the rows up to a revision, without those that a compaction up to it would
 * drop. Members with the same history give the same hash, whatever their compactions have deleted so far.
 * Source: etcd server/storage/mvcc/hash.go.
 */
import { crc32c, utf8 } from "@triarch/base";
import { KeyValue } from "@triarch/etcd-proto";
import type { Pause, Row } from "./backend.ts";
import { MvccError } from "./errors.ts";
import { successor } from "./key-range.ts";
import { assertReadable } from "./range.ts";
import type { ReadView } from "./read-view.ts";
import { decodeRevisionKey, encodeRevisionKey } from "./revision.ts";

export interface KvHash {
  readonly hash: number;
  /** -1: never compacted. */
  readonly compactRevision: number;
  readonly hashRevision: number;
}

const keysPerSlice = 1_000;
const heldRowsPerSlice = 250;
const rowBytesPerSlice = 256 * 1024;

/** @param unpersisted rows that the backend may not have yet, by main revision, in order */
export async function hashKv(
  view: ReadView,
  revision: number,
  unpersisted: readonly (readonly [main: number, rows: readonly KeyValue[]])[],
  pause: Pause,
): Promise<KvHash> {
  const { compactRevision } = view;
  // The iterator's view of the rows begins here, before the first pause.
  const batches = view.rows.backend.rows()[Symbol.asyncIterator]();
  try {
    const firstBatch = await batches.next();
    const { living, compacted } = await survivors(view, revision, pause);
    // With no key alive at `revision` etcd skips nothing, and hashes what its finished compaction left.
    const counted = living.size > 0 ? living : compacted;

    let hash = crc32c(utf8("key"));
    let sliceBytes = 0;
    let lastMain = 0;
    let lastSub = -1;
    const add = ({ key, value }: Row): void => {
      const at = decodeRevisionKey(key);
      if (at === undefined || at.main > revision) return;
      if (at.main < lastMain || (at.main === lastMain && at.sub <= lastSub)) return; // seen in the backend already
      lastMain = at.main;
      lastSub = at.sub;
      if (at.main <= compactRevision && !counted.has(`${at.main}/${at.sub}`)) return;
      hash = crc32c(value, crc32c(key, hash));
      sliceBytes += key.length + value.length;
    };
    for (let batch = firstBatch; batch.done !== true; batch = await batches.next()) {
      for (const row of batch.value) add(row);
      sliceBytes = 0;
      await pause();
    }
    let rows = 0;
    for (const [main, held] of unpersisted) {
      for (const [sub, kv] of held.entries()) {
        add(storedRow(main, sub, kv));
        rows += 1;
        if (rows % heldRowsPerSlice > 0 && sliceBytes < rowBytesPerSlice) continue;
        sliceBytes = 0;
        await pause();
      }
    }
    return { hash, compactRevision, hashRevision: revision };
  } finally {
    await batches.return?.();
  }
}

function storedRow(main: number, sub: number, kv: KeyValue): Row {
  const tombstone = kv.version === 0;
  const stored = tombstone ? KeyValue.create({ key: kv.key }) : kv;
  return { key: encodeRevisionKey(main, sub, tombstone), value: KeyValue.encode(stored) };
}

/**
 * Which of the rows at or before the compact revision count: those that show a living key at `revision`; and, for when
 * there is none, those that the compaction leaves behind, tombstones at exactly its revision included.
 */
async function survivors(
  view: ReadView,
  revision: number,
  pause: Pause,
): Promise<{ readonly living: ReadonlySet<string>; readonly compacted: ReadonlySet<string> }> {
  const living = new Set<string>();
  const compacted = new Set<string>();
  const { index, compactRevision } = view;
  let visited = 0;
  for (let page = index.page("", undefined); page.length > 0;) {
    for (const history of page) {
      const now = history.survivorAt(revision);
      if (now !== undefined && !now.tombstone) living.add(`${now.main}/${now.sub}`);
      const then = history.survivorAt(compactRevision);
      if (then !== undefined) compacted.add(`${then.main}/${then.sub}`);
    }
    visited += page.length;
    if (visited >= keysPerSlice) {
      visited = 0;
      await pause();
      if (view.index !== index) throw new MvccError({ code: "reloaded" });
      assertReadable(view, revision);
    }
    page = index.page(successor((page.at(-1) as { key: string }).key), undefined);
  }
  return { living, compacted };
}
