/**
 * One member's database on LevelDB: the rows of every bucket, and how far the log has been applied to them.
 *
 * Invariants:
 *  I1. every write is one atomic batch with `sync: true`. Never without: LevelDB closes a rotated log without fsync, so
 *      one unsynced batch can cost later synced ones on a power cut;
 *  I2. the applied position is written in the batch of the rows that it stands for;
 *  I3. after a failed write nothing more is written: what is on the disk is not known any more;
 *  I4. every value is checked on every read.
 */
import { assert, equalBytes, utf8 } from "@triarch/base";
import type { Row, RowBackend } from "@triarch/mvcc";
import { ClassicLevel } from "classic-level";
import type { Snapshot } from "classic-level";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { LevelStoreError, levelStoreError } from "./errors.ts";
import { bucketPrefix, checkedValue, storedKey, storedValue, type Bucket } from "./rows.ts";

export interface BucketRow {
  readonly bucket: Bucket;
  readonly key: Uint8Array;
  /** undefined: delete the row. */
  readonly value: Uint8Array | undefined;
}

export interface AppliedPosition {
  readonly index: number;
  readonly term: number;
}

export interface LevelStoreOptions {
  readonly directory: string;
  /** False: a missing database is an error, not a new one. */
  readonly createIfMissing?: boolean;
  /** Decoded blocks kept in memory. Default 16 MiB. */
  readonly cacheBytes?: number;
}

/** Rows as they were at one moment. Close it, or LevelDB keeps everything deleted since. */
export interface LevelSnapshot {
  rows(bucket: Bucket): AsyncIterable<readonly Row[]>;
  getSync(bucket: Bucket, key: Uint8Array): Uint8Array | undefined;
  appliedPosition(): AppliedPosition;
  close(): Promise<void>;
}

type Database = ClassicLevel<Uint8Array, Uint8Array>;

/** What is read often is in the caches above; the system's page cache has the files. */
const defaultCacheBytes = 16 * 1024 * 1024;
/** Up to two of these are in memory. With 16 MiB a row cost as much CPU, a tenth fewer bytes were written. */
const writeBufferBytes = 4 * 1024 * 1024;
/** What one step of an iteration or of a large write holds at most. */
const rowsPerStep = 250;
const bytesPerStep = 256 * 1024;

const views = { keyEncoding: "view", valueEncoding: "view" } as const;
const formatKey = utf8("!format");
const format = utf8("triarch store 1");
/** Keys of the bucket `meta`. Source: etcd server/storage/schema. */
export const metaKeys = {
  consistentIndex: utf8("consistent_index"),
  term: utf8("term"),
  scheduledCompactRevision: utf8("scheduledCompactRev"),
  finishedCompactRevision: utf8("finishedCompactRev"),
  confState: utf8("confState"),
  storageVersion: utf8("storageVersion"),
} as const;

/** Opens or creates the database. @throws LevelStoreError "locked" | "damaged" | "foreign" | "missing" | "io" */
export async function openLevelStore(options: LevelStoreOptions): Promise<LevelStore> {
  const { directory } = options;
  let database: Database | undefined;
  try {
    const create = options.createIfMissing !== false;
    if (create) await mkdir(directory, { recursive: true });
    const existing = await refuseForeignFiles(directory);
    if (!existing && !create) throw new LevelStoreError({ code: "missing" }, directory, "there is no database here");
    database = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
      ...views,
      createIfMissing: !existing,
      cacheSize: options.cacheBytes ?? defaultCacheBytes,
      writeBufferSize: writeBufferBytes,
    });
    await database.open();
    await checkFormat(database, directory);
    return new LevelStore(database, directory);
  } catch (error) {
    await database?.close();
    throw levelStoreError(error, directory);
  }
}

export class LevelStore {
  readonly directory: string;
  /** The bucket `key` for the multi-version store. */
  readonly keyRows: RowBackend;
  readonly #database: Database;
  #failure: LevelStoreError | undefined;
  #writing = false;
  /** Called once, when reading or writing first finds damage. Whoever asked is told too. */
  onDamaged: ((error: LevelStoreError) => void) | undefined;

