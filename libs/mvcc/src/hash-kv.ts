/**
 * HashKV: CRC32-C over the bucket's name and the rows up to a revision, without those that a compaction up to it would
 * drop. Members with the same history give the same hash, whatever their compactions have deleted so far.
 * Source: etcd server/storage/mvcc/hash.go.
 */
import { crc32c, utf8 } from "@triarch/base";
import type { Pause, Row } from "./backend.ts";
import { MvccError } from "./errors.ts";
import { successor } from "./key-range.ts";
import { assertReadable } from "./range.ts";
import type { ReadView } from "./read-view.ts";
import { decodeRevisionKey } from "./revision.ts";

export interface KvHash {
  readonly hash: number;
  /** -1: never compacted. */
  readonly compactRevision: number;
  readonly hashRevision: number;
}

const keysPerSlice = 10_000;
const rowBytesPerSlice = 1 << 20;

/** @param unpersisted rows that the backend may not have yet, in order */
export async function hashKv(
  view: ReadView,
  revision: number,
  unpersisted: readonly Row[],
  pause: Pause,
): Promise<KvHash> {
  const { compactRevision, index } = view;
  const kept = new Set<string>();
  // The iterator's view of the rows begins here, before the first pause.
  const batches = view.rows.backend.rows()[Symbol.asyncIterator]();
  try {
    const firstBatch = batches.next();
    let cursor = "";
    for (let visited = 0; ;) {
      const page = index.page(cursor, undefined);
      const last = page.at(-1);
      if (last === undefined) break;
      for (const history of page) {
        const revisionKept = history.keptAt(revision);
        if (revisionKept !== undefined) kept.add(`${revisionKept.main}/${revisionKept.sub}`);
      }
      cursor = successor(last.key);
      visited += page.length;
      if (visited < keysPerSlice) continue;
      visited = 0;
      await pause();
      if (view.index !== index) throw new MvccError({ code: "reloaded" });
      assertReadable(view, revision);
    }

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
      if (at.main <= compactRevision && kept.size > 0 && !kept.has(`${at.main}/${at.sub}`)) return;
      hash = crc32c(value, crc32c(key, hash));
      sliceBytes += key.length + value.length;
    };
    for (let batch = await firstBatch; batch.done !== true; batch = await batches.next()) {
      for (const row of batch.value) add(row);
      if (sliceBytes < rowBytesPerSlice) continue;
      sliceBytes = 0;
      await pause();
    }
    for (const row of unpersisted) add(row);
    return { hash, compactRevision, hashRevision: revision };
  } finally {
    await batches.return?.();
  }
}
