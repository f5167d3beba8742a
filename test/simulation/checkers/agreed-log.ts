import type { Entry } from "@triarch/raft";
import type { LogPosition } from "@triarch/raft-node";
import type { KvState } from "../cluster/kv-state.ts";
import type { Observer } from "../cluster/observer.ts";
import type { SimProcess } from "../world/process.ts";

/** What is known to be committed, because somebody has applied it: the first to apply an index says what is there. */
export class AgreedLog implements Observer {
  readonly #terms = new Map<number, number>();
  readonly #chains = new Map<number, number>();
  #highestIndex = 0;

  get highestIndex(): number {
    return this.#highestIndex;
  }

  /** By ascending index of what is known to be not empty. */
  entryTerms(): ReadonlyMap<number, number> {
    return this.#terms;
  }

  termAt(index: number): number | undefined {
    return this.#terms.get(index);
  }

  /** Checksum of the state after the entry at `index`. */
  chainAt(index: number): number | undefined {
    return this.#chains.get(index);
  }

  onApply(_process: SimProcess, _before: KvState, _entries: readonly Entry[], position: LogPosition): void {
    this.#highestIndex = Math.max(this.#highestIndex, position.index);
  }

  onEntryApplied(_process: SimProcess, { chain }: KvState, { index, term }: Entry): void {
    if (this.#chains.has(index)) return;
    this.#chains.set(index, chain);
    this.#terms.set(index, term);
  }
}
