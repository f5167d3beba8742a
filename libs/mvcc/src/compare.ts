/**
 * The conditions of a transaction. A condition over a range must hold for every key in it; a missing key counts as one
 * with version, revisions and lease 0, but a condition on its value is false whatever the operator.
 * Source: etcd server/etcdserver/txn/txn.go.
 */
import { compareBytes, emptyBytes } from "@triarch/base";
import { CompareResult, CompareTarget, type Compare } from "@triarch/etcd-proto";
import type { KeyVersion } from "./key-history.ts";
import { keyRange, successor } from "./key-range.ts";
import { readVersion, type ReadView } from "./read-view.ts";

export function holds(view: ReadView, compare: Compare): boolean {
  const range = keyRange(compare.key, compare.rangeEnd);
  if (range.single) {
    return holdsForKey(view, compare, view.index.get(range.start)?.find(view.revision));
  }
  let empty = true;
  let page = view.index.page(range.start, range.end);
  while (page.length > 0) {
    for (const history of page) {
      const version = history.find(view.revision);
      if (version === undefined) continue;
      empty = false;
      if (!holdsForKey(view, compare, version)) return false;
    }
    page = view.index.page(successor((page[page.length - 1] as { key: string }).key), range.end);
  }
  return empty ? holdsForKey(view, compare, undefined) : true;
}

function holdsForKey(view: ReadView, compare: Compare, version: KeyVersion | undefined): boolean {
  if (version === undefined && compare.target === CompareTarget.value) return false;
  const difference = differenceOf(view, compare, version);
  switch (compare.result) {
    case CompareResult.equal:
      return difference === 0;
    case CompareResult.notEqual:
      return difference !== 0;
    case CompareResult.greater:
      return difference > 0;
    case CompareResult.less:
      return difference < 0;
    default:
      return true;
  }
}

/** Negative, zero or positive: what the key has, against what was given. Unknown targets are equal, as in etcd. */
function differenceOf(view: ReadView, compare: Compare, version: KeyVersion | undefined): number {
  switch (compare.target) {
    case CompareTarget.version:
      return (version?.version ?? 0) - (compare.version ?? 0);
    case CompareTarget.create:
      return (version?.created ?? 0) - (compare.createRevision ?? 0);
    case CompareTarget.mod:
      return (version?.main ?? 0) - (compare.modRevision ?? 0);
    case CompareTarget.lease: {
      const lease = version === undefined ? 0n : readVersion(view, version).lease;
      const given = compare.lease ?? 0n;
      return lease === given ? 0 : lease > given ? 1 : -1;
    }
    case CompareTarget.value: {
      const value = version === undefined ? emptyBytes : readVersion(view, version).value;
      return compareBytes(value, compare.value ?? emptyBytes);
    }
    default:
      return 0;
  }
}
