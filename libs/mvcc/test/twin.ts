/**
 * The slow, obvious twin: every revision's whole key space, kept as a copy. What the store answers from an index,
 * generations and rows, this answers by looking.
 */
import { compareBytes, utf8Text } from "@triarch/base";
import type { KeyValue, RangeRequest } from "@triarch/etcd-proto";

type State = ReadonlyMap<string, KeyValue>;

export class Twin {
  /** By revision. */
  readonly states = new Map<number, State>([[1, new Map()]]);
  revision = 1;
  compactRevision = -1;

  /** Applies puts and deletes as one transaction. @returns keys deleted */
  write(run: (draft: Draft) => void): void {
    const draft = new Draft(this.state(this.revision), this.revision + 1);
    run(draft);
    if (!draft.changed) return;
    this.revision += 1;
    this.states.set(this.revision, draft.state);
  }

  state(revision: number): State {
    const state = this.states.get(revision);
    if (state === undefined) throw new Error(`the twin has no revision ${revision}`);
    return state;
  }

  range(request: RangeRequest): { kvs: KeyValue[]; count: number; more: boolean } | "compacted" | "futureRevision" {
    const revision = request.revision > 0 ? request.revision : this.revision;
    if (revision > this.revision) return "futureRevision";
    if (revision < this.compactRevision) return "compacted";
    const inRange = [...this.state(revision).values()].filter((kv) => covers(request, kv.key));
    inRange.sort((left, right) => compareBytes(left.key, right.key));
    if (request.countOnly) return { kvs: [], count: inRange.length, more: false };
    let kvs = inRange.filter(
      (kv) =>
        (!request.minModRevision || kv.modRevision >= request.minModRevision) &&
        (!request.maxModRevision || kv.modRevision <= request.maxModRevision) &&
        (!request.minCreateRevision || kv.createRevision >= request.minCreateRevision) &&
        (!request.maxCreateRevision || kv.createRevision <= request.maxCreateRevision),
    );
    const filters =
      request.minModRevision || request.maxModRevision || request.minCreateRevision || request.maxCreateRevision;
    if (request.limit > 0 && request.sortOrder === 0 && !filters) kvs = kvs.slice(0, request.limit + 1);
    const by = (kv: KeyValue): number => [0, kv.version, kv.createRevision, kv.modRevision][request.sortTarget] ?? 0;
    const order = (left: KeyValue, right: KeyValue): number =>
      request.sortTarget === 0
        ? compareBytes(left.key, right.key)
        : request.sortTarget === 4
          ? compareBytes(left.value, right.value)
          : by(left) - by(right);
    kvs = kvs.toSorted(request.sortOrder === 2 ? (left, right) => order(right, left) : order);
    const more = request.limit > 0 && kvs.length > request.limit;
    if (more) kvs = kvs.slice(0, request.limit);
    if (request.keysOnly) kvs = kvs.map((kv) => ({ ...kv, value: new Uint8Array(0), lease: 0n }));
    return { kvs, count: inRange.length, more };
  }
}

class Draft {
  readonly state: Map<string, KeyValue>;
  changed = false;
  readonly #revision: number;

  constructor(state: State, revision: number) {
    this.state = new Map(state);
    this.#revision = revision;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const before = this.state.get(utf8Text(key));
    this.changed = true;
    this.state.set(utf8Text(key), {
      key,
      value,
      createRevision: before?.createRevision ?? this.#revision,
      modRevision: this.#revision,
      version: (before?.version ?? 0) + 1,
      lease: 0n,
    });
  }

  delete(range: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array }): void {
    for (const [key, kv] of this.state) if (covers(range, kv.key)) this.changed = this.state.delete(key);
  }
}

export function covers(range: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array }, key: Uint8Array): boolean {
  if (range.rangeEnd.length === 0) return compareBytes(key, range.key) === 0;
  if (compareBytes(key, range.key) < 0) return false;
  return (range.rangeEnd.length === 1 && range.rangeEnd[0] === 0) || compareBytes(key, range.rangeEnd) < 0;
}
