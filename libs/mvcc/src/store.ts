/**
 * The multi-version store: a key index in memory, rows in an ordered backend, one revision counter.
 *
 * A write takes effect in memory at once and hands out the rows to persist; until `persisted(revision)` says that the
 * backend has them, reads find them in an overlay. So an entry is answered when applied, and the disk follows.
 *
 * Invariants:
 *  I1. `revision` rises by exactly one for each write that changes something; a new store is at 1;
 *  I2. a write that throws has changed nothing;
 *  I3. rows handed out are persisted in order, and a compaction step's deletes after all rows handed out before it.
 *      The caller keeps I3.
 */
import { assert, type ByteString } from "@triarch/base";
import {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
  type DeleteRangeRequestInit,
  type DeleteRangeResponse,
  type PutRequestInit,
  type PutResponse,
  type RangeRequestInit,
  type RangeResponse,
  type TxnRequestInit,
  type TxnResponse,
} from "@triarch/etcd-proto";
import type { Pause, Row, RowBackend } from "./backend.ts";
import { Compaction, type CompactionStep } from "./compaction.ts";
import { encodedRangeSteps, type EncodedRange } from "./encoded-range.ts";
import { MvccError } from "./errors.ts";
import { hashKv, type KvHash } from "./hash-kv.ts";
import { KeyIndex } from "./key-index.ts";
import { assertReadable, rangeSteps, runToEnd } from "./range.ts";
import { RowReader, type ReadView } from "./read-view.ts";
import { restoreIndex } from "./restore.ts";
import { slicedSort } from "./sliced.ts";
import { executeTxn } from "./txn.ts";
import { validateDeleteRange, validatePut, validateRange, validateTxn } from "./validate.ts";
import {
  defaultWatchLimits,
  WatchHub,
  type Watch,
  type WatchLimits,
  type WatchRequest,
  type WatchSink,
} from "./watch-hub.ts";
import { WriteTxn, type LeaseAttachments } from "./write-txn.ts";

export interface MvccOptions {
  readonly backend: RowBackend;
  readonly leases: LeaseAttachments;
  /** Called between slices of long work. */
  readonly pause: Pause;
  /** Begins work that nobody waits for by the millisecond. @returns called between its slices; absent: `pause` */
  readonly beginBackground?: () => Pause;
  /** From the meta rows `scheduledCompactRev` and `finishedCompactRev`; absent: never compacted. */
  readonly scheduledCompactRevision?: number | undefined;
  readonly finishedCompactRevision?: number | undefined;
  readonly watchLimits?: WatchLimits;
}

export interface Applied<Response> {
  /** Headers hold the revision only. */
  readonly response: Response;
  /** To be persisted in this order. Empty when nothing changed. */
  readonly rows: readonly Row[];
}

/** A write in slices: each step is a bounded one, the last has the outcome. @throws MvccError from the first */
export type WriteSteps<Response> = Generator<undefined, Applied<Response>, undefined>;

export interface DeletedKeys {
  readonly revision: number;
  readonly deleted: number;
}

/** Rebuilds the key index from all rows. Cost: one pass over the rows, in slices. @throws RestoreError */
export async function openMvccStore(options: MvccOptions): Promise<MvccStore> {
  const store = new MvccStore(options);
  await store.reload(options);
  return store;
}

export class MvccStore implements ReadView {
  #index = new KeyIndex();
  #rows: RowReader;
  #revision = 1;
  #compactRevision = -1;
  #compaction: Compaction | undefined;
  readonly #leases: LeaseAttachments;
  readonly #pause: Pause;
  readonly #beginBackground: () => Pause;
  readonly #watches: WatchHub;

  /** Use `openMvccStore`. */
  constructor({ backend, leases, pause, beginBackground, watchLimits }: MvccOptions) {
    this.#rows = new RowReader(backend);
    this.#leases = leases;
    this.#pause = pause;
    this.#beginBackground = beginBackground ?? (() => pause);
    this.#watches = new WatchHub(this, watchLimits ?? defaultWatchLimits);
  }

