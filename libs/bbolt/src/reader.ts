// Reads an etcd snapshot file that nobody vouches for: every offset, length, page id, order and depth is checked before
// it is used, a page belongs to one bucket and may be reached once only, and rows do not overlap. So reading all buckets
// once costs no more than the file is long, whatever is in it.
import { compareBytes, utf8TextStrict } from "@triarch/base";
import {
  BboltError,
  bucketHeaderBytes,
  bucketLeafFlag,
  elementBytes,
  formatVersion,
  magic,
  metaBytes,
  metaChecksum,
  pageFlags,
  pageHeaderBytes,
  trailerBytes,
  view,
  type Meta,
  type Row,
  type Sha256,
} from "./format.ts";

/** A real tree of 2^40 rows is less deep. */
const depthMax = 32;
const pageSizes = [4096, 8192, 16_384, 32_768, 65_536, 1024, 2048] as const;
/** Bytes read at a time while hashing. */
const hashChunkBytes = 1024 * 1024;
/** A page and what it runs on for, which is read at once: the largest row of a real file is far below. */
const pageRunBytesMax = 64 * 1024 * 1024;
/** etcd has a dozen. */
const bucketsMax = 256;

/** Random access to the file. May return fewer bytes only at the end of the file. */
export interface ByteSource {
  readonly sizeBytes: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface BboltReader {
  readonly meta: Meta;
  /** In byte order of their names. */
  readonly bucketNames: readonly string[];
  /**
   * A bucket's rows in order, some at a time. Views of what was read: copy what is kept.
   * @throws BboltError "corrupt"
   */
  rows(bucket: string): AsyncIterable<readonly Row[]>;
}

/** Whether the file ends with a checksum, told by its size as etcd does. */
export function hasTrailer(sizeBytes: number): boolean {
  return sizeBytes % 512 === trailerBytes;
}

/** @throws BboltError "checksum" when there is none or it does not match */
export async function verifyTrailer(source: ByteSource, sha256: Sha256): Promise<void> {
  if (!hasTrailer(source.sizeBytes)) {
    throw new BboltError(
      "checksum",
      `no checksum at the end: ${source.sizeBytes} bytes is no whole snapshot (truncated?)`,
    );
  }
  const end = source.sizeBytes - trailerBytes;
  for (let offset = 0; offset < end; offset += hashChunkBytes) {
    sha256.update(await readExactly(source, offset, Math.min(hashChunkBytes, end - offset)));
  }
  const stored = await readExactly(source, end, trailerBytes);
  if (compareBytes(stored, sha256.digest()) !== 0) {
    throw new BboltError("checksum", "the SHA-256 at the end does not match: the file was altered or damaged");
  }
}

/** @throws BboltError "notBbolt" | "corrupt" */
export async function openBbolt(source: ByteSource): Promise<BboltReader> {
  const dataBytes = source.sizeBytes - (hasTrailer(source.sizeBytes) ? trailerBytes : 0);
  const meta = await readMeta(source, dataBytes);
  const tree = new Tree(source, meta, dataBytes);
  const buckets = new Map<string, Bucket>();
  for await (const elements of tree.leaves(meta.rootPage, 1)) {
    for (const { flags, key, value } of elements) {
      const name = bucketName(key);
      if (buckets.size >= bucketsMax) throw corrupt(`more than ${bucketsMax} buckets`);
      if (flags !== bucketLeafFlag) throw corrupt(`"${name}" in the root is not a bucket`);
      if (value.length < bucketHeaderBytes) throw corrupt(`bucket "${name}" has a header of ${value.length} bytes`);
      const root = Number(view(value).getBigUint64(0, true));
      buckets.set(name, { number: buckets.size + 2, root, inline: value.slice(bucketHeaderBytes) });
    }
  }
  return {
    meta,
    bucketNames: [...buckets.keys()],
    async *rows(name) {
      const bucket = buckets.get(name);
      if (bucket === undefined) return;
      const leaves =
        bucket.root === 0 ? [tree.inlineLeaf(name, bucket.inline)] : tree.leaves(bucket.root, bucket.number);
      for await (const elements of leaves) {
        yield elements.map(({ flags, key, value }): Row => {
          if (flags !== 0) throw corrupt(`bucket "${name}" holds a bucket; etcd's do not`);
          return [key, value];
        });
      }
    },
  };
}

function bucketName(key: Uint8Array): string {
  try {
    return utf8TextStrict(key);
  } catch {
    throw corrupt("a bucket's name is no text");
  }
}

interface Bucket {
  /** Which pages are its own. */
  readonly number: number;
  readonly root: number;
  readonly inline: Uint8Array;
}

interface LeafElement {
  readonly flags: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Walks trees of one file. Remembers which pages were reached: a second time is a cycle or a shared page. */
class Tree {
  readonly #source: ByteSource;
  readonly #meta: Meta;
  /** Of each page, the bucket that reached it first; 0: none yet. */
  readonly #owners: Uint16Array;

