/** Logs of random content with a plain account of what they hold, and of what may be found of them after changes. */
import { assertDefined, type Rng } from "@triarch/base";
import type { Entry, HardState } from "@triarch/raft";
import { createWal } from "../src/index.ts";
import type { WalSnapshot } from "../src/index.ts";
import { FuzzDisk, type Files } from "./fuzz-disk.ts";
import { metadata, start } from "./support.ts";

/** What a replay must give. */
export interface LogState {
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
  readonly snapshot: WalSnapshot;
}

export interface FuzzLog {
  readonly files: Files;
  /** The newest last. */
  readonly names: readonly string[];
  /** Ends of the newest segment's batches, ascending, and what the log says up to there. */
  readonly ends: readonly { readonly offset: number; readonly state: LogState }[];
}

interface Batch {
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
  readonly snapshot: WalSnapshot | undefined;
}

/** Length, checksum, eight bytes, type. */
const sealBytes = 17;

/** A log as the product writes it: entries, replaced ones, hard states, snapshot markers, over a few segments. */
export async function randomLog(rng: Rng): Promise<FuzzLog> {
  const disk = new FuzzDisk();
  const wal = await createWal({ disk, metadata, snapshot: start, segmentSizeBytes: 600 + rng.int(6_000) });
  const hardState = { term: start.term, vote: 0n, commit: start.index };
  let state: LogState = { entries: [], hardState, snapshot: start };
  let newest = "";
  let ends: { offset: number; state: LogState }[] = [];
  const note = (): void => {
    const [name, content] = assertDefined([...disk.files].sort().at(-1), "a log has a segment");
    if (name !== newest) ends = [];
    newest = name;
    ends.push({ offset: usedBytes(content), state });
  };
  note();
  for (let batches = 2 + rng.int(14); batches > 0; batches--) {
    const batch = randomBatch(rng, state);
    await wal.append({ ...batch, sync: true });
    state = after(state, batch);
    note();
  }
  await wal.close();
  return { files: disk.files, names: [...disk.files.keys()].sort(), ends };
}

function randomBatch(rng: Rng, { entries, hardState, snapshot }: LogState): Batch {
  const last = entries.at(-1)?.index ?? snapshot.index;
  const first = rng.int(5) === 0 ? Math.max(hardState.commit + 1, last - rng.int(3)) : last + 1;
  const term = hardState.term + (first <= last ? 1 : rng.int(2));
  const made = Array.from({ length: rng.int(6) }, (_, i): Entry => {
    return { term, index: first + i, type: "normal", data: randomData(rng) };
  });
  const commit = Math.min(hardState.commit + rng.int(4), made.at(-1)?.index ?? last);
  const applied = entries.find((entry) => entry.index === hardState.commit);
  const marker =
    applied === undefined || rng.int(6) > 0 ? undefined : { ...snapshot, index: applied.index, term: applied.term };
  return { entries: made, hardState: { term, vote: BigInt(rng.int(3)), commit }, snapshot: marker };
}

/** Zeros too: they are what a tear looks like. */
function randomData(rng: Rng): Uint8Array {
  const kind = rng.int(3);
  const byte = (): number => (kind === 1 || (kind === 2 && rng.int(4) === 0) ? rng.int(256) : 0);
  return Uint8Array.from({ length: rng.int(4) === 0 ? rng.int(1_500) : rng.int(60) }, byte);
}

function after(state: LogState, { entries, hardState, snapshot }: Batch): LogState {
  const first = entries[0]?.index ?? Number.POSITIVE_INFINITY;
  const kept = state.entries.filter(({ index }) => index < first);
  return { entries: [...kept, ...entries], hardState, snapshot: snapshot ?? state.snapshot };
}

export interface Verdict {
  /** `either`: what is there of the unfinished batch is not as it was written, which nothing can tell. */
  readonly kind: "refuse" | "open" | "either";
  /** If it opens. `dropped` bytes are cut off at `offset`; 0: there is nothing to report. */
  readonly state: LogState;
  readonly offset: number;
  readonly dropped: number;
}

/**
 * The rule, by comparison with what was written: older segments are whole, but for the seal; the newest is what was
 * written up to the end of a batch, perhaps the beginning of the next, and zeros from there on.
 * @param files under the names that they had
 */
export function verdictOn(log: FuzzLog, files: Files): Verdict {
  const newest = assertDefined(log.names.at(-1), "a log has a segment");
  const older = log.names.filter((name) => name !== newest);
  const olderAreWhole = older.every((name) => isWholeButForSeal(contentOf(log.files, name), contentOf(files, name)));
  const [written, found] = [contentOf(log.files, newest), contentOf(files, newest)];
  const used = usedBytes(found);
  const same = sameBytes(written, found);
  const whole = log.ends.findLastIndex(({ offset }) => offset <= same);
  const { state, offset } = log.ends[Math.max(whole, 0)] as FuzzLog["ends"][number];
  const dropped = used - offset;
  const result = { state, offset, dropped };
  const nextEnd = log.ends[whole + 1]?.offset ?? offset;
  if (!olderAreWhole || whole === -1 || (dropped > 0 && used >= nextEnd)) return { kind: "refuse", ...result };
  return { kind: used <= same ? "open" : "either", ...result };
}

function isWholeButForSeal(written: Uint8Array, found: Uint8Array): boolean {
  const used = usedBytes(found);
  return used <= sameBytes(written, found) && used >= usedBytes(written) - sealBytes;
}

/** How many bytes from the beginning on are the same. */
function sameBytes(one: Uint8Array, other: Uint8Array): number {
  const differs = one.findIndex((byte, i) => byte !== other[i]);
  return differs === -1 ? one.length : differs;
}

function contentOf(files: Files, name: string): Uint8Array {
  return files.get(name) ?? new Uint8Array(0);
}

function usedBytes(content: Uint8Array): number {
  return content.findLastIndex((byte) => byte !== 0) + 1;
}
