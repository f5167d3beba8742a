/** Makes a member's log, or reads one back and goes on where it ends. */
import { assertDefined } from "@triarch/base";
import { emptyHardState } from "@triarch/raft";
import type { WalDisk } from "./disk.ts";
import { WalError } from "./errors.ts";
import { Replayer, type LogEnd } from "./replay.ts";
import { segmentsAmong, unfinishedSuffix } from "./segment-names.ts";
import type { SegmentName } from "./segment-names.ts";
import type { CatchUpBounds, WalMetadata, WalReplay, WalRepair, WalSnapshot } from "./types.ts";
import { adviceFor, createSegment, segmentSizeBytesDefault, Wal } from "./wal.ts";

export interface WalOptions {
  readonly disk: WalDisk;
  readonly metadata: WalMetadata;
  /** A new segment starts when one has grown to this. Default 64 MiB. */
  readonly segmentSizeBytes?: number;
}

/** Is there a log? Leftovers of one that was never finished don't count. */
export async function walExists(disk: WalDisk): Promise<boolean> {
  return segmentsAmong(await disk.list()).length > 0;
}

/**
 * @param snapshot where the log begins: the first configuration, or the state that a restored member starts from
 * @throws WalError "exists" | "io"
 */
export async function createWal(options: WalOptions & { readonly snapshot: WalSnapshot }): Promise<Wal> {
  const { disk, metadata, snapshot } = options;
  if (await walExists(disk)) {
    throw new WalError(
      { failure: "exists", file: disk.directory },
      "there is a log already. Open it or choose another directory.",
    );
  }
  const hardState = { ...emptyHardState, term: snapshot.term, commit: snapshot.index };
  const firstIndex = snapshot.index + 1;
  return explainingSystemErrors(disk, async () => {
    await disk.makeDirectory();
    await removeUnfinished(disk);
    const segment = { metadata, sequence: 0, firstIndex, chain: 0, hardState, snapshot };
    const { name, file, offset, chain } = await createSegment(disk, segment);
    const position = { segments: [name], file, offset, chain, hardState, snapshot, lastIndex: snapshot.index };
    return new Wal(disk, metadata, options.segmentSizeBytes ?? segmentSizeBytesDefault, position);
  });
}

/**
 * Reads and checks the whole log. Memory: the entries given back and the segments that hold them, freed at once.
 * @param options.catchUp entries up to the newest snapshot marker that are given back; the others stay on the disk.
 *   Default all
 * @throws WalError "missing" | "corrupt" | "missingSegment" | "foreign" | "io"; nothing was changed then
 */
export async function openWal(
  options: WalOptions & { readonly catchUp?: CatchUpBounds },
): Promise<{ readonly wal: Wal; readonly replay: WalReplay }> {
  const { disk, metadata } = options;
  return explainingSystemErrors(disk, async () => {
    const segments = segmentsAmong(await disk.list());
    if (segments.length === 0)
      throw new WalError({ failure: "missing", file: disk.directory }, "there is no log here.");
    requireContiguous(disk, segments);
    const replayer = new Replayer(metadata, true, options.catchUp);
    let last: { readonly end: LogEnd; readonly tear: WalRepair | undefined } | undefined;
    let contents: Uint8Array[] = [];
    for (const [i, segment] of segments.entries()) {
      const content = await readSegment(disk, segment, "update");
      last = replayer.segment(content, segment, pathOf(disk, segment), segments[i + 1]?.sequence);
      contents.push(content);
      contents = contents.filter((one) => replayer.holds(one) || free(one));
    }
    const { end, tear } = assertDefined(last, "a log has a segment");
    const newest = assertDefined(segments.at(-1), "a log has a segment");
    const result = replayer.result(pathOf(disk, newest));
    for (const content of contents) free(content);
    await removeUnfinished(disk);
    const file = await disk.open(newest.name, "update");
    // By its length: a crash in the middle of writing zeros would leave what is no tear any more.
    if (tear !== undefined) await file.truncate(tear.offset);
    // A killed process may have left writes and names that were read here and that a power cut would still take.
    await file.fdatasync();
    await disk.syncDirectory();
    const lastIndex = Math.max(result.snapshot.index, result.entries.at(-1)?.index ?? 0);
    const position = { segments, file, ...end, hardState: result.hardState, snapshot: result.snapshot, lastIndex };
    const wal = new Wal(disk, metadata, options.segmentSizeBytes ?? segmentSizeBytesDefault, position);
    return { wal, replay: { metadata, repair: tear, ...result } };
  });
}

/** @throws WalError "missingSegment" */
export function requireContiguous(disk: WalDisk, segments: readonly SegmentName[]): void {
  segments.forEach((segment, i) => {
    const expected = (segments[0]?.sequence ?? 0) + i;
    if (segment.sequence === expected) return;
    throw new WalError(
      { failure: "missingSegment", file: pathOf(disk, segment) },
      `segment ${expected} should come before it and is not there. Put the file back; without it, remove this member ` +
        "from the cluster and add it again under a new id.",
    );
  });
}

export async function readSegment(disk: WalDisk, segment: SegmentName, mode: "read" | "update"): Promise<Uint8Array> {
  const file = await disk.open(segment.name, mode);
  try {
    return await file.read();
  } finally {
    await file.close();
  }
}

/** Garbage of this size would stay for as long as nothing else fills the heap. @returns false: it is gone */
function free({ buffer }: Uint8Array): false {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
  return false;
}

async function removeUnfinished(disk: WalDisk): Promise<void> {
  for (const name of await disk.list()) if (name.endsWith(unfinishedSuffix)) await disk.remove(name);
}

export function pathOf(disk: WalDisk, segment: SegmentName): string {
  return `${disk.directory}/${segment.name}`;
}

/** @throws WalError "io" in place of the system's error */
export async function explainingSystemErrors<T>(disk: WalDisk, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof WalError || !(error instanceof Error) || !("code" in error)) throw error;
    const text = `${String(error.code)}. ${adviceFor(String(error.code))}`;
    throw new WalError({ failure: "io", file: disk.directory }, text, { cause: error });
  }
}