  /** Use `openLevelStore`. */
  constructor(database: Database, directory: string) {
    this.#database = database;
    this.directory = directory;
    this.keyRows = { getSync: (key) => this.getSync("key", key), rows: () => this.rows("key") };
  }

  /** Cost: 2 us when the block is cached. @throws LevelStoreError "damaged" | "io" | "closed" */
  getSync(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    return this.#get(storedKey(bucket, key), undefined);
  }

  /** How far the log has been applied to the rows; zeros in a new database. */
  appliedPosition(): AppliedPosition {
    return position((key) => this.getSync("meta", key));
  }

  /**
   * All of it or nothing, on the disk when it resolves. Many rows are gathered in slices, so one call has to be waited
   * for before the next. @throws LevelStoreError; nothing can be written after that
   */
  async write(rows: readonly BucketRow[], applied?: AppliedPosition): Promise<void> {
    assert(!this.#writing, "one write is waited for before the next");
    if (this.#failure !== undefined) throw this.#failure;
    if (rows.length === 0 && applied === undefined) return;
    this.#writing = true;
    try {
      if (rows.length > rowsPerStep) await this.#writeInSlices(rows, applied);
      else {
        const operations = [...rows.map(toOperation), ...ofPosition(applied)];
        await this.#database.batch<Uint8Array, Uint8Array>(operations, { sync: true }); // I1
      }
    } catch (error) {
      this.#failure = this.#failed(error); // I3
      throw this.#failure;
    } finally {
      this.#writing = false;
    }
  }

  async #writeInSlices(rows: readonly BucketRow[], applied: AppliedPosition | undefined): Promise<void> {
    const batch = this.#database.batch();
    try {
      for (const [i, row] of rows.entries()) {
        if (i > 0 && i % rowsPerStep === 0) await pause();
        add(batch, toOperation(row));
      }
      for (const operation of ofPosition(applied)) add(batch, operation); // I2
      await batch.write({ sync: true }); // I1
    } finally {
      await batch.close();
    }
  }

  /** A bucket in key order, as it was when iteration began. */
  rows(bucket: Bucket): AsyncIterable<readonly Row[]> {
    return this.#iterate(bucket, undefined);
  }

  /** Every bucket at one moment, for snapshot files and for members that lag. */
  snapshot(): LevelSnapshot {
    const snapshot = this.#database.snapshot();
    const getSync = (bucket: Bucket, key: Uint8Array): Uint8Array | undefined =>
      this.#get(storedKey(bucket, key), snapshot);
    return {
      rows: (bucket) => this.#iterate(bucket, snapshot),
      getSync,
      appliedPosition: () => position((key) => getSync("meta", key)),
      close: () => snapshot.close(),
    };
  }

  /** Bytes of the database's files. */
  async sizeBytes(): Promise<number> {
    const names = await readdir(this.directory);
    const sizes = await Promise.all(names.map((name) => fileSize(join(this.directory, name))));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Rewrites the files without what was deleted, beside reads and writes. */
  async compactFiles(): Promise<void> {
    try {
      await this.#database.compactRange(Uint8Array.of(0), Uint8Array.of(0xff));
    } catch (error) {
      throw levelStoreError(error, this.directory);
    }
  }

  /** Waits for a write under way. Iterations still open end with "closed". */
  async close(): Promise<void> {
    await this.#database.close();
  }

  #get(key: Uint8Array, snapshot: Snapshot | undefined): Uint8Array | undefined {
    try {
      const stored = this.#database.getSync<Uint8Array, Uint8Array>(
        key,
        snapshot === undefined ? views : { ...views, snapshot },
      );
      return stored === undefined ? undefined : checkedValue(key, stored, this.directory);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): LevelStoreError {
    const failure = levelStoreError(error, this.directory);
    if (failure.failure.code === "damaged") {
      const { onDamaged } = this;
      this.onDamaged = undefined;
      onDamaged?.(failure);
    }
    return failure;
  }

  async *#iterate(bucket: Bucket, snapshot: Snapshot | undefined): AsyncGenerator<readonly Row[]> {
    const prefix = bucketPrefix(bucket);
    try {
      const iterator = this.#database.iterator<Uint8Array, Uint8Array>({
        ...views,
        gte: Uint8Array.of(prefix),
        lt: Uint8Array.of(prefix + 1),
        highWaterMarkBytes: bytesPerStep,
        fillCache: false,
        ...(snapshot === undefined ? {} : { snapshot }),
      });
      try {
        for (;;) {
          const entries = await iterator.nextv(rowsPerStep);
          if (entries.length === 0) return;
          yield entries.map(([key, value]) => ({
            key: new Uint8Array(key.buffer, key.byteOffset + 1, key.length - 1),
            value: checkedValue(key, value, this.directory),
          }));
        }
      } finally {
        await iterator.close();
      }
    } catch (error) {
      throw this.#failed(error);
    }
  }
}

