/**
 * Reading rows: first what is applied but not yet in the backend (the overlay), then the backend.
 *
 * Invariant: every revision in the key index that is not a tombstone has its row in the overlay or in the backend.
 */
import { assert, assertDefined, type ByteString } from "@triarch/base";
import { KeyValue } from "@triarch/etcd-proto";
import type { RowBackend } from "./backend.ts";
import type { KeyVersion } from "./key-history.ts";
import type { KeyIndex } from "./key-index.ts";
import { encodeRevisionKey } from "./revision.ts";

export class RowReader {
  readonly #backend: RowBackend;
  /** By main revision; the position is the sub revision. Insertion order is revision order. */
  readonly #overlay = new Map<number, readonly KeyValue[]>();

  constructor(backend: RowBackend) {
    this.#backend = backend;
  }

  get backend(): RowBackend {
    return this.#backend;
  }

  /** Rows of one transaction; the list may still grow while it runs. */
  hold(main: number, rows: readonly KeyValue[]): void {
    this.#overlay.set(main, rows);
  }

  /** Everything up to `main` can be read from the backend. */
  release(main: number): void {
    for (const held of this.#overlay.keys()) {
      if (held > main) return;
      this.#overlay.delete(held);
    }
  }

  read(main: number, sub: number): KeyValue {
    return this.#overlay.get(main)?.[sub] ?? KeyValue.decode(this.#stored(main, sub));
  }

  /** Encoded. */
  readBytes(main: number, sub: number): Uint8Array {
    const held = this.#overlay.get(main)?.[sub];
    return held === undefined ? this.#stored(main, sub) : KeyValue.encode(held);
  }

  #stored(main: number, sub: number): Uint8Array {
    const bytes = this.#backend.getSync(encodeRevisionKey(main, sub));
    return assertDefined(bytes, `the row of revision ${main}/${sub} is neither in memory nor on disk`);
  }

  /** Main revisions held, oldest first. */
  heldRevisions(): ReadonlyMap<number, readonly KeyValue[]> {
    return this.#overlay;
  }
}

/** One state of the store to read from. `revision` is the newest that reads may see. */
export interface ReadView {
  readonly index: KeyIndex;
  readonly rows: RowReader;
  readonly revision: number;
  /** -1: never compacted. */
  readonly compactRevision: number;
}

/** The living row of a key, or undefined. */
export function readKey(view: ReadView, key: ByteString): KeyValue | undefined {
  const found = view.index.get(key)?.find(view.revision);
  return found === undefined ? undefined : readVersion(view, found);
}

export function readVersion(view: ReadView, version: KeyVersion): KeyValue {
  const row = view.rows.read(version.main, version.sub);
  assert(row.modRevision === version.main, `the row of revision ${version.main} says it is of ${row.modRevision}`);
  return row;
}

export function readVersionBytes(view: ReadView, version: KeyVersion): Uint8Array {
  return view.rows.readBytes(version.main, version.sub);
}
