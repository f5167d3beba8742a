/**
 * One transaction's changes. Each takes effect in the key index and the row overlay at once, so that later reads of the
 * same transaction see it; all share one main revision, numbered by sub. The store's revision rises only when it ends
 * with a change, so between the slices of a long one others read the store as it was before.
 */
import { type ByteString, emptyBytes, fromByteString } from "@triarch/base";
import {
  KeyValue,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type PutRequest,
  type PutResponse,
} from "@triarch/etcd-proto";
import type { Row } from "./backend.ts";
import { MvccError } from "./errors.ts";
import { keyRange, successor, type KeyRange } from "./key-range.ts";
import { headerAt } from "./range.ts";
import { readKey, readVersion, type ReadView } from "./read-view.ts";
import { encodeRevisionKey, type Revision } from "./revision.ts";
import { slicedMap } from "./sliced.ts";

/** Keys deleted between two pauses, about 2 ms; ten times as many are looked at. */
const keysPerSlice = 400;

/** Keys attached to leases. The lessor keeps them; the store says what happens to keys. */
export interface LeaseAttachments {
  has(leaseId: bigint): boolean;
  /** Attaches to this lease instead of any other. */
  attach(leaseId: bigint, key: ByteString): void;
  detach(key: ByteString): void;
}

export interface Change extends Revision {
  readonly key: ByteString;
  readonly tombstone: boolean;
  /** What events show: of a tombstone only key and modRevision. */
  readonly kv: KeyValue;
  /** The key's row before the transaction; undefined if there was none. */
  readonly previous: Revision | undefined;
}

export class WriteTxn implements ReadView {
  readonly index: ReadView["index"];
  readonly rows: ReadView["rows"];
  readonly compactRevision: number;
  readonly changes: Change[] = [];
  readonly rowsToPersist: Row[] = [];
  /** The store's; it must still be that when the transaction ends. */
  readonly beginRevision: number;
  readonly #leases: LeaseAttachments;
  readonly #held: KeyValue[] = [];
  /** In order; 0n detaches. Takes effect with the revision. */
  readonly #attachments: (readonly [key: ByteString, leaseId: bigint])[] = [];

  constructor(store: ReadView, leases: LeaseAttachments) {
    this.index = store.index;
    this.rows = store.rows;
    this.compactRevision = store.compactRevision;
    this.beginRevision = store.revision;
    this.#leases = leases;
  }

  /** What reads inside see: the new revision once something changed. */
  get revision(): number {
    return this.beginRevision + (this.changes.length > 0 ? 1 : 0);
  }

  /** Checks before anything changes. @throws MvccError "keyNotFound" */
  checkExists(request: PutRequest): void {
    if (!request.ignoreValue && !request.ignoreLease) return;
    const key = keyRange(request.key, emptyBytes).start;
    if (this.index.get(key)?.find(this.revision) === undefined) throw new MvccError({ code: "keyNotFound" });
  }

  /** Checks before anything changes. @throws MvccError "leaseNotFound" */
  checkLease(request: PutRequest): void {
    if (request.lease === 0n || this.#leases.has(request.lease)) return;
    throw new MvccError({ code: "leaseNotFound", leaseId: request.lease });
  }

  put(request: PutRequest): PutResponse {
    const key = keyRange(request.key, emptyBytes).start;
    const history = this.index.getOrCreate(key);
    const before = history.find(this.revision);
    const needed = request.ignoreValue || request.ignoreLease || request.prevKv;
    const previous = needed && before !== undefined ? readVersion(this, before) : undefined;
    const lease = request.ignoreLease ? (previous?.lease ?? 0n) : request.lease;
    const { main, sub } = this.#next();
    const beforeTxn = this.changes.length === 0 ? before : history.find(this.beginRevision);
    const kv: KeyValue = {
      key: request.key,
      createRevision: before?.created ?? main,
      modRevision: main,
      version: (before?.version ?? 0) + 1,
      value: request.ignoreValue ? (previous?.value ?? emptyBytes) : request.value,
      lease,
    };
    history.put(main, sub);
    this.rowsToPersist.push({ key: encodeRevisionKey(main, sub), value: KeyValue.encode(kv) });
    this.#record({ key, main, sub, tombstone: false, kv, previous: beforeTxn });
    this.#attachments.push([key, lease]);
    return { header: headerAt(main), prevKv: request.prevKv ? previous : undefined };
  }

  /** In slices. */
  *deleteRange(request: DeleteRangeRequest): Generator<undefined, DeleteRangeResponse, undefined> {
    const doomed = yield* this.#livingKeys(keyRange(request.key, request.rangeEnd));
    const prevKvs = request.prevKv ? yield* slicedMap(doomed, (key) => readKey(this, key) as KeyValue) : [];
    const deleted = yield* this.deleteKeys(doomed);
    return { header: headerAt(this.revision), deleted, prevKvs };
  }

  /** In slices; missing keys are passed over. @returns how many were there */
  *deleteKeys(keys: readonly ByteString[]): Generator<undefined, number, undefined> {
    let deleted = 0;
    for (const [i, key] of keys.entries()) {
      if (i > 0 && i % keysPerSlice === 0) yield;
      if (this.deleteKey(key)) deleted += 1;
    }
    return deleted;
  }

  /** @returns false when there is no such key */
  deleteKey(key: ByteString): boolean {
    const history = this.index.get(key);
    const before = history?.find(this.revision);
    if (history === undefined || before === undefined) return false;
    const { main, sub } = this.#next();
    const beforeTxn = this.changes.length === 0 ? before : history.find(this.beginRevision);
    const stored = KeyValue.create({ key: fromByteString(key) });
    history.tombstone(main, sub);
    this.rowsToPersist.push({ key: encodeRevisionKey(main, sub, true), value: KeyValue.encode(stored) });
    this.#record({ key, main, sub, tombstone: true, kv: { ...stored, modRevision: main }, previous: beforeTxn });
    this.#attachments.push([key, 0n]);
    return true;
  }

  /** The transaction is over and its revision is the store's. */
  settleLeases(): void {
    for (const [key, leaseId] of this.#attachments) {
      if (leaseId === 0n) this.#leases.detach(key);
      else this.#leases.attach(leaseId, key);
    }
  }

  #next(): Revision {
    return { main: this.beginRevision + 1, sub: this.changes.length };
  }

  #record(change: Change): void {
    if (this.changes.length === 0) this.rows.hold(change.main, this.#held);
    this.#held.push(change.kv);
    this.changes.push(change);
  }

  *#livingKeys(range: KeyRange): Generator<undefined, ByteString[], undefined> {
    if (range.single) {
      return this.index.get(range.start)?.find(this.revision) === undefined ? [] : [range.start];
    }
    const living: ByteString[] = [];
    let looked = 0;
    let page = this.index.page(range.start, range.end);
    while (page.length > 0) {
      for (const history of page) if (history.existsAt(this.revision)) living.push(history.key);
      looked += page.length;
      if (looked >= 10 * keysPerSlice) {
        looked = 0;
        yield;
      }
      page = this.index.page(successor((page[page.length - 1] as { key: string }).key), range.end);
    }
    return living;
  }
}
