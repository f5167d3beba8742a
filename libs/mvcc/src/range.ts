/**
 * Range: which keys are answered is decided in the index; values are fetched only for those.
 *
 * `rangeSteps` is a generator that yields between bounded slices, all at one pinned revision; the store may change in
 * between. Run to its end at once it is the plain range.
 * Source: etcd KV API; server/etcdserver/txn/range.go.
 */
import { compareBytes, emptyBytes, fromByteString } from "@triarch/base";
import { SortOrder, SortTarget, type KeyValue, type RangeRequest, type RangeResponse } from "@triarch/etcd-proto";
import { MvccError } from "./errors.ts";
import { keyRange, successor } from "./key-range.ts";
import type { KeyVersion } from "./key-history.ts";
import { readVersion, type ReadView } from "./read-view.ts";
import { slicedMap, slicedSort } from "./sliced.ts";

/** Keys visited in the index, and rows and bytes fetched, between two yields. */
const keysPerSlice = 3_000;
const rowsPerSlice = 250;
const bytesPerSlice = 256 * 1024;

/** A key that is answered, at the version that is. */
export interface Found extends KeyVersion {
  readonly key: string;
}

/** Which rows a range answers with. */
export interface Selection {
  readonly header: RangeResponse["header"];
  /** At which the rows are read. */
  readonly revision: number;
  readonly entries: readonly Found[];
  /** Rows that had to be looked at already. */
  readonly fetched: ReadonlyMap<Found, KeyValue>;
  readonly more: boolean;
  readonly count: number;
}

/** @throws MvccError "compacted" | "futureRevision", also when a compaction overtakes the read */
export function* rangeSteps(view: ReadView, request: RangeRequest): Generator<undefined, RangeResponse, undefined> {
  const selection = yield* selectSteps(view, request);
  const { header, entries, fetched, more, count } = selection;
  if (request.keysOnly) return { header, kvs: yield* slicedMap(entries, keyOnly), more, count };
  const kvs: KeyValue[] = [];
  yield* pacedRows(view, selection, (entry) => {
    const row = fetched.get(entry) ?? readVersion(view, entry);
    kvs.push(row);
    return row.key.length + row.value.length;
  });
  return { header, kvs, more, count };
}

/** The part of a range that needs the index alone, unless rows are sorted by value. */
export function* selectSteps(view: ReadView, request: RangeRequest): Generator<undefined, Selection, undefined> {
  const revision = request.revision > 0 ? request.revision : view.revision;
  assertReadable(view, revision);
  const currentRevision = view.revision;

  const sorted = sortOf(request);
  const filtered = hasFilters(request);
  // With no order etcd takes the first keys in key order, and sorts only those when the target is another than key.
  const limitsFirst = request.limit > 0 && !filtered && (sorted === undefined || request.sortOrder === SortOrder.none);
  const wanted = limitsFirst ? request.limit + 1 : Infinity;
  const found: Found[] = [];
  let count = 0;
  const range = keyRange(request.key, request.rangeEnd);
  if (range.single) {
    const version = view.index.get(range.start)?.find(revision);
    if (version !== undefined) {
      count = 1;
      found.push({ ...version, key: range.start });
    }
  } else {
    let cursor = range.start;
    let visited = 0;
    for (;;) {
      const page = view.index.page(cursor, range.end);
      if (page.length === 0) break;
      for (const history of page) {
        if (!history.existsAt(revision)) continue;
        count += 1;
        if (request.countOnly || found.length >= wanted) continue;
        found.push({ ...(history.find(revision) as KeyVersion), key: history.key });
      }
      cursor = successor((page[page.length - 1] as { key: string }).key);
      visited += page.length;
      if (visited >= keysPerSlice) {
        visited = 0;
        yield;
        assertReadable(view, revision);
      }
    }
  }
  const header = headerAt(currentRevision);
  const fetched = new Map<Found, KeyValue>();
  const nothing: readonly Found[] = [];
  if (request.countOnly) return { header, revision, entries: nothing, fetched, more: false, count };

  let entries = filtered ? found.filter((entry) => passesFilters(entry, request)) : found;
  if (sorted !== undefined && request.sortTarget === SortTarget.value) {
    yield* pacedRows(view, { entries, revision }, (entry) => {
      const row = readVersion(view, entry);
      fetched.set(entry, row);
      return row.key.length + row.value.length;
    });
  }
  if (sorted !== undefined) {
    entries = yield* slicedSort(entries, comparator(request.sortTarget, sorted, fetched));
  }
  const more = request.limit > 0 && entries.length > request.limit;
  if (more) entries = entries.slice(0, request.limit);
  return { header, revision, entries, fetched, more, count };
}

