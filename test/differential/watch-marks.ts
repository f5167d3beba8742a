// Writes that are made to be seen by watchers: when one has come, all before it have.
import { compareBytes, equalBytes } from "@triarch/base";
import type { Watcher } from "./watch-recorder.ts";

const openEnd = new Uint8Array(1);

/** A write that was made to be seen by watchers. */
export interface WatchMark {
  readonly key: Uint8Array;
  readonly deletion: boolean;
  readonly revision: number;
}

export function sees(watcher: Watcher, { key, deletion, revision }: WatchMark): boolean {
  const { rangeEnd, startRevision } = watcher.request;
  const start = startOf(watcher);
  const open = rangeEnd.length === 1 && rangeEnd[0] === 0;
  const inRange =
    rangeEnd.length === 0
      ? equalBytes(key, start)
      : compareBytes(key, start) >= 0 && (open || compareBytes(key, rangeEnd) < 0);
  return inRange && startRevision <= revision && (deletion ? watcher.wantsDeletes : watcher.wantsPuts);
}

export function startOf(watcher: Watcher): Uint8Array {
  return watcher.request.key.length === 0 ? openEnd : watcher.request.key;
}