type Operation =
  | { readonly type: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: "del"; readonly key: Uint8Array };

function toOperation({ bucket, key, value }: BucketRow): Operation {
  const stored = storedKey(bucket, key);
  return value === undefined
    ? { type: "del", key: stored }
    : { type: "put", key: stored, value: storedValue(stored, value) };
}

type Batch = ReturnType<Database["batch"]>;

function add(batch: Batch, operation: Operation): void {
  if (operation.type === "del") batch.del(operation.key);
  else batch.put(operation.key, operation.value);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function ofPosition(applied: AppliedPosition | undefined): readonly Operation[] {
  if (applied === undefined) return [];
  return [putMeta(metaKeys.consistentIndex, applied.index), putMeta(metaKeys.term, applied.term)];
}

function putMeta(key: Uint8Array, number: number): Operation {
  const value = new Uint8Array(8);
  new DataView(value.buffer).setBigUint64(0, BigInt(number));
  return toOperation({ bucket: "meta", key, value });
}

function position(get: (key: Uint8Array) => Uint8Array | undefined): AppliedPosition {
  const read = (key: Uint8Array): number => {
    const value = get(key);
    return value === undefined ? 0 : Number(new DataView(value.buffer, value.byteOffset, 8).getBigUint64(0));
  };
  return { index: read(metaKeys.consistentIndex), term: read(metaKeys.term) };
}

/** @returns whether there is a database. @throws LevelStoreError "foreign" | "damaged" */
async function refuseForeignFiles(directory: string): Promise<boolean> {
  const names = await readdir(directory);
  if (names.includes("CURRENT")) return true;
  const ofLevelDb = names.filter((name) => /^(MANIFEST-\d+|\d+\.(ldb|sst|log))$/.test(name));
  if (ofLevelDb.length > 0) {
    throw new LevelStoreError({ code: "damaged" }, directory, "the database's file CURRENT is missing");
  }
  const strangers = names.filter((name) => !/^(LOCK|LOG|LOG\.old)$/.test(name));
  if (strangers.length > 0) {
    throw new LevelStoreError(
      { code: "foreign" },
      directory,
      `it holds other files (${strangers.slice(0, 3).join(", ")})`,
    );
  }
  return false;
}

/** A new database gets our mark; one with rows and without it is somebody else's. */
async function checkFormat(database: Database, directory: string): Promise<void> {
  const found = database.getSync<Uint8Array, Uint8Array>(formatKey, views);
  if (found !== undefined && equalBytes(found, format)) return;
  if (found !== undefined) {
    const text = Buffer.from(found).toString("latin1", 0, 40);
    throw new LevelStoreError(
      { code: "foreign" },
      directory,
      `its format is "${text}", this program knows "triarch store 1"`,
    );
  }
  const rows = await database.keys({ limit: 1 }).all();
  if (rows.length > 0)
    throw new LevelStoreError({ code: "foreign" }, directory, "it is the LevelDB of another program");
  await database.batch<Uint8Array, Uint8Array>([{ type: "put", key: formatKey, value: format }], { sync: true });
}

async function fileSize(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0; // removed by LevelDB since it was listed
  }
}