  get revision(): number {
    return this.#revision;
  }

  /** The oldest revision that can be read; -1 when there was no compaction. */
  get compactRevision(): number {
    return this.#compactRevision;
  }

  get index(): KeyIndex {
    return this.#index;
  }

  get rows(): RowReader {
    return this.#rows;
  }

  /** Keys in the index, deleted ones not yet compacted away included. */
  get keyCount(): number {
    return this.#index.size;
  }

  /** All at once. @throws MvccError */
  range(request: RangeRequestInit): RangeResponse {
    const full = RangeRequest.create(request);
    validateRange(full);
    return runToEnd(rangeSteps(this, full));
  }

  /** In slices, at one revision. @throws MvccError, also "compacted" or "reloaded" when that overtakes the read */
  rangePaced(request: RangeRequestInit): Promise<RangeResponse> {
    return this.#paced(request, rangeSteps);
  }

  /** As `rangePaced`, for who only passes the rows on: a row's bytes are copied once and not decoded. */
  rangeEncoded(request: RangeRequestInit): Promise<EncodedRange> {
    return this.#paced(request, encodedRangeSteps);
  }

  async #paced<R>(
    request: RangeRequestInit,
    stepsOf: (view: ReadView, request: RangeRequest) => Generator<undefined, R, undefined>,
  ): Promise<R> {
    const full = RangeRequest.create(request);
    validateRange(full);
    const index = this.#index;
    const steps = stepsOf(this, full.revision > 0 ? full : { ...full, revision: this.#revision });
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      await this.#pause();
      if (index !== this.#index) throw new MvccError({ code: "reloaded" });
    }
  }

  /** @throws MvccError */
  put(request: PutRequestInit): Applied<PutResponse> {
    const full = PutRequest.create(request);
    validatePut(full);
    const txn = this.#begin();
    txn.checkLease(full); // etcd's order; in a transaction it is the other way round
    txn.checkExists(full);
    return this.#end(txn, txn.put(full));
  }

  /** All at once, also for a range of many keys. @throws MvccError */
  deleteRange(request: DeleteRangeRequestInit): Applied<DeleteRangeResponse> {
    return runToEnd(this.deleteRangeSteps(request));
  }

  /**
   * The same in slices, as are `deleteKeysSteps` and `txnSteps`. Until the last, everybody reads the store as it was
   * before; then all of it is there at once. No other write may begin meanwhile, and it must be run to its end.
   */
  *deleteRangeSteps(request: DeleteRangeRequestInit): WriteSteps<DeleteRangeResponse> {
    const full = DeleteRangeRequest.create(request);
    validateDeleteRange(full);
    const txn = this.#begin();
    return this.#end(txn, yield* txn.deleteRange(full));
  }

  /** For a revoked lease: deletes these keys, sorted, in one revision. Missing keys are passed over. */
  deleteKeys(keys: Iterable<ByteString>): Applied<DeletedKeys> {
    return runToEnd(this.deleteKeysSteps(keys));
  }

  *deleteKeysSteps(keys: Iterable<ByteString>): WriteSteps<DeletedKeys> {
    const sorted = yield* slicedSort([...keys], (left, right) => (left < right ? -1 : 1));
    const txn = this.#begin();
    const deleted = yield* txn.deleteKeys(sorted);
    return this.#end(txn, { revision: txn.revision, deleted });
  }

  /** Also for transactions that only read. @throws MvccError */
  txn(request: TxnRequestInit): Applied<TxnResponse> {
    return runToEnd(this.txnSteps(request));
  }

  *txnSteps(request: TxnRequestInit): WriteSteps<TxnResponse> {
    const full = TxnRequest.create(request);
    validateTxn(full);
    const txn = this.#begin();
    return this.#end(txn, yield* executeTxn(txn, full));
  }

  /**
   * Makes everything before `revision` unreadable at once; `compactionStep` then deletes the rows. The caller persists
   * `scheduledCompactRev`.
   * @throws MvccError "compacted" | "futureRevision"
   */
  compact(revision: number): void {
    if (revision <= this.#compactRevision) {
      throw new MvccError({ code: "compacted", requested: revision, compactRevision: this.#compactRevision });
    }
    if (revision > this.#revision) {
      throw new MvccError({ code: "futureRevision", requested: revision, currentRevision: this.#revision });
    }
    this.#compactRevision = revision;
    this.#compaction = new Compaction(this.#index, revision);
  }

  /** @returns undefined when there is nothing to compact; else the next bounded step */
  compactionStep(): CompactionStep | undefined {
    if (this.#compaction === undefined) return undefined;
    this.finishEvents(); // events still to be delivered may show rows that go now
    const step = this.#compaction.step();
    if (step.finished) this.#compaction = undefined;
    return step;
  }

  /** @param revision 0: the current one. @throws MvccError "compacted" | "futureRevision" */
  async hashKv(revision: number): Promise<KvHash> {
    if (revision !== 0) assertReadable(this, revision);
    // What is held now, by reference: it is encoded slice by slice when its turn comes.
    const unpersisted = [...this.#rows.heldRevisions()];
    return hashKv(this, revision === 0 ? this.#revision : revision, unpersisted, this.#beginBackground());
  }

  /** The backend has every row up to this main revision. */
  persisted(revision: number): void {
    this.#rows.release(revision);
  }

  /** @throws MvccError "emptyWatchRange". Call `catchUp` after it. */
  watch(request: WatchRequest, sink: WatchSink): Watch {
    return this.#watches.watch(request, sink);
  }

  /**
   * Offers the events of all writes since the last call; once after each applied batch. Those of long writes are offered
   * by `catchUp`, later writes' events after them.
   * @returns true: call `catchUp`
   */
  deliverEvents(): boolean {
    return this.#watches.deliver();
  }

  /** Offers at once what `deliverEvents` left to `catchUp`: before rows go that its events may show. */
  finishEvents(): void {
    this.#watches.finishDelivery();
  }

  /** A bounded slice of work for watchers that are behind. @returns true: call again, after letting others run */
  catchUp(): boolean {
    return this.#watches.catchUp();
  }

  get watcherCount(): number {
    return this.#watches.size;
  }

  get unsyncedWatcherCount(): number {
    return this.#watches.unsyncedSize;
  }

  /**
   * Replaces everything by what `backend` holds: at start, and when a snapshot was installed. Watchers stay and go on
   * from their place. The lessor must hold the backend's leases before. No other call may run meanwhile.
   */
  async reload(
    options: Pick<MvccOptions, "backend" | "scheduledCompactRevision" | "finishedCompactRevision">,
  ): Promise<void> {
    this.#watches.settle();
    const finished = options.finishedCompactRevision ?? -1;
    const scheduled = Math.max(options.scheduledCompactRevision ?? -1, finished);
    const index = new KeyIndex();
    const newest = await restoreIndex({
      backend: options.backend,
      index,
      leases: this.#leases,
      pause: this.#pause,
      compactRevision: scheduled,
    });
    this.#index = index;
    this.#rows = new RowReader(options.backend);
    this.#revision = Math.max(newest, scheduled, 1);
    this.#compactRevision = scheduled;
    this.#compaction = scheduled > finished ? new Compaction(index, scheduled) : undefined;
    this.#watches.restart();
  }

  #begin(): WriteTxn {
    return new WriteTxn(this, this.#leases);
  }

  #end<Response>(txn: WriteTxn, response: Response): Applied<Response> {
    if (txn.changes.length === 0) return { response, rows: [] };
    assert(this.#revision === txn.beginRevision, `another write has ended while that of ${txn.revision} was under way`);
    this.#revision = txn.revision;
    txn.settleLeases();
    this.#watches.publish(txn.changes);
    return { response, rows: txn.rowsToPersist };
  }
}
