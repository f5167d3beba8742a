// Writes an etcd snapshot file as a stream, in memory bounded by one page and the first key of each leaf. Two passes
// over the rows: the first finds how many pages there will be, because the two header pages come first and name the root.
//
// Page order: two metas; per bucket its leaves, then its branch levels upwards; last the root leaf, which lists the
// buckets. Every page below the high-water mark is used once, so no freelist is needed.
import { assert, compareBytes, utf8 } from "@triarch/base";
import {
  BboltError,
  bucketHeaderBytes,
  bucketLeafFlag,
  defaultPageSize,
  elementBytes,
  formatVersion,
  magic,
  metaBytes,
  metaChecksum,
  noFreelist,
  pageFlags,
  pageHeaderBytes,
  trailerBytes,
  view,
  writePageHeader,
  type Row,
  type Sha256,
} from "./format.ts";

/** bbolt's own limit. */
const keyBytesMax = 32_768;
/** Pages are handed on in chunks of about this size. */
const chunkBytes = 256 * 1024;

export interface BucketSource {
  readonly name: string;
  /** Opened twice; must give the same rows, in strictly ascending key order, both times. */
  rows(): Iterable<Row> | AsyncIterable<Row>;
}

export interface SnapshotPlan {
  /** Exact length of the file, trailer included. */
  readonly sizeBytes: number;
  /** The file's bytes; may be taken once. */
  chunks(sha256: Sha256): AsyncIterable<Uint8Array>;
}

/**
 * First pass: lays the pages out.
 * @throws BboltError "badInput" when rows are out of order or too large
 */
export async function planSnapshot(buckets: readonly BucketSource[]): Promise<SnapshotPlan> {
  const sorted = [...buckets].sort((left, right) => compareBytes(utf8(left.name), utf8(right.name)));
  let nextPage = 2;
  const plans: BucketPlan[] = [];
  for (const source of sorted) {
    const leaves: PageSlot[] = [];
    const firstLeafPage = nextPage;
    for await (const leaf of packLeaves(source)) {
      leaves.push({ page: nextPage, firstKey: leaf.rows[0]?.[0] ?? new Uint8Array(0) });
      nextPage += pagesOf(leaf.bytes);
    }
    const levels: PageSlot[][] = [];
    let level = leaves;
    while (level.length > 1) {
      levels.push(level);
      const parents: PageSlot[] = [];
      for (const group of packBranches(level)) {
        parents.push({ page: nextPage, firstKey: group.children[0]?.firstKey ?? new Uint8Array(0) });
        nextPage += pagesOf(group.bytes);
      }
      level = parents;
    }
    plans.push({ source, firstLeafPage, levels, rootPage: level[0]?.page ?? 0 });
  }
  const rootPage = nextPage;
  const rootLeaf = rootRows(plans);
  const rootBytes = leafBytes(rootLeaf);
  const pages = rootPage + pagesOf(rootBytes);
  return {
    sizeBytes: pages * defaultPageSize + trailerBytes,
    chunks: (sha256) => emit(plans, { rootPage, rootLeaf, pages }, sha256),
  };
}

interface PageSlot {
  readonly page: number;
  readonly firstKey: Uint8Array;
}

interface BucketPlan {
  readonly source: BucketSource;
  readonly firstLeafPage: number;
  /** From the leaves upwards; the children of each branch level. */
  readonly levels: readonly (readonly PageSlot[])[];
  /** 0: empty, written inline. */
  readonly rootPage: number;
}

async function* emit(
  plans: readonly BucketPlan[],
  end: { readonly rootPage: number; readonly rootLeaf: readonly Row[]; readonly pages: number },
  sha256: Sha256,
): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let page = 0;
  const flush = (): Uint8Array => {
    const chunk = new Uint8Array(pendingBytes);
    let offset = 0;
    for (const part of pending) {
      chunk.set(part, offset);
      offset += part.length;
    }
    pending = [];
    pendingBytes = 0;
    sha256.update(chunk);
    return chunk;
  };
  const add = (bytes: Uint8Array): boolean => {
    page += bytes.length / defaultPageSize;
    pending.push(bytes);
    pendingBytes += bytes.length;
    return pendingBytes >= chunkBytes;
  };

  add(metaPage(0, end, 1n));
  add(metaPage(1, end, 0n));
  for (const plan of plans) {
    assert(plan.rootPage === 0 || page === plan.firstLeafPage, "the second pass saw other rows than the first");
    for await (const leaf of packLeaves(plan.source)) {
      if (add(leafPage(page, leaf.rows, leaf.bytes, 0))) yield flush();
    }
    for (const level of plan.levels) {
      for (const group of packBranches(level)) if (add(branchPage(page, group.children, group.bytes))) yield flush();
    }
  }
  assert(page === end.rootPage, "the second pass saw other rows than the first");
  add(leafPage(page, end.rootLeaf, leafBytes(end.rootLeaf), bucketLeafFlag));
  yield flush();
  yield new Uint8Array(sha256.digest());
}

