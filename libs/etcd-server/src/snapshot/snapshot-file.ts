import { createHash } from "node:crypto";
import { compareBytes, utf8 } from "@triarch/base";
import { planSnapshot, type BucketSource } from "@triarch/bbolt";
import type { Pause } from "@triarch/mvcc";
import type { ConfState } from "@triarch/raft";
import { buckets, type Bucket, type LevelSnapshot } from "@triarch/store-level";
import { closingAfter } from "../server/closing-stream.ts";
import type { SnapshotFile } from "../server/etcd-server.ts";
import { storageVersion } from "../server/limits.ts";
import { metaKeys } from "../server/meta-keys.ts";

type FileRow = readonly [Uint8Array, Uint8Array];

/**
 * One moment of the database as an etcd snapshot file: the same buckets and rows, and in `meta` what etcd keeps there
 * and we do not (configuration, storage version). Reads the rows twice; closes `snapshot` when the file was read.
 */
export async function snapshotFile(
  snapshot: LevelSnapshot,
  about: { readonly revision: number; readonly confState: ConfState; readonly pause: Pause },
): Promise<SnapshotFile> {
  try {
    const meta = await metaRows(snapshot, about.confState);
    const sources = buckets.map((name): BucketSource => {
      return { name, rows: name === "meta" ? () => meta : () => rowByRow(snapshot, name, about.pause) };
    });
    const plan = await planSnapshot(sources);
    const chunks = closingAfter(plan.chunks(createHash("sha256")), () => snapshot.close());
    return { revision: about.revision, sizeBytes: plan.sizeBytes, chunks };
  } catch (error) {
    await snapshot.close();
    throw error;
  }
}

async function* rowByRow(snapshot: LevelSnapshot, bucket: Bucket, pause: Pause): AsyncGenerator<FileRow> {
  for await (const rows of snapshot.rows(bucket)) {
    for (const { key, value } of rows) yield [key, value];
    await pause();
  }
}

async function metaRows(snapshot: LevelSnapshot, confState: ConfState): Promise<readonly FileRow[]> {
  const added = [metaKeys.confState, metaKeys.storageVersion];
  const rows: FileRow[] = [
    [metaKeys.confState, utf8(confStateJson(confState))],
    [metaKeys.storageVersion, utf8(storageVersion)],
  ];
  for await (const stored of snapshot.rows("meta")) {
    for (const { key, value } of stored) {
      if (!added.some((one) => compareBytes(one, key) === 0)) rows.push([key, value]);
    }
  }
  return rows.sort(([left], [right]) => compareBytes(left, right));
}

/** raftpb.ConfState as Go writes it in JSON; ids have 64 bits, more than JSON.stringify writes exactly. */
function confStateJson({ voters, learners, votersOutgoing, learnersNext, autoLeave }: ConfState): string {
  const list = (name: string, ids: readonly bigint[]): string =>
    ids.length === 0 ? "" : `"${name}":[${ids.join(",")}],`;
  const lists = [
    list("voters", voters),
    list("learners", learners),
    list("voters_outgoing", votersOutgoing),
    list("learners_next", learnersNext),
  ];
  return `{${lists.join("")}"auto_leave":${autoLeave}}`;
}
