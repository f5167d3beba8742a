/**
 * How much of the log is kept. What the state machine has made durable is needed only by peers that lag: the last
 * `catchUpEntries` (and `catchUpBytesMax`) stay in memory and on disk. While a snapshot is on its way, and some time
 * after, everything stays, because its receiver goes on from there; up to `heldLogBytesMax`.
 */
import { assertDefined, emptyBytes } from "@triarch/base";
import { entriesSizeBytes } from "@triarch/raft";
import type { ConfState, Entry, MemoryStorage } from "@triarch/raft";
import type { Wal, WalSnapshot } from "@triarch/wal";
import type { RaftNodeLimits } from "../types.ts";

const sampleBytes = 64 * 1024;

export class LogRetention {
  readonly #storage: MemoryStorage;
  readonly #wal: Wal;
  readonly #limits: RaftNodeLimits;
  readonly #onFailed: (error: unknown) => void;
  #purging: Promise<void> | undefined;
  /** Configurations by the index at which they came into force; the first is the one at the snapshot. */
  #confStates: { readonly index: number; readonly confState: ConfState }[];
  #appendedBytes = 0;
  /** `#appendedBytes` at the last compaction. */
  #compactedAtBytes = 0;
  /** Every `sampleBytes`: bytes appended up to that index, in this process. */
  #samples: { readonly index: number; readonly bytes: number }[] = [];

  constructor(parts: {
    readonly storage: MemoryStorage;
    readonly wal: Wal;
    readonly limits: RaftNodeLimits;
    readonly snapshot: WalSnapshot;
    readonly onFailed: (error: unknown) => void;
  }) {
    this.#storage = parts.storage;
    this.#wal = parts.wal;
    this.#limits = parts.limits;
    this.#onFailed = parts.onFailed;
    this.#confStates = [{ index: parts.snapshot.index, confState: parts.snapshot.confState }];
    this.#countReplayed();
  }

  appended(entries: readonly Entry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#appendedBytes += entriesSizeBytes(entries);
    // Entries of an earlier term were replaced from here on.
    while ((this.#samples.at(-1)?.index ?? 0) >= (entries[0]?.index ?? 0)) this.#samples.pop();
    if (this.#appendedBytes - (this.#samples.at(-1)?.bytes ?? 0) >= sampleBytes) {
      this.#samples.push({ index: last.index, bytes: this.#appendedBytes });
    }
  }

  #countReplayed(): void {
    const [first, last] = [this.#storage.firstIndex(), this.#storage.lastIndex()];
    if (last < first) return;
    for (const entry of this.#storage.entries(first, last + 1, Number.POSITIVE_INFINITY)) this.appended([entry]);
    this.#compactedAtBytes = this.#appendedBytes;
  }

  confChanged(index: number, confState: ConfState): void {
    this.#confStates.push({ index, confState });
  }

  /** A leader's snapshot replaced the log. */
  replaced({ index, confState }: WalSnapshot): void {
    this.#confStates = [{ index, confState }];
    this.#samples = [];
  }

  /** @param index at or after the last snapshot */
  confStateAt(index: number): ConfState {
    const found = this.#confStates.findLast((known) => known.index <= index);
    return assertDefined(found, `no configuration is known for index ${index}`).confState;
  }

  /** Cheap when there is nothing to do. @param held a snapshot is on its way, or just arrived */
  async work(durableIndex: number, held: boolean): Promise<void> {
    const snapshot = this.#storage.snapshot();
    if (durableIndex < snapshot.index + this.#entriesUntilNext()) return;
    this.#compactedAtBytes = this.#appendedBytes;
    const { term } = this.#storage.createSnapshot(durableIndex, this.confStateAt(durableIndex), emptyBytes);
    const confState = this.confStateAt(durableIndex);
    // The next synced batch takes it along: until then replay just starts earlier.
    await this.#wal.append({ snapshot: { index: durableIndex, term, confState }, sync: false });
    while ((this.#confStates[1]?.index ?? Number.POSITIVE_INFINITY) <= durableIndex) this.#confStates.shift();
    const compactTo = this.#compactTo(durableIndex, held);
    if (compactTo >= this.#storage.firstIndex()) this.#storage.compact(compactTo);
    this.#purge(Math.min(compactTo, this.#wal.syncedSnapshotIndex));
  }

  /** A thousand entries may be a gigabyte. */
  #entriesUntilNext(): number {
    const { compactEveryEntries, compactEveryBytes } = this.#limits;
    return this.#appendedBytes - this.#compactedAtBytes >= compactEveryBytes ? 1 : compactEveryEntries;
  }

  /** Deletions under way. */
  async idle(): Promise<void> {
    await this.#purging;
  }

  /** Deleting a large file takes its time; the log goes on beside it. */
  #purge(index: number): void {
    if (this.#purging !== undefined) return;
    this.#purging = this.#wal
      .purge(index)
      .then(() => undefined, this.#onFailed)
      .finally(() => (this.#purging = undefined));
  }

  #compactTo(durableIndex: number, held: boolean): number {
    const { catchUpEntries, catchUpBytesMax, heldLogBytesMax } = this.#limits;
    const bytesMax = held ? heldLogBytesMax : catchUpBytesMax;
    const byCount = held ? 0 : durableIndex - catchUpEntries;
    const tooOld = this.#samples.findLastIndex(({ bytes }) => this.#appendedBytes - bytes > bytesMax);
    const byBytes = this.#samples[tooOld]?.index ?? 0;
    if (tooOld > 0) this.#samples = this.#samples.slice(tooOld);
    return Math.min(durableIndex, Math.max(0, byCount, byBytes));
  }
}