/** Cuts a bucket's rows into leaves: as many rows as fit a page; a larger row stands alone on several pages. */
async function* packLeaves(
  source: BucketSource,
): AsyncGenerator<{ readonly rows: readonly Row[]; readonly bytes: number }> {
  let rows: Row[] = [];
  let bytes = pageHeaderBytes;
  let previous: Uint8Array | undefined;
  for await (const row of source.rows()) {
    const [key, value] = row;
    if (key.length === 0 || key.length > keyBytesMax) {
      throw new BboltError(
        "badInput",
        `bucket ${source.name}: a key of ${key.length} bytes (1 to ${keyBytesMax} are allowed)`,
      );
    }
    if (previous !== undefined && compareBytes(previous, key) >= 0) {
      throw new BboltError("badInput", `bucket ${source.name}: rows are not in ascending order`);
    }
    previous = key;
    const rowBytes = elementBytes + key.length + value.length;
    if (rows.length > 0 && bytes + rowBytes > defaultPageSize) {
      yield { rows, bytes };
      rows = [];
      bytes = pageHeaderBytes;
    }
    rows.push(row);
    bytes += rowBytes;
  }
  if (rows.length > 0) yield { rows, bytes };
}

function* packBranches(
  children: readonly PageSlot[],
): Generator<{ readonly children: readonly PageSlot[]; readonly bytes: number }> {
  let group: PageSlot[] = [];
  let bytes = pageHeaderBytes;
  for (const child of children) {
    const childBytes = elementBytes + child.firstKey.length;
    // Two children at least, or a tree of long keys would never end in one root.
    if (group.length > 1 && bytes + childBytes > defaultPageSize) {
      yield { children: group, bytes };
      group = [];
      bytes = pageHeaderBytes;
    }
    group.push(child);
    bytes += childBytes;
  }
  if (group.length > 0) yield { children: group, bytes };
}

function leafPage(id: number, rows: readonly Row[], bytes: number, elementFlags: number): Uint8Array {
  const pages = pagesOf(bytes);
  const page = new Uint8Array(pages * defaultPageSize);
  writePageHeader(page, { id, flags: pageFlags.leaf, count: rows.length, overflow: pages - 1 });
  writeLeafElements(page, rows, elementFlags);
  return page;
}

function writeLeafElements(page: Uint8Array, rows: readonly Row[], elementFlags: number): void {
  const at = view(page);
  let data = pageHeaderBytes + rows.length * elementBytes;
  rows.forEach(([key, value], i) => {
    const element = pageHeaderBytes + i * elementBytes;
    at.setUint32(element, elementFlags, true);
    at.setUint32(element + 4, data - element, true);
    at.setUint32(element + 8, key.length, true);
    at.setUint32(element + 12, value.length, true);
    page.set(key, data);
    page.set(value, data + key.length);
    data += key.length + value.length;
  });
}

function branchPage(id: number, children: readonly PageSlot[], bytes: number): Uint8Array {
  const pages = pagesOf(bytes);
  const page = new Uint8Array(pages * defaultPageSize);
  writePageHeader(page, { id, flags: pageFlags.branch, count: children.length, overflow: pages - 1 });
  const at = view(page);
  let data = pageHeaderBytes + children.length * elementBytes;
  children.forEach((child, i) => {
    const element = pageHeaderBytes + i * elementBytes;
    at.setUint32(element, data - element, true);
    at.setUint32(element + 4, child.firstKey.length, true);
    at.setBigUint64(element + 8, BigInt(child.page), true);
    page.set(child.firstKey, data);
    data += child.firstKey.length;
  });
  return page;
}

/** The root leaf: bucket names with where their trees begin. An empty bucket is an inline leaf without rows. */
function rootRows(plans: readonly BucketPlan[]): readonly Row[] {
  return plans.map((plan): Row => {
    const inline = plan.rootPage === 0;
    const value = new Uint8Array(bucketHeaderBytes + (inline ? pageHeaderBytes : 0));
    view(value).setBigUint64(0, BigInt(plan.rootPage), true);
    if (inline)
      writePageHeader(value.subarray(bucketHeaderBytes), { id: 0, flags: pageFlags.leaf, count: 0, overflow: 0 });
    return [utf8(plan.source.name), value];
  });
}

function leafBytes(rows: readonly Row[]): number {
  return rows.reduce((sum, [key, value]) => sum + elementBytes + key.length + value.length, pageHeaderBytes);
}

function metaPage(
  id: 0 | 1,
  end: { readonly rootPage: number; readonly pages: number },
  transactionId: bigint,
): Uint8Array {
  const page = new Uint8Array(defaultPageSize);
  writePageHeader(page, { id, flags: pageFlags.meta, count: 0, overflow: 0 });
  const meta = page.subarray(pageHeaderBytes, pageHeaderBytes + metaBytes);
  const at = view(meta);
  at.setUint32(0, magic, true);
  at.setUint32(4, formatVersion, true);
  at.setUint32(8, defaultPageSize, true);
  at.setBigUint64(16, BigInt(end.rootPage), true);
  at.setBigUint64(32, noFreelist, true);
  at.setBigUint64(40, BigInt(end.pages), true);
  at.setBigUint64(48, transactionId, true);
  at.setBigUint64(56, metaChecksum(meta), true);
  return page;
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / defaultPageSize);
}