  constructor(source: ByteSource, meta: Meta, dataBytes: number) {
    this.#source = source;
    this.#meta = meta;
    const pages = Math.floor(dataBytes / meta.pageSize);
    if (meta.highWater > pages) {
      throw corrupt(`the header counts ${meta.highWater} pages, the file has ${pages} (truncated?)`);
    }
    this.#owners = new Uint16Array(pages);
  }

  /** @param owner the bucket's number */
  async *leaves(rootPage: number, owner: number): AsyncGenerator<readonly LeafElement[]> {
    const reached = new Uint8Array(Math.ceil(this.#owners.length / 8));
    let lastKey: Uint8Array | undefined;
    const stack: { readonly page: number; readonly depth: number }[] = [{ page: rootPage, depth: 0 }];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (next.depth > depthMax) throw corrupt(`the tree is deeper than ${depthMax} levels`);
      const { bytes, flags, count } = await this.#page(next.page, owner, reached);
      if (flags === pageFlags.leaf) {
        const elements = leafElements(bytes, count, next.page);
        for (const { key } of elements) {
          if (lastKey !== undefined && compareBytes(lastKey, key) >= 0)
            throw corrupt(`page ${next.page}: keys are not in order`);
          lastKey = key;
        }
        if (elements.length > 0) yield elements;
      } else if (flags === pageFlags.branch) {
        const children = branchChildren(bytes, count, next.page);
        if (children.length === 0) throw corrupt(`page ${next.page}: a branch without children`);
        for (const page of children.reverse()) stack.push({ page, depth: next.depth + 1 });
      } else {
        throw corrupt(`page ${next.page} has flags 0x${flags.toString(16)}, wanted a branch or a leaf`);
      }
    }
  }

  inlineLeaf(name: string, bytes: Uint8Array): readonly LeafElement[] {
    if (bytes.length < pageHeaderBytes) throw corrupt(`bucket "${name}": an inline page of ${bytes.length} bytes`);
    const flags = view(bytes).getUint16(8, true);
    if (flags !== pageFlags.leaf) throw corrupt(`bucket "${name}": its inline page is no leaf`);
    return leafElements(bytes, view(bytes).getUint16(10, true), 0);
  }

  async #page(
    id: number,
    owner: number,
    reached: Uint8Array,
  ): Promise<{ bytes: Uint8Array; flags: number; count: number }> {
    const { pageSize, highWater } = this.#meta;
    if (!Number.isSafeInteger(id) || id < 2 || id >= highWater)
      throw corrupt(`page ${id} lies outside the file's ${highWater} pages`);
    const first = await readExactly(this.#source, id * pageSize, pageSize);
    const header = view(first);
    if (header.getBigUint64(0, true) !== BigInt(id))
      throw corrupt(`page ${id} says that it is page ${header.getBigUint64(0, true)}`);
    const overflow = header.getUint32(12, true);
    if (id + overflow >= highWater) throw corrupt(`page ${id} runs on for ${overflow} pages, past the end`);
    if ((overflow + 1) * pageSize > pageRunBytesMax) throw corrupt(`page ${id} runs on for ${overflow} pages`);
    for (let page = id; page <= id + overflow; page++) {
      const bit = 1 << (page & 7);
      const byte = reached[page >> 3] as number;
      if ((byte & bit) !== 0) throw corrupt(`page ${page} is reached twice`);
      reached[page >> 3] = byte | bit;
      const known = this.#owners[page] as number;
      if (known !== 0 && known !== owner) throw corrupt(`page ${page} belongs to two buckets`);
      this.#owners[page] = owner;
    }
    const bytes = overflow === 0 ? first : await readExactly(this.#source, id * pageSize, (overflow + 1) * pageSize);
    return { bytes, flags: header.getUint16(8, true), count: header.getUint16(10, true) };
  }
}

function leafElements(page: Uint8Array, count: number, id: number): LeafElement[] {
  const at = view(page);
  requireElements(page, count, id);
  let free = pageHeaderBytes + count * elementBytes;
  return Array.from({ length: count }, (_, i) => {
    const element = pageHeaderBytes + i * elementBytes;
    const start = element + at.getUint32(element + 4, true);
    if (start < free) throw corrupt(`page ${id}: row ${i} overlaps what is before it`);
    const keyEnd = start + at.getUint32(element + 8, true);
    const valueEnd = keyEnd + at.getUint32(element + 12, true);
    if (valueEnd > page.length) throw corrupt(`page ${id}: row ${i} runs past the page's end`);
    free = valueEnd;
    return {
      flags: at.getUint32(element, true),
      key: page.subarray(start, keyEnd),
      value: page.subarray(keyEnd, valueEnd),
    };
  });
}

function branchChildren(page: Uint8Array, count: number, id: number): number[] {
  const at = view(page);
  requireElements(page, count, id);
  return Array.from({ length: count }, (_, i) => Number(at.getBigUint64(pageHeaderBytes + i * elementBytes + 8, true)));
}

function requireElements(page: Uint8Array, count: number, id: number): void {
  if (pageHeaderBytes + count * elementBytes > page.length)
    throw corrupt(`page ${id}: ${count} elements do not fit it`);
}

async function readMeta(source: ByteSource, dataBytes: number): Promise<Meta> {
  const found: Meta[] = [];
  const first = await metaAt(source, 0, dataBytes);
  if (first !== undefined) found.push(first);
  for (const pageSize of first === undefined ? pageSizes : [first.pageSize]) {
    const second = await metaAt(source, pageSize, dataBytes);
    if (second !== undefined && second.pageSize === pageSize) found.push(second);
  }
  const newest = found.sort((left, right) => (left.transactionId < right.transactionId ? 1 : -1))[0];
  if (newest === undefined) throw new BboltError("notBbolt", "not a bbolt file: neither header page is valid");
  return newest;
}

async function metaAt(source: ByteSource, offset: number, dataBytes: number): Promise<Meta | undefined> {
  if (offset + pageHeaderBytes + metaBytes > dataBytes) return undefined;
  const meta = await readExactly(source, offset + pageHeaderBytes, metaBytes);
  const at = view(meta);
  if (at.getUint32(0, true) !== magic || at.getUint32(4, true) !== formatVersion) return undefined;
  if (at.getBigUint64(56, true) !== metaChecksum(meta)) return undefined;
  const pageSize = at.getUint32(8, true);
  if (!pageSizes.some((known) => known === pageSize)) return undefined;
  return {
    pageSize,
    rootPage: Number(at.getBigUint64(16, true)),
    highWater: Number(at.getBigUint64(40, true)),
    transactionId: at.getBigUint64(48, true),
  };
}

async function readExactly(source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await source.read(offset, length);
  if (bytes.length !== length) throw corrupt(`the file ends at ${offset + bytes.length}, wanted ${offset + length}`);
  return bytes;
}

function corrupt(what: string): BboltError {
  return new BboltError("corrupt", what);
}
