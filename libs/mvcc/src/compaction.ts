/**
 * Physical compaction as a plan in bounded steps: each step goes over some keys, forgets in the index what no read can
 * ask for any more, and names the rows to delete. Every stored row is in the index, so the index knows them all.
 */
import type { ByteString } from "@triarch/base";
import { successor } from "./key-range.ts";
import type { KeyIndex } from "./key-index.ts";
import { encodeRevisionKey } from "./revision.ts";

const keysPerStep = 1000;
/** Rows of a step at most. */
const deletesPerStep = 1000;

export interface CompactionStep {
  /** Keys of rows to delete, after everything handed out to persist before this step. */
  readonly deletes: readonly Uint8Array[];
  /** True with the last step: everything below `compactRevision` is gone. */
  readonly finished: boolean;
  readonly compactRevision: number;
}

export class Compaction {
  readonly compactRevision: number;
  readonly #index: KeyIndex;
  #cursor: ByteString = "";

  constructor(index: KeyIndex, compactRevision: number) {
    this.#index = index;
    this.compactRevision = compactRevision;
  }

  step(): CompactionStep {
    const { compactRevision } = this;
    const deletes: Uint8Array[] = [];
    for (let visited = 0; visited < keysPerStep;) {
      const page = this.#index.page(this.#cursor, undefined);
      const last = page.at(-1);
      if (last === undefined) return { deletes, finished: true, compactRevision };
      for (const history of page) {
        // A key with many revisions is worked off in several steps: each forgets what is before some older revision.
        const upTo = history.compactionBound(compactRevision, deletesPerStep - deletes.length);
        const gone = history.compact(upTo, (main, sub, tombstone) => {
          deletes.push(encodeRevisionKey(main, sub, tombstone));
        });
        if (gone) this.#index.remove(history.key);
        if (upTo === compactRevision && deletes.length < deletesPerStep) continue;
        this.#cursor = upTo < compactRevision ? history.key : successor(history.key);
        return { deletes, finished: false, compactRevision };
      }
      this.#cursor = successor(last.key);
      visited += page.length;
    }
    return { deletes, finished: false, compactRevision };
  }
}