/** @throws MvccError "compacted" | "futureRevision" */
export function assertReadable(view: ReadView, revision: number): void {
  if (revision > view.revision) {
    throw new MvccError({ code: "futureRevision", requested: revision, currentRevision: view.revision });
  }
  if (revision < view.compactRevision) {
    throw new MvccError({ code: "compacted", requested: revision, compactRevision: view.compactRevision });
  }
}

/** Answers inside carry only the revision; who sends them fills in the rest. */
export function headerAt(revision: number): RangeResponse["header"] {
  return { clusterId: 0n, memberId: 0n, revision, raftTerm: 0 };
}

export function runToEnd<R>(steps: Generator<undefined, R, undefined>): R {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** @param read what is done for each entry; returns its bytes, by which the slices are cut */
export function* pacedRows(
  view: ReadView,
  { entries, revision }: Pick<Selection, "entries" | "revision">,
  read: (entry: Found) => number,
): Generator<undefined, void, undefined> {
  let rows = 0;
  let bytes = 0;
  for (const entry of entries) {
    if (rows === rowsPerSlice || bytes >= bytesPerSlice) {
      rows = 0;
      bytes = 0;
      yield;
      assertReadable(view, revision);
    }
    rows += 1;
    bytes += read(entry);
  }
}

/** Made from the index alone, so the lease is not known either (as etcd since 3.7). */
export function keyOnly(entry: Found): KeyValue {
  return {
    key: fromByteString(entry.key),
    createRevision: entry.created,
    modRevision: entry.main,
    version: entry.version,
    value: emptyBytes,
    lease: 0n,
  };
}

function hasFilters(request: RangeRequest): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  return minModRevision !== 0 || maxModRevision !== 0 || minCreateRevision !== 0 || maxCreateRevision !== 0;
}

function passesFilters({ main, created }: KeyVersion, request: RangeRequest): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  return (
    (maxModRevision === 0 || main <= maxModRevision) &&
    (minModRevision === 0 || main >= minModRevision) &&
    (maxCreateRevision === 0 || created <= maxCreateRevision) &&
    (minCreateRevision === 0 || created >= minCreateRevision)
  );
}

/** Undefined when key order, in which keys are found anyway, is what is asked for. Another target means ascending. */
function sortOf({ sortOrder, sortTarget }: RangeRequest): "ascend" | "descend" | undefined {
  if (sortOrder === SortOrder.descend) return "descend";
  return sortTarget === SortTarget.key ? undefined : "ascend";
}

/** Ties stay in key order. */
function comparator(
  target: number,
  order: "ascend" | "descend",
  values: ReadonlyMap<Found, KeyValue>,
): (left: Found, right: Found) => number {
  const ascending = (left: Found, right: Found): number => {
    switch (target) {
      case SortTarget.version:
        return left.version - right.version;
      case SortTarget.create:
        return left.created - right.created;
      case SortTarget.mod:
        return left.main - right.main;
      case SortTarget.value:
        return compareBytes(values.get(left)?.value ?? emptyBytes, values.get(right)?.value ?? emptyBytes);
      default:
        return left.key < right.key ? -1 : 1;
    }
  };
  return order === "ascend" ? ascending : (left, right) => ascending(right, left);
}
